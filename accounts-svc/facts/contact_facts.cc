#include <algorithm>

#include "accounts-svc/facts/fact_groups.h"

namespace perennial::accounts {
namespace {

// A mean that is unknown while it has no element.
class Mean {
 public:
  void Add(double value) {
    sum_ += value;
    ++count_;
  }
  [[nodiscard]] std::optional<double> value() const {
    return count_ == 0 ? std::nullopt : std::optional<double>(sum_ / count_);
  }

 private:
  double sum_ = 0;
  int count_ = 0;
};

// Adds whether a promised time that fell due within the window was kept.
void AddPromise(std::optional<absl::Time> due, std::optional<absl::Time> done, absl::Time begin, absl::Time as_of,
                Mean& kept) {
  if (!due.has_value()) return;
  const absl::Time decided = std::min(*due, done.value_or(absl::InfiniteFuture()));
  if (decided > as_of || decided < begin) return;
  kept.Add(done.has_value() && *done <= *due ? 1 : 0);
}

void PutTouchFacts(const AccountHistory& history, FactSink& sink) {
  int in_30d = 0;
  int in_90d = 0;
  int inbound = 0;
  const absl::Time first_90d_end = StartOfDay(DayOf(history.customer_since) + 90);
  bool engaged = false;
  for (const Touchpoint& touch : history.touchpoints) {
    if (touch.time >= sink.WindowStart(30)) ++in_30d;
    if (touch.time >= sink.WindowStart(90)) {
      ++in_90d;
      if (touch.inbound) ++inbound;
    }
    engaged = engaged || (touch.time >= history.customer_since && touch.time < first_90d_end);
  }
  if (!history.touchpoints.empty()) sink.Put("touch.days_since_last", sink.DaysSince(history.touchpoints.back().time));
  sink.Put("touch.count_30d", in_30d);
  sink.Put("touch.count_90d", in_90d);
  sink.Put("touch.inbound_90d", inbound);
  if (engaged || sink.as_of() >= first_90d_end) sink.PutFlag("touch.engaged_first_90d", engaged);
}

void PutSupportFacts(const AccountHistory& history, FactSink& sink) {
  int open = 0;
  int urgent = 0;
  int unanswered = 0;
  int opened_30d = 0;
  int opened_90d = 0;
  Mean response;
  Mean resolution;
  Mean on_time;
  const absl::Time begin = sink.WindowStart(90);
  absl::Time last = absl::InfinitePast();
  for (const Ticket& ticket : history.tickets) {
    last = std::max(last, ticket.opened);
    if (!ticket.resolved.has_value()) {
      ++open;
      if (ticket.priority == TicketPriority::kUrgent) ++urgent;
      if (ticket.priority == TicketPriority::kUrgent && !ticket.first_response.has_value()) ++unanswered;
    } else if (*ticket.resolved >= begin) {
      resolution.Add(absl::ToDoubleHours(*ticket.resolved - ticket.opened));
    }
    if (ticket.opened >= sink.WindowStart(30)) ++opened_30d;
    if (ticket.opened >= begin) {
      ++opened_90d;
      if (ticket.first_response.has_value()) response.Add(absl::ToDoubleHours(*ticket.first_response - ticket.opened));
    }
    AddPromise(ticket.first_response_due, ticket.first_response, begin, sink.as_of(), on_time);
    AddPromise(ticket.resolve_due, ticket.resolved, begin, sink.as_of(), on_time);
  }
  sink.Put("support.open", open);
  sink.Put("support.open_urgent", urgent);
  sink.Put("support.unanswered_urgent", unanswered);
  sink.Put("support.opened_30d", opened_30d);
  sink.Put("support.opened_90d", opened_90d);
  sink.Put("support.first_response_hours_90d", response.value());
  sink.Put("support.resolution_hours_90d", resolution.value());
  sink.Put("support.on_time_rate_90d", on_time.value());
  if (!history.tickets.empty()) sink.Put("support.days_since_last", sink.DaysSince(last));
}

}  // namespace

void PutContactFacts(const AccountHistory& history, FactSink& sink) {
  PutTouchFacts(history, sink);
  PutSupportFacts(history, sink);
}

}  // namespace perennial::accounts
