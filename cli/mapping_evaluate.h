#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/mapping.h"

namespace perennial::cli {

// Numbers equal rows, so that each has an id of its own that is the same in every import: "<hash of the row>-<1, 2,
// ...>".
class RowHashes {
 public:
  std::string IdOf(const std::vector<absl::string_view>& texts);

 private:
  absl::flat_hash_map<std::uint64_t, std::uint32_t> seen_;
};

// Applies expressions and conditions, bound to the row's file, to one row. Blanks around a text do not count,
// unless it stands in quotes and the mapping says so; an empty text, and those that the mapping calls empty, are absent. `file` and `row` must outlive it.
class RowEvaluator {
 public:
  RowEvaluator(const FileMapping& file, const CsvRow& row, RowHashes* hashes = nullptr, absl::string_view hash_salt = "")
      : file_(file), fields_(row.fields), quoted_(row.quoted), hashes_(hashes), hash_salt_(hash_salt) {}

  // The value as text; nothing when it is absent. The error completes "<field> ...".
  [[nodiscard]] absl::StatusOr<std::optional<std::string>> Text(const Expression& expression) const;
  // The value as a time.
  [[nodiscard]] absl::StatusOr<std::optional<absl::Time>> Time(const Expression& expression) const;
  // Whether the condition holds; nothing when that is unknown.
  [[nodiscard]] std::optional<bool> Holds(const Condition& condition) const;
  // The text of a column; nothing when it is absent or `column` is negative.
  [[nodiscard]] std::optional<std::string> ColumnText(int column) const;
  // An id made of the whole row.
  [[nodiscard]] std::string HashOfRow() const;

 private:
  [[nodiscard]] std::optional<absl::string_view> Column(int column) const;
  [[nodiscard]] absl::StatusOr<std::optional<std::string>> Source(const Expression& expression) const;
  [[nodiscard]] absl::StatusOr<std::optional<std::string>> LookUp(const Expression& expression) const;
  [[nodiscard]] absl::StatusOr<std::optional<std::string>> Mapped(const Expression& expression) const;
  [[nodiscard]] std::string Hash(const Expression& expression) const;
  [[nodiscard]] absl::StatusOr<std::optional<absl::Time>> Shifted(const Expression& expression, absl::Time time) const;
  [[nodiscard]] std::optional<bool> Compare(const Condition& condition) const;
  [[nodiscard]] std::optional<bool> Exists(const Lookup& lookup) const;

  const FileMapping& file_;
  const std::vector<std::string>& fields_;
  const std::vector<bool>& quoted_;
  RowHashes* const hashes_;
  const absl::string_view hash_salt_;
};

// Reads a time in the first of `formats` (as absl::ParseTime) that fits; without formats: RFC 3339, "YYYY-MM-DD
// hh:mm:ss" or "YYYY-MM-DD". Where nothing is said, times are UTC and days begin at midnight. The error completes
// "<field> ...".
absl::StatusOr<absl::Time> ParseTimeText(absl::string_view text, const std::vector<std::string>& formats);

// `time` moved by whole calendar months; a day that the month does not have becomes its last.
absl::Time AddMonths(absl::Time time, std::int64_t months);

}  // namespace perennial::cli
