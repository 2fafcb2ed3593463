#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace perennial::cli {

// "0:42", "12:05", "1:02:09".
std::string FormatClock(absl::Duration duration);

// What a progress line tells.
struct ProgressState {
  // What is being done, for example the name of a file.
  std::string what;
  // Share of the work that is done, 0 to 1.
  double share = 0;
  std::int64_t rows = 0;
  double rows_per_second = 0;
  // Absent (negative) until it can be told.
  absl::Duration remaining = absl::Seconds(-1);
};

// "[=======>             ]  38%  12,500 rows  9,120 rows/s  0:21 left  usage.csv", cut to `width` columns.
std::string FormatProgressBar(const ProgressState& state, int width);
// "38%, 12,500 rows, 9,120 rows/s, 0:21 left (usage.csv)": for logs.
std::string FormatProgressLine(const ProgressState& state);

// Shows how far a long command is: a bar that is painted over on a terminal, now and then a line elsewhere, or nothing.
// The time is passed in. Not thread-safe.
class Progress {
 public:
  enum class Style { kBar, kLines, kSilent };
  struct Options {
    Style style = Style::kSilent;
    int width = 80;
    // Time between two lines, and between two paintings of the bar.
    absl::Duration line_interval = absl::Seconds(5);
    absl::Duration paint_interval = absl::Milliseconds(100);
  };

  // `out` must outlive this.
  Progress(std::ostream& out, Options options, absl::Time start);

  // `done` of `total` units of work (bytes, days) and so many rows are behind.
  void Update(absl::string_view what, std::int64_t done, std::int64_t total, std::int64_t rows, absl::Time now);
  // Prints a line of its own, above the bar.
  void Say(absl::string_view line);
  // Removes the bar.
  void Clear();

 private:
  void Measure(std::int64_t done, std::int64_t total, std::int64_t rows, absl::Time now, ProgressState* state);

  std::ostream& out_;
  const Options options_;
  absl::Time last_shown_;
  absl::Time last_measured_;
  std::int64_t measured_rows_ = 0;
  std::int64_t measured_done_ = 0;
  // Exponentially weighted sums of the rates of the last seconds, and of their weights.
  double rows_rate_ = 0;
  double done_rate_ = 0;
  double rate_weight_ = 0;
  bool painted_ = false;
};

// A bar when `out` is standard error on a terminal, else lines.
Progress::Options ProgressFor(std::ostream& out, bool silent);

}  // namespace perennial::cli
