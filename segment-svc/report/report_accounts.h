#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/facts/bitmap.h"
#include "perennial/segments/v1/portfolio_service.pb.h"
#include "segment-svc/account_columns.h"
#include "segment-svc/money_total.h"
#include "segment-svc/segment_view.h"

namespace perennial::segments {

// How many accounts, and their MRR.
struct Share {
  std::int64_t accounts = 0;
  MoneyTotal mrr;
};

// The accounts of a report: what all of its parts ask about them, and how they are shown. Uses the view until it is
// destroyed.
class ReportAccounts {
 public:
  // `rows` must be live. Lists name at most `list_size` accounts.
  ReportAccounts(const SegmentView& view, facts::Bitmap rows, std::string currency, std::size_t list_size);

  [[nodiscard]] const SegmentView& view() const { return view_; }
  [[nodiscard]] const AccountFacts& facts() const { return view_.facts; }
  [[nodiscard]] const facts::Bitmap& rows() const { return rows_; }
  [[nodiscard]] std::size_t list_size() const { return list_size_; }
  [[nodiscard]] const std::string& currency() const { return currency_; }

  // The account is a customer or may become one: it has not churned, and its trial has not ended without a purchase.
  [[nodiscard]] bool IsLive(facts::RowId row) const;
  [[nodiscard]] bool Pays(facts::RowId row) const { return mrr_.Or(row, 0) > 0; }
  [[nodiscard]] std::optional<double> Score(facts::RowId row) const { return score_[row]; }
  // "" when unknown.
  [[nodiscard]] const std::string& Band(facts::RowId row) const { return band_[row]; }
  // Names of the bands there are among all accounts, lowest first; never empty.
  [[nodiscard]] std::vector<std::string> Bands() const;

  void Count(facts::RowId row, Share& share) const {
    ++share.accounts;
    share.mrr.Add(mrr_[row]);
  }
  template <class Message>
  void Fill(const Share& share, Message* message) const {
    message->set_accounts(share.accounts);
    *message->mutable_mrr() = Money(share.mrr);
  }
  [[nodiscard]] perennial::type::v1::Money Money(const MoneyTotal& total) const { return total.ToProto(currency_); }

  // Whether `a` goes before `b` where all else is equal: by MRR, highest first, then by id.
  [[nodiscard]] bool WeighsMore(facts::RowId a, facts::RowId b) const;
  // Leaves the first list_size() of `rows` by `before`, in order.
  template <class Before>
  void KeepFirst(std::vector<facts::RowId>& rows, Before before) const {
    const std::size_t count = std::min(list_size_, rows.size());
    std::partial_sort(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(count), rows.end(), before);
    rows.resize(count);
  }
  [[nodiscard]] v1::ReportAccount Show(facts::RowId row) const;

 private:
  const SegmentView& view_;
  const facts::Bitmap rows_;
  const std::string currency_;
  const std::size_t list_size_;
  const NumberFact mrr_, score_, coverage_, renewal_days_, is_trial_;
  const TextFact band_, phase_, name_, owner_;
  const std::uint32_t trial_, churned_;  // codes of phases
};

}  // namespace perennial::segments
