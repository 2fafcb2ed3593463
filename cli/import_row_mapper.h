#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "cli/csv_reader.h"
#include "cli/mapping.h"
#include "cli/mapping_evaluate.h"
#include "perennial/accounts/v1/record.pb.h"

namespace perennial::cli {

// One reason why a row is refused.
struct Violation {
  // As the proto names it, for example "mrr"; empty when the row as a whole is bad.
  std::string field;
  // Completes "<field> ..." (or "the row ...").
  std::string reason;
  // The id of the record, as far as it is known.
  std::string record_id;
};

struct MappedRecord {
  // The record, unless it is a resource.
  accounts::v1::Record record;
  // A contact, goal, task, phase move, exchange rate or revision of lifecycle rules, with its name or what else says which;
  // shared by nobody.
  std::shared_ptr<google::protobuf::Message> resource;
  // Its id for people: the record's, the account's, the subscription's or the resource's.
  std::string id;
};

// What one row becomes: records, or nothing when a rule skips it, or reasons why it is refused (then no record of it is
// sent, so that a row is never half imported).
struct MappedRow {
  std::vector<MappedRecord> records;
  std::vector<Violation> violations;
  // Index of the skip rule that left the row out; -1 when none did.
  int skipped_by = -1;
  // Checks of the file that found a contradiction: index and example.
  std::vector<std::pair<int, std::string>> warnings;
};

// Maps the rows of one file, in order. `file` is bound, its tables are loaded, and it must outlive this.
class RowMapper {
 public:
  RowMapper(const FileMapping& file, std::size_t columns);

  [[nodiscard]] MappedRow Map(const CsvRow& row);

 private:
  void MapRecord(std::size_t index, const CsvRow& row, MappedRow* out);
  static void SetIdentity(const RecordMapping& mapping, const RowEvaluator& row, MappedRecord* out,
                          std::vector<Violation>* violations);
  static void SetRecordId(const RecordMapping& mapping, const RowEvaluator& row, MappedRecord* out,
                          std::vector<Violation>* violations);
  static void SetResourceIdentity(const RecordMapping& mapping, const RowEvaluator& row, MappedRecord* out,
                                  std::vector<Violation>* violations);
  static void SetFields(const RecordMapping& mapping, const RowEvaluator& row, google::protobuf::Message* message,
                        std::vector<Violation>* violations);
  static void SetAttributes(const RecordMapping& mapping, const RowEvaluator& row, accounts::v1::Account* account,
                            std::vector<Violation>* violations);
  void CheckRow(const RowEvaluator& row, MappedRow* out) const;

  const FileMapping& file_;
  const std::size_t columns_;
  // For each record mapping: what tells its ids apart from those of the others, and the rows seen so far.
  std::vector<std::string> salts_;
  std::vector<absl::flat_hash_set<std::string>> seen_;
  std::map<std::string, RowHashes> hashes_;
};

}  // namespace perennial::cli
