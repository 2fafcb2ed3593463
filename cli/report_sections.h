#pragma once

#include "cli/report_view.h"
#include "cli/text.h"

// The sections of the report, each a page of `width` columns with its own head.
namespace perennial::cli {

Page ReportHeadline(const ReportData& data, int width);
Page ReportHealth(const ReportData& data, int width);
Page ReportPhases(const ReportData& data, int width);
Page ReportSegments(const ReportData& data, int width);
Page ReportFlags(const ReportData& data, int width);
Page ReportWorst(const ReportData& data, int width);
Page ReportRenewals(const ReportData& data, int width);
// Accounts one below the other: score, MRR, renewal, and flags where there is room.
Page ReportAccountTable(const ReportData& data,
                        const google::protobuf::RepeatedPtrField<perennial::segments::v1::ReportAccount>& accounts, int width);
Page ReportRevenue(const ReportData& data, int width);

}  // namespace perennial::cli
