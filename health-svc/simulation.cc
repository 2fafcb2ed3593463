#include "health-svc/simulation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/money.h"
#include "common/base/page_token.h"
#include "common/base/status_macros.h"
#include "health-svc/assessment.h"
#include "health-svc/request_names.h"
#include "health-svc/rules/column_scoring.h"
#include "health-svc/rules/scorecard_check.h"

namespace perennial::health {
namespace {

// Rows scored under one lock, a multiple of 64: the writer does not wait for all of them.
constexpr facts::RowId kRowsAtOnce = 65536;

struct Amount {
  std::int64_t accounts = 0;
  double mrr = 0;
};

// What an account's score is, and what made it.
std::map<std::string, double> Contributions(const Evaluation& evaluation) {
  std::map<std::string, double> out;
  const v1::Scorecard& card = evaluation.scorecard->config();
  for (int i = 0; i < card.measures_size(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (!evaluation.points[at].has_value()) continue;
    const v1::Measure& measure = card.measures(i);
    out[measure.display_name().empty() ? measure.id() : measure.display_name()] +=
        evaluation.weights[at] * *evaluation.points[at];
  }
  for (const Evaluation::Effect& effect : evaluation.effects) {
    const v1::ScoreException& exception = card.exceptions(effect.exception);
    out[absl::StrCat("the exception ", exception.id())] += effect.after - effect.before;
  }
  return out;
}

std::string ReasonOf(const Evaluation& before, const Evaluation& after) {
  if (!after.score.has_value()) return "nothing that the draft measures is known";
  if (!before.score.has_value()) return "the draft measures what is known";
  std::map<std::string, std::pair<double, double>> both;
  for (const auto& [name, points] : Contributions(before)) both[name].first = points;
  for (const auto& [name, points] : Contributions(after)) both[name].second = points;
  const auto most = std::max_element(both.begin(), both.end(), [](const auto& a, const auto& b) {
    return std::abs(a.second.second - a.second.first) < std::abs(b.second.second - b.second.first);
  });
  if (most == both.end()) return "";
  return absl::StrFormat("%s gives %.1f points of the score instead of %.1f", most->first, most->second.second,
                         most->second.first);
}

// "USD" of a unit such as "USD per month"; empty when it does not begin with a currency.
std::string CurrencyOf(const std::string& unit) {
  const std::string code = unit.substr(0, 3);
  const bool is_code = code.size() == 3 && std::all_of(code.begin(), code.end(), absl::ascii_isupper);
  return is_code ? code : "";
}

// A run over the portfolio.
class PortfolioRun {
 public:
  PortfolioRun(const Portfolio& portfolio, const Scorecards& before, const Scorecards& after, const std::string& draft,
               std::size_t list_size)
      : portfolio_(portfolio), before_(before), after_(after), draft_(draft), list_size_(list_size) {}

  v1::SimulateScorecardResponse Take() {
    for (facts::RowId row = 0;;) {
      const ReadLock read(portfolio_.lock());
      if (row == 0) Begin();
      const auto count = static_cast<facts::RowId>(portfolio_.table().row_count());
      const facts::RowId end = std::min(count, row + kRowsAtOnce);
      Score(row, end);
      for (facts::RowId at = row; at < end; ++at) Look(at, at - row);
      row = end;
      if (row == count) break;
    }
    Finish();
    return std::move(out_);
  }

 private:
  void Begin() {
    mrr_ = portfolio_.catalogue().Find("mrr");
    if (mrr_.has_value()) currency_ = CurrencyOf(portfolio_.catalogue().Get(*mrr_).unit);
    out_.set_facts_revision(portfolio_.facts_revision());
  }

  // What a set of scorecards makes of the rows of a range.
  struct Scored {
    std::vector<double> scores;                     // NaN where unknown
    std::vector<const CompiledScorecard*> scorecards;  // null for rows that are left out
  };

  [[nodiscard]] bool Wanted(facts::RowId row) const {
    return portfolio_.entry(row).revision != 0 && !portfolio_.entry(row).frozen;
  }

  void Score(facts::RowId first, facts::RowId end) {
    ScoreWith(scoring_before_, first, end, scored_before_);
    ScoreWith(scoring_after_, first, end, scored_after_);
  }

  void ScoreWith(ColumnScoring& scoring, facts::RowId first, facts::RowId end, Scored& out) const {
    out.scores.assign(end - first, 0);
    out.scorecards.assign(end - first, nullptr);
    scoring.Score({.table = portfolio_.table(),
                   .first = first,
                   .end = end,
                   .as_of = [&](facts::RowId row) { return portfolio_.entry(row).as_of; },
                   .wanted = [&](facts::RowId row) { return Wanted(row); },
                   .carried = [&](facts::RowId row) { return portfolio_.CarriedOf(row); }},
                  [&](const ScoredBlock& block) {
                    for (std::size_t i = 0; i < block.rows.size(); ++i) {
                      out.scores[block.rows[i] - first] = block.scores[i];
                      out.scorecards[block.rows[i] - first] = block.scorecard;
                    }
                  });
  }

  void Look(facts::RowId row, std::size_t at) {
    if (scored_after_.scorecards[at] == nullptr) return;
    const double mrr = mrr_.has_value() ? portfolio_.table().Number(row, *mrr_).value_or(0) : 0;
    const double before = scored_before_.scores[at];
    const double after = scored_after_.scores[at];
    const std::string& from = BandOf(before, *scored_before_.scorecards[at]);
    const std::string& to = BandOf(after, *scored_after_.scorecards[at]);
    out_.set_accounts(out_.accounts() + 1);
    if (scored_after_.scorecards[at]->config().id() == draft_) out_.set_accounts_scored(out_.accounts_scored() + 1);
    Add(bands_before_[from], mrr);
    Add(bands_after_[to], mrr);
    if (from != to) {
      out_.set_accounts_changing_band(out_.accounts_changing_band() + 1);
      Add(moves_[{from, to}], mrr);
    }
    if (before == after || (std::isnan(before) && std::isnan(after))) return;
    out_.set_accounts_changed(out_.accounts_changed() + 1);
    const bool known = !std::isnan(before) && !std::isnan(after);
    Keep({.distance = known ? std::abs(after - before) : std::numeric_limits<double>::infinity(),
          .account = portfolio_.table().account_id(row)},
         row, mrr);
  }

  struct Ranked {
    double distance = 0;
    std::string account;
    v1::SimulatedChange change = {};

    // Whether it comes first.
    bool operator<(const Ranked& other) const {
      return distance != other.distance ? distance > other.distance : account < other.account;
    }
  };

  void Keep(Ranked ranked, facts::RowId row, double mrr) {
    if (changes_.size() == list_size_ && !(ranked < changes_.front())) return;
    const facts::TableRow facts(portfolio_.table(), row);
    const filter::EvaluationContext context{.now = portfolio_.entry(row).as_of};
    const Evaluation before = before_.Evaluate(facts, context, portfolio_.CarriedOf(row));
    const Evaluation after = after_.Evaluate(facts, context, portfolio_.CarriedOf(row));
    v1::SimulatedChange& change = ranked.change;
    change.set_account(absl::StrCat("accounts/", ranked.account));
    if (before.score.has_value()) change.set_score_before(*before.score);
    if (after.score.has_value()) change.set_score_after(*after.score);
    if (before.score.has_value()) change.set_from_band(before.scorecard->BandOf(*before.score));
    if (after.score.has_value()) change.set_to_band(after.scorecard->BandOf(*after.score));
    *change.mutable_mrr() = ToMoney(mrr);
    change.set_reason(ReasonOf(before, after));
    changes_.push_back(std::move(ranked));
    std::push_heap(changes_.begin(), changes_.end());  // the last in rank on top
    if (changes_.size() <= list_size_) return;
    std::pop_heap(changes_.begin(), changes_.end());
    changes_.pop_back();
  }

  static const std::string& BandOf(double score, const CompiledScorecard& scorecard) {
    static const std::string& none = *new std::string();
    return std::isnan(score) ? none : scorecard.BandOf(score);
  }
  static void Add(Amount& amount, double mrr) {
    ++amount.accounts;
    amount.mrr += mrr;
  }
  [[nodiscard]] perennial::type::v1::Money ToMoney(double units) const {
    perennial::type::v1::Money money;
    constexpr double kMost = 9e12;
    money.set_amount(FormatAmount(MicrosOfNumber(std::clamp(units, -kMost, kMost))));
    money.set_currency_code(currency_);
    return money;
  }

  template <class Shares>
  void ToShares(const std::map<std::string, Amount>& bands, Shares* out) const {
    for (const auto& [band, amount] : bands) {
      v1::BandShare* share = out->Add();
      share->set_band(band);
      share->set_accounts(amount.accounts);
      *share->mutable_mrr() = ToMoney(amount.mrr);
    }
  }

  void Finish() {
    ToShares(bands_before_, out_.mutable_before());
    ToShares(bands_after_, out_.mutable_after());
    for (const auto& [bands, amount] : moves_) {
      v1::BandMove* move = out_.add_moves();
      move->set_from_band(bands.first);
      move->set_to_band(bands.second);
      move->set_accounts(amount.accounts);
      *move->mutable_mrr() = ToMoney(amount.mrr);
    }
    std::stable_sort(out_.mutable_moves()->begin(), out_.mutable_moves()->end(),
                     [](const auto& a, const auto& b) { return a.accounts() > b.accounts(); });
    std::sort_heap(changes_.begin(), changes_.end());
    for (Ranked& ranked : changes_) *out_.add_changes() = std::move(ranked.change);
  }

  const Portfolio& portfolio_;
  const Scorecards& before_;
  const Scorecards& after_;
  ColumnScoring scoring_before_{before_};
  ColumnScoring scoring_after_{after_};
  Scored scored_before_;
  Scored scored_after_;
  const std::string& draft_;
  const std::size_t list_size_;
  std::optional<facts::FactId> mrr_;
  std::string currency_;
  std::map<std::string, Amount> bands_before_;
  std::map<std::string, Amount> bands_after_;
  std::map<std::pair<std::string, std::string>, Amount> moves_;
  std::vector<Ranked> changes_;
  v1::SimulateScorecardResponse out_;
};

}  // namespace

absl::StatusOr<v1::SimulateScorecardResponse> Simulation::Run(const v1::SimulateScorecardRequest& request) const {
  const auto id = ScorecardOfName(request.scorecard().name());
  const auto list_size = PageSize(request.list_size(), 20);
  BadRequest bad;
  bad.AddIfError("scorecard.name", id.status());
  if (!list_size.ok()) bad.Add("list_size", "must not be negative");
  PERENNIAL_RETURN_IF_ERROR(library_.Check(request.scorecard(), bad));
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  v1::ScorecardSet present;
  v1::ScorecardSet changed;
  configurator_.ReadScorecards([&](const ScorecardConfiguration& configuration) {
    for (const v1::Scorecard& card : configuration.InForce()) {
      *present.add_scorecards() = card;
      if (card.id() != *id) *changed.add_scorecards() = card;
    }
  });
  v1::Scorecard draft = DefinitionOf(request.scorecard());
  draft.set_id(*id);
  draft.set_revision(1);
  *changed.add_scorecards() = draft;
  if (const v1::Scorecard* last = LastWithFilter(changed)) {
    bad.Add("scorecard.applies_to", absl::StrCat("leaves accounts without a scorecard: '", last->id(),
                                                 "', the last in order of priority, would not apply to all"));
  }
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  PERENNIAL_ASSIGN_OR_RETURN(Scorecards before, Scorecards::Compile(present));
  PERENNIAL_ASSIGN_OR_RETURN(Scorecards after, Scorecards::Compile(changed));
  {
    const ReadLock read(portfolio_.lock());
    (void)before.Resolve(portfolio_.catalogue());
    (void)after.Resolve(portfolio_.catalogue());
  }
  return PortfolioRun(portfolio_, before, after, *id, static_cast<std::size_t>(*list_size)).Take();
}

}  // namespace perennial::health
