#include "health-svc/rules/change_explanation.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "health-svc/rules/explanation.h"

namespace perennial::health {
namespace {

std::string Signed(double points) {
  return points < 0 ? absl::StrFormat("−%.1f", -points) : absl::StrFormat("+%.1f", points);
}

std::string NameOf(const v1::Measure& measure) {
  return measure.display_name().empty() ? measure.id() : measure.display_name();
}

class Parts {
 public:
  Parts(const ScoreMoment& before, const ScoreMoment& after, const Evaluation& middle,
        const facts::FactCatalogue& catalogue)
      : before_(before), after_(after), middle_(middle), catalogue_(catalogue) {}

  std::vector<v1::ScoreChangePart> Take() {
    if (!before_.shown.has_value() || !after_.shown.has_value()) return {};
    const std::optional<double> computed = after_.evaluation.computed;
    if (computed.has_value() && before_.evaluation.computed.has_value()) {
      AddComputed(*before_.evaluation.computed, *computed);
      AddExceptions();
    }
    AddOverride();
    std::stable_sort(parts_.begin(), parts_.end(),
                     [](const auto& a, const auto& b) { return std::abs(a.points()) > std::abs(b.points()); });
    return std::move(parts_);
  }

 private:
  v1::ScoreChangePart& Add(v1::ScoreChangeKind kind, double points, const std::string& words) {
    v1::ScoreChangePart part;
    part.set_kind(kind);
    part.set_points(points);
    part.set_reason(absl::StrCat(words, ": ", Signed(points)));
    parts_.push_back(std::move(part));
    return parts_.back();
  }

  void AddComputed(double before, double after) {
    const v1::Scorecard& old_card = before_.evaluation.scorecard->config();
    const v1::Scorecard& card = after_.evaluation.scorecard->config();
    const bool same = old_card.id() == card.id() && old_card.revision() == card.revision();
    // Nothing that the new scorecard measures was known before: there is no step between the two.
    const bool reachable = same || middle_.computed.has_value();
    double at = before;
    if (!same) {
      const double to = reachable ? *middle_.computed : after;
      if (to != at) {
        Add(v1::SCORE_CHANGE_KIND_CONFIGURATION, to - at,
            old_card.id() == card.id() ? absl::StrCat("scorecard ", card.id(), " went from revision ",
                                                      old_card.revision(), " to ", card.revision())
                                       : absl::StrCat("scorecard ", card.id(), " took the place of ", old_card.id()));
      }
      at = to;
    }
    if (reachable) AddMeasures(at);
  }

  void AddMeasures(double at) {
    std::vector<MeasureOutcome> outcomes = middle_.outcomes;
    const std::vector<MeasureOutcome>& goal = after_.evaluation.outcomes;
    const auto known = [](const MeasureOutcome& outcome) { return outcome.state == v1::MEASURE_STATE_KNOWN; };
    const auto take = [&](auto wanted) {
      for (std::size_t i = 0; i < outcomes.size(); ++i) {
        if (!wanted(known(middle_.outcomes[i]), known(goal[i]))) continue;
        outcomes[i] = goal[i];
        const std::optional<double> to = after_.evaluation.scorecard->Combine(outcomes).computed;
        if (!to.has_value() || *to == at) continue;
        AddMeasure(static_cast<int>(i), *to - at);
        at = *to;
      }
    };
    take([](bool was, bool is) { return was && is; });
    take([](bool was, bool is) { return !was && is; });
    take([](bool was, bool is) { return was && !is; });
    // What is carried began or ended to count, or is carried from another day.
    take([](bool was, bool is) { return !was && !is; });
  }

  std::string WordsOf(const facts::RowReader& row, int index) const {
    const auto fact = after_.evaluation.scorecard->FactOf(static_cast<std::size_t>(index));
    if (!fact.has_value()) return "";
    const facts::FactDefinition& definition = catalogue_.Get(*fact);
    const auto value = ValueOf(row, *fact, definition.type);
    return value.has_value() ? ValueInWords(*value, definition) : "";
  }
  std::optional<double> NumberOf(const facts::RowReader& row, int index) const {
    const auto fact = after_.evaluation.scorecard->FactOf(static_cast<std::size_t>(index));
    return fact.has_value() && catalogue_.Get(*fact).type == facts::FactType::kNumber ? row.Number(*fact)
                                                                                      : std::nullopt;
  }

  void AddMeasure(int index, double points) {
    const v1::Measure& measure = after_.evaluation.scorecard->config().measures(index);
    const MeasureOutcome& was = middle_.outcomes[static_cast<std::size_t>(index)];
    const MeasureOutcome& is = after_.evaluation.outcomes[static_cast<std::size_t>(index)];
    const std::string before = WordsOf(before_.facts, index);
    const std::string after = WordsOf(after_.facts, index);
    const std::string name = NameOf(measure);
    std::string words;
    v1::ScoreChangeKind kind = v1::SCORE_CHANGE_KIND_MISSING;
    if (was.state == v1::MEASURE_STATE_KNOWN && is.state == v1::MEASURE_STATE_KNOWN) {
      kind = v1::SCORE_CHANGE_KIND_DATA;
      const auto old_number = NumberOf(before_.facts, index);
      const auto number = NumberOf(after_.facts, index);
      const char* verb = !old_number.has_value() || !number.has_value() || *old_number == *number ? " went from "
                         : *number < *old_number                                                  ? " fell from "
                                                                                                  : " rose from ";
      words = before == after ? absl::StrCat(name, " of ", after, " is seen otherwise now")
                              : absl::StrCat(name, verb, before, " to ", after);
    } else if (is.state == v1::MEASURE_STATE_KNOWN) {
      words = absl::StrCat(name, " became known: ", after);
    } else if (is.state == v1::MEASURE_STATE_CARRIED) {
      words = absl::StrCat(name, " is carried from ", DayInWords(is.carried_day), " on");
    } else if (was.state == v1::MEASURE_STATE_CARRIED) {
      words = absl::StrCat(name, " from ", DayInWords(was.carried_day), " is carried no more");
    } else if (is.state == v1::MEASURE_STATE_STALE) {
      words = absl::StrCat(name, " became too old");
    } else {
      words = absl::StrCat(name, " became unknown, it was ", before);
    }
    v1::ScoreChangePart& part = Add(kind, points, words);
    part.set_measure(measure.id());
    part.set_before(before);
    part.set_after(after);
  }

  void AddExceptions() {
    std::map<std::string, std::pair<double, std::string>> effects;  // what each did after, less what it did before
    const auto collect = [&](const Evaluation& evaluation, double sign) {
      for (const Evaluation::Effect& effect : evaluation.effects) {
        const v1::ScoreException& exception = evaluation.scorecard->config().exceptions(effect.exception);
        auto& [points, words] = effects[exception.id()];
        points += sign * (effect.after - effect.before);
        const std::string reason = exception.reason().empty() ? exception.id() : exception.reason();
        words = sign > 0 ? absl::StrCat(reason, words.empty() ? "" : " (also before)")
                         : absl::StrCat("no longer: ", reason);
      }
    };
    collect(before_.evaluation, -1);
    collect(after_.evaluation, 1);
    for (const auto& [id, effect] : effects) {
      if (effect.first == 0) continue;
      Add(v1::SCORE_CHANGE_KIND_EXCEPTION, effect.first, effect.second).set_exception(id);
    }
  }

  void AddOverride() {
    // A score that the facts do not give lies wholly in the override.
    const double before = *before_.shown - before_.evaluation.score.value_or(after_.evaluation.score.value_or(0));
    const double after = *after_.shown - after_.evaluation.score.value_or(before_.evaluation.score.value_or(0));
    if (after == before) return;
    Add(v1::SCORE_CHANGE_KIND_OVERRIDE, after - before,
        after == 0 ? "a person's score was taken away"
                   : absl::StrFormat("a person set the score to %.1f", *after_.shown));
  }

  const ScoreMoment& before_;
  const ScoreMoment& after_;
  const Evaluation& middle_;
  const facts::FactCatalogue& catalogue_;
  std::vector<v1::ScoreChangePart> parts_;
};

}  // namespace

std::vector<v1::ScoreChangePart> ExplainChange(const ScoreMoment& before, const ScoreMoment& after,
                                               const Evaluation& before_by_after,
                                               const facts::FactCatalogue& catalogue) {
  return Parts(before, after, before_by_after, catalogue).Take();
}

}  // namespace perennial::health
