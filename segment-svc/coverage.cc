#include "segment-svc/coverage.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "segment-svc/money_total.h"
#include "segment-svc/segment_protos.h"

namespace perennial::segments {
namespace {

constexpr double kNearDays = 90;

// What one manager, or one model, comes to.
struct Sum {
  std::int64_t accounts = 0;
  std::int64_t load = 0;
  MoneyTotal mrr;
  MoneyTotal at_risk;
  std::int64_t overdue = 0;
  std::int64_t due_today = 0;
  std::int64_t renewals = 0;
  std::int64_t unassigned = 0;
};

}  // namespace

v1::GetCoverageResponse CoverageOf(EngagementView& engagement, std::size_t list_size, const std::string& currency) {
  const EngagementState& state = engagement.state();
  const std::vector<std::uint8_t> models = engagement.ModelsOfAll();
  absl::flat_hash_map<const v1::Manager*, Sum> books;
  std::vector<Sum> by_model(state.models.size() + 1);  // the last is of accounts without one
  std::vector<facts::RowId> unassigned;
  MoneyTotal unassigned_mrr;
  std::int64_t overdue = 0;
  engagement.view().facts.table().live_rows().ForEach([&](facts::RowId row) {
    const std::uint8_t model = models[row];
    Sum& share = by_model[std::min<std::size_t>(model, state.models.size())];
    ++share.accounts;
    share.mrr.Add(engagement.mrr(row));
    const bool needs = engagement.NeedsManager(row, model);
    const v1::Manager* manager = engagement.ManagerOf(row);
    if (needs && manager == nullptr) {
      ++share.unassigned;
      unassigned.push_back(row);
      unassigned_mrr.Add(engagement.mrr(row));
    }
    Sum nobody;
    Sum& book = manager == nullptr ? nobody : books[manager];
    ++book.accounts;
    if (needs) book.load += engagement.WeightOf(model);
    book.mrr.Add(engagement.mrr(row));
    book.at_risk.Add(NumberOfMicros(engagement.ValueAtRisk(row)));
    const auto renewal = engagement.renewal_days(row);
    if (renewal.has_value() && *renewal >= 0 && *renewal <= kNearDays) ++book.renewals;
    const auto touch = engagement.TouchOf(row, model);
    if (!touch.has_value()) return;
    if (touch->due_day == engagement.today()) ++book.due_today;
    if (touch->due_day >= engagement.today()) return;
    ++book.overdue;
    ++share.overdue;
    ++overdue;
  });

  v1::GetCoverageResponse response;
  for (const auto& [id, manager] : state.managers) {
    const Sum& sum = books[&manager];
    v1::ManagerBook* book = response.add_books();
    book->set_manager(manager.name());
    book->set_display_name(manager.display_name());
    book->set_accounts(sum.accounts);
    book->set_load(sum.load);
    book->set_capacity(manager.capacity());
    *book->mutable_mrr() = sum.mrr.ToProto(currency);
    *book->mutable_value_at_risk() = sum.at_risk.ToProto(currency);
    book->set_overdue_touches(sum.overdue);
    book->set_due_today(sum.due_today);
    book->set_renewals_90d(sum.renewals);
  }
  for (std::size_t m = 0; m < by_model.size(); ++m) {
    const bool without = m == state.models.size();
    if (without && by_model[m].accounts == 0) continue;
    v1::ModelShare* share = response.add_models();
    if (!without) share->set_model(state.models[m].name());
    share->set_accounts(by_model[m].accounts);
    *share->mutable_mrr() = by_model[m].mrr.ToProto(currency);
    share->set_unassigned(by_model[m].unassigned);
    share->set_overdue_touches(by_model[m].overdue);
  }
  response.set_unassigned_count(static_cast<std::int64_t>(unassigned.size()));
  *response.mutable_unassigned_mrr() = unassigned_mrr.ToProto(currency);
  const auto count = static_cast<std::ptrdiff_t>(std::min(list_size, unassigned.size()));
  std::partial_sort(unassigned.begin(), unassigned.begin() + count, unassigned.end(),
                    [&](facts::RowId a, facts::RowId b) { return engagement.WeighsMore(a, b); });
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    response.add_unassigned_sample(AccountName(engagement.account_id(unassigned[static_cast<std::size_t>(i)])));
  }
  response.set_overdue_touches(overdue);
  response.set_facts_revision(engagement.view().facts_revision);
  return response;
}

}  // namespace perennial::segments
