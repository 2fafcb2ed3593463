#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct csv_parser;

namespace perennial::cli {

// How the rows of a file are written.
enum class CsvFormat {
  kComma,       // RFC 4180: commas, double quotes, line breaks inside quotes
  kWhitespace,  // columns set apart by blanks and tabs; no quotes
};

// One row of a file.
struct CsvRow {
  // Line of the file on which the row begins, from 1, as an editor shows it.
  std::int64_t line = 0;
  std::vector<std::string> fields;
  // Of each field, whether it stands in quotes; empty when none does.
  std::vector<bool> quoted;
  // The text of the row as it stands in the file, without its line end.
  std::string raw;
  // What is wrong with the row, as a sentence that completes "the row ..."; empty when it could be read. `fields` are
  // not to be used then.
  std::string problem;
};

// Reads a file row by row in bounded memory. Accepts LF and CRLF and a UTF-8 byte order mark; empty lines are no rows.
// A malformed row (stray quote, no UTF-8, longer than max_row_bytes) is returned with its problem, and reading goes on
// after it. Not thread-safe.
class CsvReader {
 public:
  static constexpr std::size_t kMaxRowBytes = std::size_t{1} << 20;

  // NOT_FOUND or PERMISSION_DENIED when the file cannot be opened, INVALID_ARGUMENT when it is UTF-16.
  static absl::StatusOr<std::unique_ptr<CsvReader>> Open(const std::string& path, CsvFormat format,
                                                         std::size_t max_row_bytes = kMaxRowBytes);
  ~CsvReader();
  CsvReader(const CsvReader&) = delete;
  CsvReader& operator=(const CsvReader&) = delete;

  // Reads the next row into `row`; false at the end of the file or when reading failed (see status()).
  bool Next(CsvRow& row);
  // OK, or why the file could not be read to its end.
  [[nodiscard]] const absl::Status& status() const { return status_; }
  // Bytes of the file that the rows so far took.
  [[nodiscard]] std::int64_t bytes_read() const { return bytes_read_; }

 private:
  struct FileCloser {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  struct ParserDeleter {
    void operator()(csv_parser* parser) const;
  };
  CsvReader(std::FILE* file, CsvFormat format, std::size_t max_row_bytes);

  // Appends the next line with its line end to `row.raw`. False at the end.
  bool AppendLine(CsvRow& row);
  // Takes `row.raw` from `from` on into `row.fields`; whether the row is complete.
  bool ParseLine(CsvRow& row, std::size_t from);
  void FinishAtEndOfFile(CsvRow& row);
  void SplitAtBlanks(CsvRow& row);
  void ResetParser();

  const std::unique_ptr<std::FILE, FileCloser> file_;
  const CsvFormat format_;
  const std::size_t max_row_bytes_;
  std::unique_ptr<csv_parser, ParserDeleter> parser_;
  std::vector<char> buffer_;
  std::size_t buffer_begin_ = 0;
  std::size_t buffer_end_ = 0;
  std::int64_t next_line_ = 1;
  std::int64_t bytes_read_ = 0;
  bool line_too_long_ = false;
  absl::Status status_;
};

// Whether `text` is valid UTF-8, as protobuf demands of strings.
bool IsUtf8(absl::string_view text);

}  // namespace perennial::cli
