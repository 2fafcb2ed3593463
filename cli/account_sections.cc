#include "cli/account_sections.h"

#include <algorithm>
#include <array>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "cli/flag_rules.h"
#include "cli/format.h"
#include "cli/table.h"
#include "common/base/money.h"
#include "common/base/time_util.h"

namespace perennial::cli {
namespace {

using perennial::accounts::v1::Fact;
using perennial::accounts::v1::Subscription;

constexpr std::size_t kMostSubscriptions = 10;
constexpr std::size_t kMostMetrics = 8;
constexpr int kGroupWidth = 14;

struct FactGroup {
  const char* title;
  const char* prefix;  // left out of the names
  std::vector<const char*> names;
};

const std::array<FactGroup, 6>& KeyFacts() {
  static const std::array<FactGroup, 6> groups = {{
      {"revenue",
       "",
       {"seats", "revenue.expansion_90d", "revenue.contraction_90d", "revenue.churned_90d", "auto_renew"}},
      {"use",
       "usage.",
       {"usage.days_since_last", "usage.change_30d", "usage.breadth_30d", "usage.seat_utilisation_30d"}},
      {"touch", "touch.", {"touch.days_since_last", "touch.count_90d", "touch.inbound_90d"}},
      {"support",
       "support.",
       {"support.open", "support.open_urgent", "support.opened_90d", "support.first_response_hours_90d",
        "support.on_time_rate_90d"}},
      {"sentiment", "", {"nps.latest", "csat.avg_90d", "pulse.latest", "silent"}},
      {"onboarding", "onboarding.", {"onboarding.progress", "onboarding.days", "onboarding.first_value_days"}},
  }};
  return groups;
}

bool IsShare(absl::string_view name) {
  return absl::StrContains(name, "change_") || absl::StrContains(name, "_rate") || absl::StrContains(name, "breadth") ||
         absl::StrContains(name, "utilisation") || absl::EndsWith(name, "progress");
}

std::string ValueOf(const Fact* fact) {
  if (fact == nullptr) return std::string(kUnknown);
  if (fact->value_case() != Fact::kNumber) return FormatFact(*fact);
  return IsShare(fact->name()) ? FormatPercent(fact->number()) : FormatNumber(fact->number());
}

// A group's title, then "name value" pairs in as many lines as they need.
class PairLines {
 public:
  PairLines(absl::string_view title, int width) : width_(width) {
    line_ = Text("  ").Add(Text(title, Style::kDim).Truncated(kGroupWidth));
    line_.PadTo(kGroupWidth + 4);
  }
  void Add(absl::string_view name, absl::string_view value) {
    Text pair = Text(name, Style::kDim).Add(" ").Add(value);
    if (!first_ && line_.width() + 3 + pair.width() > width_) {
      page_.push_back(std::move(line_));
      line_ = Text().PadTo(kGroupWidth + 4);
      first_ = true;
    }
    line_.Add(first_ ? "" : " · ", Style::kDim).Add(pair.Truncated(width_ - kGroupWidth - 4));
    first_ = false;
  }
  Page Finish() && {
    page_.push_back(std::move(line_));
    return std::move(page_);
  }

 private:
  const int width_;
  Text line_;
  Page page_;
  bool first_ = true;
};

std::string Readable(absl::string_view name) { return absl::StrReplaceAll(name, {{"_", " "}, {".", " "}}); }

bool IsActive(const Subscription& subscription, absl::Time moment) {
  return ToTime(subscription.start_time()) <= moment &&
         (!subscription.has_end_time() || ToTime(subscription.end_time()) > moment);
}

Text StateOf(const Subscription& subscription, absl::Time moment) {
  if (ToTime(subscription.start_time()) > moment) return {"planned", Style::kCyan};
  if (!IsActive(subscription, moment)) return {"ended", Style::kDim};
  return subscription.trial() ? Text("trial", Style::kCyan) : Text("active", Style::kGreen);
}

// Metrics that were used in the last 30 days, with their sums, the most used first.
std::vector<std::pair<double, std::string>> MetricsOf(const AccountData& data) {
  std::vector<std::pair<double, std::string>> metrics;
  for (const Fact& fact : data.customer.facts()) {
    absl::string_view name = fact.name();
    if (absl::ConsumePrefix(&name, "usage.") && absl::ConsumeSuffix(&name, ".sum_30d") && fact.number() > 0) {
      metrics.emplace_back(fact.number(), std::string(name));
    }
  }
  std::sort(metrics.begin(), metrics.end(),
            [](const auto& a, const auto& b) { return a.first != b.first ? a.first > b.first : a.second < b.second; });
  if (metrics.size() > kMostMetrics) metrics.resize(kMostMetrics);
  return metrics;
}

Page MetricLines(const AccountData& data, int width) {
  Page page;
  for (const auto& [sum, metric] : MetricsOf(data)) {
    PairLines lines(metric, width);
    lines.Add("30 days", FormatNumber(sum));
    for (const char* part : {"change_30d", "users_30d", "days_since_last"}) {
      lines.Add(Readable(part), ValueOf(FindFact(data, absl::StrCat("usage.", metric, ".", part))));
    }
    Append(page, std::move(lines).Finish());
  }
  return page;
}

}  // namespace

Page MissingPart(const AccountData& data, const std::string& part, int width) {
  for (const auto& missing : data.customer.missing_parts()) {
    if (missing.part() != part) continue;
    return Wrap(absl::StrCat("could not be read: ", missing.status().message()), width, 2, Style::kYellow);
  }
  return {};
}

const Fact* FindFact(const AccountData& data, const std::string& name) {
  const auto& facts = data.customer.facts();
  const auto found = std::find_if(facts.begin(), facts.end(), [&](const Fact& fact) { return fact.name() == name; });
  return found == facts.end() ? nullptr : &*found;
}

std::string MrrOf(const AccountData& data) {
  const Fact* mrr = FindFact(data, "mrr");
  if (mrr == nullptr) return std::string(kUnknown);
  perennial::type::v1::Money money;
  money.set_amount(FormatAmount(MicrosOfNumber(mrr->number())));
  // Facts are in the reporting currency, which subscriptions need not be; without a hierarchy theirs is the best guess.
  if (!data.hierarchy.nodes().empty()) {
    money.set_currency_code(data.hierarchy.nodes(0).mrr().currency_code());
  } else if (!data.customer.subscriptions().empty()) {
    money.set_currency_code(data.customer.subscriptions(0).mrr().currency_code());
  }
  return FormatMoney(money);
}

absl::Time MomentOf(const AccountData& data) {
  const auto& customer = data.customer;
  if (customer.health().score().has_as_of()) return ToTime(customer.health().score().as_of());
  absl::Time moment = ToTime(customer.account().update_time());
  for (const auto& subscription : customer.subscriptions())
    moment = std::max(moment, ToTime(subscription.update_time()));
  return moment;
}

Page AccountFlags(const AccountData& data, int width) {
  const auto& flags = data.customer.flags();
  Page page = {SectionHead("Flags", "", width)};
  const Page missing = MissingPart(data, "flags", width);
  Append(page, missing);
  if (flags.empty() && missing.empty()) page.emplace_back("  none raised", Style::kDim);
  for (const auto& flag : flags) {
    page.push_back(Text("  ")
                       .Add(FlagSign(flag.severity(), flag.category()))
                       .Add(" ")
                       .Add(flag.display_name().empty() ? flag.rule() : flag.display_name(), Style::kBold)
                       .Add(absl::StrCat("  since ", FormatDate(flag.raise_time())), Style::kDim)
                       .Truncated(width));
    Append(page, Wrap(flag.advice(), width, 4));
    std::string causes;
    for (const auto& cause : flag.causes()) {
      absl::StrAppend(&causes, causes.empty() ? "because " : ", ", cause.fact(), " was ",
                      cause.value().empty() ? "unknown" : cause.value());
    }
    Append(page, Wrap(causes, width, 4, Style::kDim));
  }
  return page;
}

Page AccountSegments(const AccountData& data, int width) {
  const auto& segments = data.customer.segments();
  Page page = {SectionHead("Segments", "", width)};
  const Page missing = MissingPart(data, "segments", width);
  Append(page, missing);
  if (segments.empty() && missing.empty()) page.emplace_back("  in none", Style::kDim);
  if (segments.empty()) return page;
  for (const auto& membership : segments) {
    page.push_back(Text("  ")
                       .Add(LastPart(membership.segment()))
                       .Add(Text(absl::StrCat("  since ", FormatDate(membership.enter_time())), Style::kDim))
                       .Truncated(width));
  }
  return page;
}

Page AccountSubscriptions(const AccountData& data, int width) {
  const absl::Time moment = MomentOf(data);
  std::vector<Subscription> sorted(data.customer.subscriptions().begin(), data.customer.subscriptions().end());
  Page page = {SectionHead("Subscriptions", sorted.empty() ? "" : absl::StrCat(sorted.size(), " in all"), width)};
  const Page missing = MissingPart(data, "subscriptions", width);
  Append(page, missing);
  if (sorted.empty() && missing.empty()) page.emplace_back("  none", Style::kDim);
  if (sorted.empty()) return page;
  std::stable_sort(sorted.begin(), sorted.end(), [&](const Subscription& a, const Subscription& b) {
    const bool a_active = IsActive(a, moment);
    const bool b_active = IsActive(b, moment);
    return a_active != b_active ? a_active : ToTime(a.start_time()) > ToTime(b.start_time());
  });
  Table table({{"plan", Align::kLeft, true},
               {""},
               {"seats", Align::kRight},
               {"MRR", Align::kRight},
               {"from"},
               {"until"},
               {"renews"}});
  for (std::size_t i = 0; i < std::min(sorted.size(), kMostSubscriptions); ++i) {
    const Subscription& subscription = sorted[i];
    table.AddRow({Text(subscription.plan()).Add("  ").Add(LastPart(subscription.name()), Style::kDim),
                  StateOf(subscription, moment), FormatCount(subscription.seats()), FormatMoney(subscription.mrr()),
                  FormatDate(subscription.start_time()), FormatDate(subscription.end_time()),
                  FormatDate(subscription.renewal_time())});
  }
  if (sorted.size() > kMostSubscriptions) {
    table.AddLine(
        Text(absl::StrCat("and ", sorted.size() - kMostSubscriptions, " more (--json has all)"), Style::kDim));
  }
  Append(page, table.Render(width));
  return page;
}

Page AccountFacts(const AccountData& data, int width) {
  const auto& facts = data.customer.facts();
  const std::string id(LastPart(data.customer.account().name()));
  Page page = {
      SectionHead("Facts", facts.empty() ? "" : absl::StrCat(facts.size(), " known · perennial facts ", id), width)};
  const Page missing = MissingPart(data, "facts", width);
  Append(page, missing);
  if (facts.empty() && missing.empty()) page.emplace_back("  none known", Style::kDim);
  if (facts.empty()) return page;
  for (const FactGroup& group : KeyFacts()) {
    const bool any = std::any_of(group.names.begin(), group.names.end(),
                                 [&](const char* name) { return FindFact(data, name) != nullptr; });
    if (!any) continue;
    PairLines lines(group.title, width);
    for (const char* name : group.names) {
      lines.Add(Readable(absl::StripPrefix(name, group.prefix)), ValueOf(FindFact(data, name)));
    }
    Append(page, std::move(lines).Finish());
  }
  Append(page, MetricLines(data, width));
  PairLines attributes("attributes", width);
  bool any = false;
  for (const Fact& fact : facts) {
    absl::string_view name = fact.name();
    if (!absl::ConsumePrefix(&name, "attributes.") && name != "tags") continue;
    attributes.Add(Readable(name), ValueOf(&fact));
    any = true;
  }
  if (any) Append(page, std::move(attributes).Finish());
  return page;
}

}  // namespace perennial::cli
