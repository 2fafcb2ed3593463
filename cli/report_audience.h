#pragma once

#include "cli/report_view.h"
#include "cli/text.h"

// What a report holds for its audience: figures, tables and lists, each a page of `width` columns; empty where there is
// nothing.
namespace perennial::cli {

Page ReportFigures(const ReportData& data, int width);
Page ReportTables(const ReportData& data, int width);
Page ReportLists(const ReportData& data, int width);
// How each of them is computed.
Page ReportDefinitions(const ReportData& data, int width);

// A figure or a cell in its unit: "82.5%", "4.2 h", "12 days", "3", "61.4".
std::string FormatInUnit(double value, absl::string_view unit);

// "Success", "Product" ... of an audience.
std::string AudienceName(perennial::segments::v1::ReportAudience audience);

}  // namespace perennial::cli
