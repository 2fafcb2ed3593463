#include "health-svc/value_book.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/money.h"
#include "common/base/random_id.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "health-svc/hurry.h"

namespace perennial::health {
namespace {

// Rows computed at once: they stay in the processor's cache, and readers wait no longer than they take.
constexpr std::size_t kRowsAtOnce = 8192;
// Changed rows up to here are computed and shown under one lock.
constexpr std::size_t kFewRows = 64;
// Stale entries that the log may have beyond one for each row.
constexpr std::size_t kSpareLog = 4096;

std::optional<double> Known(double value) { return std::isnan(value) ? std::nullopt : std::optional<double>(value); }

void SetMoney(double amount, const std::string& currency, perennial::type::v1::Money* out) {
  out->set_amount(FormatAmount(MicrosOfNumber(amount)));
  out->set_currency_code(currency);
}

}  // namespace

ValueBook::ValueBook(Portfolio& portfolio, const Clock& clock, std::function<void()> published)
    : portfolio_(portfolio),
      clock_(clock),
      published_(std::move(published)),
      feed_id_(RandomFeedId()),
      rules_(std::make_unique<ValueRules>(std::vector<v1::ValueModel>(), v1::ValueSettings())) {}

absl::StatusOr<std::unique_ptr<ValueBook>> ValueBook::Create(Portfolio& portfolio, const Clock& clock,
                                                             std::function<void()> published) {
  std::unique_ptr<ValueBook> out(new ValueBook(portfolio, clock, std::move(published)));
  const WriteLock write(portfolio.lock());
  facts::FactCatalogue& catalogue = portfolio.mutable_catalogue();
  PERENNIAL_ASSIGN_OR_RETURN(out->churn_, catalogue.Add({.name = "value.churn_probability_12m",
                                                         .unit = "share 0-1",
                                                         .meaning = "Chance to churn within 12 months; unknown without "
                                                                    "a model that tells it."}));
  PERENNIAL_ASSIGN_OR_RETURN(out->lifetime_,
                             catalogue.Add({.name = "value.expected_lifetime_months",
                                            .unit = "months",
                                            .meaning = "Months that it is expected to go on paying; 0 once churned."}));
  PERENNIAL_ASSIGN_OR_RETURN(out->clv_, catalogue.Add({.name = "value.clv",
                                                       .unit = "reporting currency",
                                                       .meaning = "Expected discounted margin over the rest of its "
                                                                  "lifetime; 0 once churned."}));
  portfolio.SetRowChanged([raw = out.get()](facts::RowId row) { raw->pending_.push_back(row); });
  return out;
}

void ValueBook::Follow() {
  const Hurry hurry(hurried_);
  const MutexLock lock(mu_);
  std::vector<facts::RowId> rows;
  std::int64_t facts_revision = 0;
  bool caught_up = false;
  {
    const WriteLock write(portfolio_.lock());
    rows.swap(pending_);
    facts_revision = portfolio_.facts_revision();
    caught_up = portfolio_.caught_up();
    if (rules_->Resolve(portfolio_.catalogue())) sweep_ = 0;
    std::sort(rows.begin(), rows.end());
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
    if (rows.size() <= kFewRows) {
      Put(rows, Compute(rows));
      facts_revision_ = facts_revision;
      caught_up_ = caught_up;
      return;
    }
  }
  Update(rows);
  const WriteLock write(portfolio_.lock());
  facts_revision_ = facts_revision;
  caught_up_ = caught_up;
}

void ValueBook::Update(const std::vector<facts::RowId>& rows) {
  for (std::size_t begin = 0; begin < rows.size() && !stopping_; begin += kRowsAtOnce) {
    const std::size_t end = std::min(begin + kRowsAtOnce, rows.size());
    const std::vector<facts::RowId> part(rows.begin() + static_cast<std::ptrdiff_t>(begin),
                                         rows.begin() + static_cast<std::ptrdiff_t>(end));
    std::vector<Worth> worths;
    {
      const ReadLock read(portfolio_.lock());
      worths = Compute(part);
    }
    // Facts that have changed since then are pending, and computed again.
    const WriteLock write(portfolio_.lock());
    Put(part, worths);
  }
}

std::vector<Worth> ValueBook::Compute(const std::vector<facts::RowId>& rows) const {
  std::vector<facts::RowId> live;
  live.reserve(rows.size());
  for (const facts::RowId row : rows) {
    if (portfolio_.table().live(row)) live.push_back(row);
  }
  std::vector<Worth> worths = rules_->Compute(
      {.table = portfolio_.table(),
       .rows = live,
       .as_of = [&](facts::RowId row) { return portfolio_.entry(row).as_of; },
       .purchases = [&](const PurchaseModel& model, facts::RowId row) { return PurchasesOf(model, row); }});
  if (live.size() == rows.size()) return worths;
  std::vector<Worth> all(rows.size());
  for (std::size_t i = 0, j = 0; i < rows.size() && j < live.size(); ++i) {
    if (rows[i] == live[j]) all[i] = worths[j++];
  }
  return all;
}

void ValueBook::Put(const std::vector<facts::RowId>& rows, const std::vector<Worth>& worths) {
  facts::FactTable& table = portfolio_.mutable_table();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const facts::RowId row = rows[i];
    if (row >= entries_.size()) entries_.resize(std::max<std::size_t>(row + 1, table.row_count()));
    Entry& entry = entries_[row];
    if (!table.live(row)) {
      // A tombstone, of an account that had a value.
      if (entry.revision > 0 && entry.fingerprint != 0) Log(row);
      entry.fingerprint = 0;
      continue;
    }
    const Worth& worth = worths[i];
    const std::uint64_t fingerprint = worth.Fingerprint();
    if (entry.fingerprint == fingerprint) continue;
    entry.fingerprint = fingerprint;
    table.SetNumber(row, churn_, facts::FactType::kNumber, Known(worth.churn_12m));
    table.SetNumber(row, lifetime_, facts::FactType::kNumber, Known(worth.lifetime_months));
    table.SetNumber(row, clv_, facts::FactType::kNumber, Known(worth.clv));
    Log(row);
  }
}

void ValueBook::Log(facts::RowId row) {
  if (log_.size() > 2 * entries_.size() + kSpareLog) {
    std::erase_if(log_, [&](const Logged& logged) { return entries_[logged.row].revision != logged.revision; });
  }
  entries_[row].revision = ++revision_;
  log_.push_back({.revision = revision_, .row = row});
}

std::vector<facts::RowId> ValueBook::ChangedAfter(std::int64_t after, std::size_t most) const {
  std::vector<facts::RowId> out;
  auto at = std::upper_bound(log_.begin(), log_.end(), after,
                             [](std::int64_t revision, const Logged& logged) { return revision < logged.revision; });
  for (; at != log_.end() && out.size() < most; ++at) {
    if (entries_[at->row].revision == at->revision) out.push_back(at->row);
  }
  return out;
}

bool ValueBook::SweepSome() {
  if (!sweep_.has_value()) return false;
  std::vector<facts::RowId> rows;
  const facts::RowId first = *sweep_;
  {
    const ReadLock read(portfolio_.lock());
    const auto count = static_cast<facts::RowId>(portfolio_.table().row_count());
    const facts::RowId end = std::min<facts::RowId>(count, first + kRowsAtOnce);
    for (facts::RowId row = first; row < end; ++row) {
      // Rows whose facts have not come yet since the start follow when they do.
      if (portfolio_.table().live(row) && RevisionOf(row) > 0) rows.push_back(row);
    }
    sweep_ = end < count ? std::optional<facts::RowId>(end) : std::nullopt;
  }
  Update(rows);
  return true;
}

void ValueBook::Sweep() {
  while (!stopping_) {
    while (hurried_ > 0 && !stopping_) std::this_thread::sleep_for(std::chrono::microseconds(100));
    const MutexLock lock(mu_);
    if (!SweepSome()) break;
  }
  published_();
}

void ValueBook::SetRules(std::unique_ptr<ValueRules> rules) {
  {
    const MutexLock lock(mu_);
    const WriteLock write(portfolio_.lock());
    (void)rules->Resolve(portfolio_.catalogue());
    rules_ = std::move(rules);
    const std::vector<std::string> metrics = rules_->Metrics();
    std::erase_if(bought_, [&](const auto& entry) {
      return std::find(metrics.begin(), metrics.end(), entry.first) == metrics.end();
    });
    sweep_ = 0;
  }
  Sweep();
}

void ValueBook::SetPurchases(const std::string& metric, PurchasesByAccount purchases) {
  {
    const MutexLock lock(mu_);
    const WriteLock write(portfolio_.lock());
    bought_[metric] = {
        .by_account = std::move(purchases), .day = DayOf(clock_.Now()), .revision = portfolio_.facts_revision()};
    sweep_ = 0;
  }
  Sweep();
}

std::vector<std::string> ValueBook::MetricsToRead() {
  const std::int64_t today = DayOf(clock_.Now());
  const MutexLock lock(mu_);
  const ReadLock read(portfolio_.lock());
  std::vector<std::string> out;
  if (!portfolio_.caught_up()) return out;
  for (const std::string& metric : rules_->Metrics()) {
    const auto known = bought_.find(metric);
    const bool fresh =
        known != bought_.end() && known->second.day == today && known->second.revision >= portfolio_.facts_revision();
    if (!fresh) out.push_back(metric);
  }
  return out;
}

void ValueBook::Tick() {
  {
    const MutexLock lock(mu_);
    const std::int64_t today = DayOf(clock_.Now());
    // Filters that read the clock may select others on another day.
    if (swept_day_ != 0 && swept_day_ != today) sweep_ = 0;
    swept_day_ = today;
    if (!sweep_.has_value()) return;
  }
  Sweep();
}

const Purchases* ValueBook::PurchasesOf(const PurchaseModel& model, facts::RowId row) const {
  const auto metric = bought_.find(model.metric());
  if (metric == bought_.end()) return nullptr;
  const auto account = metric->second.by_account.find(portfolio_.table().account_id(row));
  return account == metric->second.by_account.end() ? nullptr : &account->second;
}

void ValueBook::Get(facts::RowId row, bool with_reasons, v1::CustomerValue* out) const {
  const Worth worth = Compute({row}).front();
  const Portfolio::Entry& entry = portfolio_.entry(row);
  out->set_name(absl::StrCat("accounts/", portfolio_.table().account_id(row), "/value"));
  if (const auto churn = Known(worth.churn_12m)) out->set_churn_probability_12m(*churn);
  if (const auto lifetime = Known(worth.lifetime_months)) out->set_expected_lifetime_months(*lifetime);
  const std::string& currency = rules_->currency();
  if (const auto clv = Known(worth.clv)) SetMoney(*clv, currency, out->mutable_clv());
  if (const auto margin = Known(worth.monthly_margin)) SetMoney(*margin, currency, out->mutable_monthly_margin());
  out->set_margin_rate(worth.margin_rate);
  out->set_basis(worth.basis);
  if (worth.model != nullptr) {
    out->set_value_model(worth.model->name);
    out->set_value_model_revision(worth.model->revision);
    if (with_reasons && worth.model->churn.has_value()) {
      for (v1::ValueReason& reason : worth.model->churn->Reasons(portfolio_.table(), row, portfolio_.catalogue())) {
        *out->add_reasons() = std::move(reason);
      }
    }
  }
  out->set_fallback_reason(FallbackReason(worth.why));
  SetTimestamp(entry.as_of, out->mutable_as_of());
  out->set_facts_revision(entry.facts_revision);
  out->set_settings_revision(rules_->settings().revision());
  out->set_coverage(worth.coverage);
  if (const auto alive = Known(worth.alive)) out->set_probability_alive(*alive);
  if (const auto purchases = Known(worth.purchases)) out->set_expected_purchases(*purchases);
}

}  // namespace perennial::health
