#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/format.h"
#include "cli/retention_view.h"
#include "cli/share_table.h"
#include "cli/table.h"
#include "cli/tiles.h"

namespace perennial::cli {
namespace {

using perennial::segments::v1::GetCustomerEquityResponse;

Text Amount(bool known, const perennial::type::v1::Money& money) {
  return known ? Text(FormatRoundedMoney(money), Style::kBold) : Text(kUnknown, Style::kDim);
}

Page Segments(const GetCustomerEquityResponse& equity, int width) {
  Page page = {SectionHead("Segment lifetime value", "mean CLV × accounts", width)};
  std::vector<Share> rows;
  for (const auto& segment : equity.segments()) {
    const std::string name =
        segment.display_name().empty() ? std::string(LastPart(segment.segment())) : segment.display_name();
    const auto amount = [](bool known, const perennial::type::v1::Money& money) {
      return known ? Text(FormatNumber(UnitsOf(money), 0)) : Text(kUnknown, Style::kDim);
    };
    rows.push_back({name,
                    UnitsOf(segment.segment_lifetime_value()),
                    Style::kCyan,
                    {FormatCount(segment.accounts()), FormatCount(segment.known_accounts()),
                     amount(segment.has_mean_clv(), segment.mean_clv()),
                     amount(segment.has_segment_lifetime_value(), segment.segment_lifetime_value())}});
  }
  if (rows.empty()) page.emplace_back("  none defined", Style::kDim);
  if (!rows.empty()) Append(page, ShareTable({"accounts", "known", "mean CLV", "value"}, rows, width));
  return page;
}

Page Top(const GetCustomerEquityResponse& equity, int width) {
  Page page = {SectionHead("Most valuable accounts", "", width)};
  if (equity.top_accounts().empty()) {
    page.emplace_back("  no account's CLV is known", Style::kDim);
    return page;
  }
  Table table({{"", Align::kLeft, true}, {"CLV", Align::kRight}, {"MRR", Align::kRight}});
  for (const auto& account : equity.top_accounts()) {
    table.AddRow({account.display_name().empty() ? std::string(LastPart(account.account())) : account.display_name(),
                  Text(FormatRoundedMoney(account.clv()), Style::kBold), FormatMoney(account.mrr())});
  }
  Append(page, table.Render(width));
  return page;
}

}  // namespace

Page RenderEquity(const GetCustomerEquityResponse& equity, int width) {
  const bool known = equity.known_accounts() > 0;
  Page page = {SectionHead("Customer equity",
                           absl::StrCat("CLV known of ", FormatCount(equity.known_accounts()), " of ",
                                        CountOf(equity.accounts(), "account")),
                           width)};
  const std::string share = equity.has_equity_share() ? FormatPercent(equity.equity_share()) : std::string(kUnknown);
  Append(page, Tiles({{"Present customers", Amount(known, equity.customer_equity())},
                      {"Mean CLV", Amount(equity.has_mean_clv(), equity.mean_clv())},
                      {"Expected customers", Amount(equity.has_expected_equity(), equity.expected_equity())},
                      {"Share of market", Text(share)}},
                     width));
  page.emplace_back();
  Append(page, Segments(equity, width));
  page.emplace_back();
  Append(page, Top(equity, width));
  for (const std::string& warning : equity.filter_reading().warnings())
    page.push_back(Text("  ! ", Style::kYellow).Add(warning));
  return page;
}

}  // namespace perennial::cli
