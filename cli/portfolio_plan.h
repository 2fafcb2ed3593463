#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace perennial::cli {

// What to generate. Days are numbered from 1970-01-01, UTC.
struct PortfolioConfig {
  int accounts = 500;
  std::uint64_t seed = 7;
  // The first day with events, and the day after the last one.
  std::int64_t first_day = 0;
  std::int64_t end_day = 0;
  // 1: about 150 usage rows an account and year; proportional.
  double usage_density = 1;
};

constexpr std::int64_t kSecondsPerDay = 86400;

enum class Plan { kStarter, kTeam, kBusiness };

struct PlanTerms {
  absl::string_view name;
  // Hundredths of a dollar for a seat and month.
  std::int64_t seat_price;
  // More seats than these move the account to the next plan.
  int most_seats;
  // Days between two outbound touches of the success manager.
  int touch_days;
};
const PlanTerms& TermsOf(Plan plan);

// How busy a day of the year is, about 1: summer and the end of the year are quiet.
double YearSeason(std::int64_t day);
// 0 is Monday.
int WeekdayOf(std::int64_t day);

}  // namespace perennial::cli
