#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/facts/bitmap.h"
#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_row.h"
#include "common/facts/fact_table.h"

namespace perennial::filter {

// Bounds of a filter. Text past them is refused with a clear error in time proportional to the bound.
constexpr std::size_t kMaxLength = 4096;  // bytes
constexpr int kMaxDepth = 32;             // nested parentheses, functions and negations
constexpr int kMaxTerms = 256;            // restrictions

// The three values of a comparison. Only kTrue selects.
enum class Truth : unsigned char { kFalse, kUnknown, kTrue };

// Answers segment("id") for a filter's evaluation.
class SegmentMembership {
 public:
  virtual ~SegmentMembership() = default;
  // Members among the rows of the table; null when there is no such segment.
  [[nodiscard]] virtual const facts::Bitmap* Members(absl::string_view segment) const = 0;
};

struct CompileOptions {
  // Whether segment("...") is allowed here.
  bool allow_segments = false;
  // When set, a segment that this list lacks is an error (with the nearest known one).
  const std::vector<std::string>* known_segments = nullptr;
};

struct EvaluationContext {
  // What days_ago() and the like count from.
  absl::Time now;
  // For filters that call segment(); may be null for others.
  const SegmentMembership* segments = nullptr;
};

// A compiled filter: parsed, checked against a catalogue, ready to run. Immutable and cheap to copy; safe to use from
// many threads. Stays valid while the catalogue it was compiled against grows.
class Filter {
 public:
  // Compiles `text`; the empty filter selects everything. INVALID_ARGUMENT with a sentence that completes "filter ...",
  // naming the position: "unknown fact 'helth.score' at 1:1; did you mean 'health.score'?".
  static absl::StatusOr<Filter> Compile(absl::string_view text, const facts::FactCatalogue& catalogue,
                                        const CompileOptions& options = {});

  // Whether the filter is true, false or unknown for one row.
  [[nodiscard]] Truth Evaluate(const facts::RowReader& row, const EvaluationContext& context) const;
  [[nodiscard]] bool Selects(const facts::RowReader& row, const EvaluationContext& context) const {
    return Evaluate(row, context) == Truth::kTrue;
  }
  // The live rows of a table for which it is true; by columns, a word of rows at a time.
  [[nodiscard]] facts::Bitmap EvaluateAll(const facts::FactTable& table, const EvaluationContext& context) const;
  // The same for several filters at once, in their order: much faster than one by one, as each block of rows is read
  // once and what filters have in common is worked out once.
  [[nodiscard]] static std::vector<facts::Bitmap> EvaluateAll(const std::vector<const Filter*>& filters,
                                                              const facts::FactTable& table,
                                                              const EvaluationContext& context);
  // The same for the rows from `first`, a multiple of 64, to before `end`, at most the table's; bit 0 stands for `first`.
  [[nodiscard]] facts::Bitmap EvaluateRows(const facts::FactTable& table, const EvaluationContext& context,
                                           facts::RowId first, facts::RowId end) const;

  // The filter with every parenthesis written out; compiling it gives an equal filter. Empty for the empty filter.
  [[nodiscard]] const std::string& canonical() const;
  // What may surprise its author.
  [[nodiscard]] const std::vector<std::string>& warnings() const;
  // Facts that it reads, ascending.
  [[nodiscard]] const std::vector<facts::FactId>& facts() const;
  // Names of those, sorted.
  [[nodiscard]] const std::vector<std::string>& fact_names() const;
  // The numbers that matter to it of a fact, ascending: while the fact goes from one known number to another, and none of
  // these is one of the two or lies between them, its value stays. Nothing when it looks at the fact in another way.
  [[nodiscard]] std::optional<std::vector<double>> Thresholds(facts::FactId fact) const;
  // Segments that it calls, sorted.
  [[nodiscard]] const std::vector<std::string>& segments() const;
  // Whether the clock alone can change its value (days_ago and the like).
  [[nodiscard]] bool reads_clock() const;

 private:
  struct Compiled;
  explicit Filter(std::shared_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace perennial::filter
