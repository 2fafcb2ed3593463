#pragma once

#include "cli/account_view.h"
#include "cli/report_view.h"

// A small portfolio for tests of the views.
namespace perennial::cli::testing {

// 2024-12-31T23:59:59Z, the moment of every sample.
google::protobuf::Timestamp Moment();
// `text` is RFC 3339.
google::protobuf::Timestamp At(absl::string_view text);
perennial::type::v1::Money Usd(absl::string_view amount);

// 500 accounts, MRR 10,159,608; two accounts need attention, one with explanations.
ReportData SampleReport();

// An account in trouble: a measure without a value, an exception, two flags, subscriptions, facts.
AccountData SampleAccount();

}  // namespace perennial::cli::testing
