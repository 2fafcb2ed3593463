#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace perennial::cli {

// What became of one file. Of the rows: rows = skipped + refused_rows + those that became records. Of the records:
// records = stored + replaced + duplicates + refused_records (+ unacknowledged when it ended early).
struct FileSummary {
  struct Warning {
    std::string message;
    std::int64_t count = 0;
    // Line and text of the first case.
    std::int64_t example_line = 0;
    std::string example;
  };

  std::string file;
  // The folder does not have it, and need not.
  bool missing = false;
  // It was read to its end.
  bool complete = false;
  std::int64_t rows = 0;
  std::int64_t skipped = 0;
  // Refused here or, one record of theirs at least, by the server.
  std::int64_t refused_rows = 0;
  std::int64_t records = 0;
  std::int64_t stored = 0;
  std::int64_t replaced = 0;
  std::int64_t duplicates = 0;
  std::int64_t refused_records = 0;
  // Skipped rows by reason, in the order of the mapping.
  std::vector<std::pair<std::string, std::int64_t>> skip_reasons;
  // In the order of the mapping, those that found something.
  std::vector<Warning> warnings;
};

struct ImportSummary {
  std::string mapping;
  std::string folder;
  bool dry_run = false;
  // Ctrl-C stopped it.
  bool interrupted = false;
  // Why it could not finish; OK when it did.
  absl::Status status;
  std::vector<FileSummary> files;
  // Records without an acknowledgement when it ended early: stored or not; importing again tells.
  std::int64_t unacknowledged = 0;
  // Revision of the feed after the last batch; 0 when nothing was acknowledged.
  std::int64_t revision = 0;
  absl::Duration took;
  // Empty when no row was refused.
  std::string rejects_file;

  // The sum over all files, without reasons and warnings.
  [[nodiscard]] FileSummary Total() const;
  // Everything was sent and acknowledged, and nothing was new.
  [[nodiscard]] bool NothingChanged() const;
};

// For people: a table of the files, warnings with an example each, and what to do about refused rows.
std::string FormatSummary(const ImportSummary& summary);
// For machines; docs/import.md describes it.
nlohmann::ordered_json JsonOfSummary(const ImportSummary& summary);

}  // namespace perennial::cli
