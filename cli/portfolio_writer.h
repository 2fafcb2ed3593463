#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace perennial::cli {

// The files of the canonical import format that a generated portfolio has.
enum class PortfolioFile {
  kAccounts,
  kSubscriptions,
  kUsage,
  kTickets,
  kTouchpoints,
  kSurveys,
  kMilestones,
  kChurnReports
};
constexpr std::size_t kPortfolioFiles = 8;
absl::string_view NameOf(PortfolioFile file);

// Builds one row of a CSV file. Texts given to it contain no comma, quote or line break.
class RowBuilder {
 public:
  RowBuilder& Add(absl::string_view text) {
    if (!text_.empty()) text_.push_back(',');
    text_.append(text.data(), text.size());
    return *this;
  }
  RowBuilder& Add(std::int64_t number) { return Add(absl::string_view(absl::AlphaNum(number).Piece())); }
  // Two decimals, from hundredths.
  RowBuilder& AddHundredths(std::int64_t hundredths);
  // A moment, in seconds since 1970; negative: absent.
  RowBuilder& AddTime(std::int64_t seconds);
  RowBuilder& AddFlag(bool flag) { return Add(flag ? "true" : "false"); }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

// Rows of one day, not yet in order.
class PortfolioRows {
 public:
  // `seconds`: moment of the row, since 1970.
  void Add(PortfolioFile file, std::int64_t seconds, std::string row) {
    rows_[static_cast<std::size_t>(file)].push_back({seconds, std::move(row)});
  }

 private:
  friend class PortfolioWriter;
  struct Row {
    std::int64_t seconds;
    std::string text;
  };
  std::array<std::vector<Row>, kPortfolioFiles> rows_;
};

// Writes the files of a portfolio. They appear in the folder all at once, in Finish.
class PortfolioWriter {
 public:
  // ALREADY_EXISTS when the folder has one of the files and `replace` is false.
  static absl::StatusOr<std::unique_ptr<PortfolioWriter>> Open(const std::string& folder, bool replace);
  ~PortfolioWriter();
  PortfolioWriter(const PortfolioWriter&) = delete;
  PortfolioWriter& operator=(const PortfolioWriter&) = delete;

  // Writes the rows in the order of their time and empties them.
  absl::Status Write(PortfolioRows* rows);
  absl::Status Finish();
  [[nodiscard]] std::int64_t rows(PortfolioFile file) const { return counts_[static_cast<std::size_t>(file)]; }
  [[nodiscard]] std::int64_t rows() const;

 private:
  explicit PortfolioWriter(std::string folder) : folder_(std::move(folder)) {}
  [[nodiscard]] std::string PathOf(std::size_t file, bool partial) const;

  const std::string folder_;
  std::array<std::FILE*, kPortfolioFiles> files_ = {};
  std::array<std::int64_t, kPortfolioFiles> counts_ = {};
};

}  // namespace perennial::cli
