#include "accounts-svc/facts/compute_facts.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "accounts-svc/facts/fact_groups.h"
#include "accounts-svc/facts/lifecycle.h"
#include "common/base/status_macros.h"

namespace perennial::accounts {
namespace {

facts::FactType TypeOf(const AttributeValue& value) {
  constexpr facts::FactType kTypes[] = {facts::FactType::kNumber, facts::FactType::kString, facts::FactType::kBool,
                                        facts::FactType::kTime};
  return kTypes[value.index()];
}

absl::Status PutAccountFacts(const AccountHistory& history, FactNumbering& numbering, FactSink& sink) {
  sink.PutText("name", history.state.display_name);
  sink.PutText("owner", history.state.owner);
  sink.PutText("parent", history.state.parent);
  sink.row().SetSet(numbering.Fixed("tags"), history.state.tags);
  sink.Put("tenure_days", sink.DaysSince(history.customer_since));
  for (const auto& [key, value] : history.state.attributes) {
    PERENNIAL_ASSIGN_OR_RETURN(const facts::FactId fact, numbering.ForAttribute(key, TypeOf(value)));
    if (const auto* number = std::get_if<double>(&value)) sink.row().SetNumber(fact, *number);
    if (const auto* text = std::get_if<std::string>(&value)) sink.row().SetText(fact, *text);
    if (const auto* flag = std::get_if<bool>(&value)) sink.row().SetNumber(fact, *flag ? 1 : 0);
    if (const auto* time = std::get_if<absl::Time>(&value)) {
      sink.row().SetNumber(fact, absl::ToDoubleSeconds(*time - absl::UnixEpoch()));
    }
  }
  return absl::OkStatus();
}

// When something that is already known takes effect: an entry with a later time, or the next phase.
std::optional<absl::Time> NextChange(const AccountHistory& history, const std::vector<MrrPoint>& mrr, const FactSink& sink) {
  const absl::Time midnight = StartOfDay(sink.today() + 1);
  absl::Time next = history.next_change;
  for (const PhaseChange& change : PhaseTimeline(history, mrr, midnight)) {
    if (change.time > sink.as_of()) next = std::min(next, change.time);
  }
  return next < midnight ? std::optional<absl::Time>(next) : std::nullopt;
}

}  // namespace

absl::StatusOr<Computed> ComputeFacts(const AccountHistory& history, const std::vector<Metric>& metrics, absl::Time as_of,
                                      FactNumbering& numbering) {
  FactSink sink(numbering, as_of);
  Computed computed;
  computed.mrr = MrrTimeline(history.subscriptions, as_of);
  computed.phases = PhaseTimeline(history, computed.mrr, as_of);
  PERENNIAL_RETURN_IF_ERROR(PutAccountFacts(history, numbering, sink));
  if (!computed.phases.empty()) {
    sink.PutText("phase", NameOf(computed.phases.back().phase));
    sink.Put("phase_days", sink.DaysSince(computed.phases.back().time));
  }
  PutRevenueFacts(history, computed.mrr, sink);
  PutContactFacts(history, sink);
  PutSentimentFacts(history, computed.phases, sink);
  computed.usage = UsageState(history, sink.today());
  computed.use_context = UseContextOf(history, sink);
  FactRowNumbers numbers(sink.row());
  computed.reached_goals = PutFactsOfUse(computed.usage, computed.use_context, metrics, numbering, as_of, numbers);
  computed.next_change = NextChange(history, computed.mrr, sink);
  computed.facts = std::move(sink.row());
  return computed;
}

}  // namespace perennial::accounts
