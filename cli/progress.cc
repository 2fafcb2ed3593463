#include "cli/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/format.h"

namespace perennial::cli {
namespace {

constexpr int kBarColumns = 22;
constexpr absl::Duration kMeasureInterval = absl::Milliseconds(250);
constexpr double kSmoothingSeconds = 5;

std::string Remaining(const ProgressState& state) {
  return state.remaining < absl::ZeroDuration() ? "" : absl::StrCat(FormatClock(state.remaining), " left");
}

std::string Rate(const ProgressState& state) {
  return absl::StrCat(FormatCount(std::llround(state.rows_per_second)), " rows/s");
}

int Percent(const ProgressState& state) {
  return static_cast<int>(std::floor(std::clamp(state.share, 0.0, 1.0) * 100));
}

}  // namespace

std::string FormatClock(absl::Duration duration) {
  const std::int64_t seconds = absl::ToInt64Seconds(duration + absl::Milliseconds(500));
  if (seconds < 3600) return absl::StrFormat("%d:%02d", seconds / 60, seconds % 60);
  return absl::StrFormat("%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

std::string FormatProgressBar(const ProgressState& state, int width) {
  const int filled = static_cast<int>(std::floor(std::clamp(state.share, 0.0, 1.0) * kBarColumns));
  std::string bar(static_cast<std::size_t>(filled), '=');
  if (filled < kBarColumns) bar.push_back('>');
  bar.resize(kBarColumns, ' ');
  std::string line =
      absl::StrFormat("[%s] %3d%%  %s rows  %s", bar, Percent(state), FormatCount(state.rows), Rate(state));
  const std::string remaining = Remaining(state);
  if (!remaining.empty()) absl::StrAppend(&line, "  ", remaining);
  absl::StrAppend(&line, "  ", state.what);
  if (line.size() > static_cast<std::size_t>(width)) line.resize(static_cast<std::size_t>(std::max(width, 0)));
  return line;
}

std::string FormatProgressLine(const ProgressState& state) {
  const std::string remaining = Remaining(state);
  return absl::StrCat(Percent(state), "%, ", FormatCount(state.rows), " rows, ", Rate(state),
                      remaining.empty() ? "" : ", ", remaining, " (", state.what, ")");
}

Progress::Progress(std::ostream& out, Options options, absl::Time start)
    : out_(out), options_(options), last_shown_(start), last_measured_(start) {}

void Progress::Measure(std::int64_t done, std::int64_t total, std::int64_t rows, absl::Time now, ProgressState* state) {
  const absl::Duration since = now - last_measured_;
  if (since >= kMeasureInterval) {
    const double seconds = absl::ToDoubleSeconds(since);
    const double weight = std::exp(-seconds / kSmoothingSeconds);
    rows_rate_ = weight * rows_rate_ + (1 - weight) * static_cast<double>(rows - measured_rows_) / seconds;
    done_rate_ = weight * done_rate_ + (1 - weight) * static_cast<double>(done - measured_done_) / seconds;
    rate_weight_ = weight * rate_weight_ + (1 - weight);
    last_measured_ = now;
    measured_rows_ = rows;
    measured_done_ = done;
  }
  state->share = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 0;
  state->rows = rows;
  if (rate_weight_ > 0) state->rows_per_second = rows_rate_ / rate_weight_;
  if (done_rate_ > 0) {
    const double seconds = static_cast<double>(total - done) * rate_weight_ / done_rate_;
    if (seconds < 360000) state->remaining = absl::Seconds(std::max(seconds, 0.0));
  }
}

void Progress::Update(absl::string_view what, std::int64_t done, std::int64_t total, std::int64_t rows,
                      absl::Time now) {
  if (options_.style == Style::kSilent) return;
  ProgressState state;
  state.what = std::string(what);
  Measure(done, total, rows, now, &state);
  const bool bar = options_.style == Style::kBar;
  if (now - last_shown_ < (bar ? options_.paint_interval : options_.line_interval)) return;
  last_shown_ = now;
  if (bar) {
    // Return to the start of the line, write, and clear what the last painting left behind.
    out_ << '\r' << FormatProgressBar(state, options_.width) << "\x1b[K" << std::flush;
    painted_ = true;
  } else {
    out_ << FormatProgressLine(state) << '\n' << std::flush;
  }
}

void Progress::Say(absl::string_view line) {
  if (options_.style == Style::kSilent) return;
  Clear();
  out_ << line << '\n' << std::flush;
}

void Progress::Clear() {
  if (!painted_) return;
  out_ << "\r\x1b[K" << std::flush;
  painted_ = false;
}

Progress::Options ProgressFor(std::ostream& out, bool silent) {
  Progress::Options options;
  if (silent) return options;
  const char* term = std::getenv("TERM");
  const bool terminal =
      &out == &std::cerr && isatty(STDERR_FILENO) == 1 && term != nullptr && absl::string_view(term) != "dumb";
  options.style = terminal ? Progress::Style::kBar : Progress::Style::kLines;
  winsize size = {};
  if (terminal && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1) options.width = size.ws_col - 1;
  return options;
}

}  // namespace perennial::cli
