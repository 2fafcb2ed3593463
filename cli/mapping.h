#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "cli/csv_reader.h"
#include "cli/mapping_fields.h"

// A mapping file, read: what the columns of somebody's files mean. docs/import.md describes the language;
// mapping_parser.h reads it, mapping_binding.h ties it to the columns of a real file, mapping_evaluate.h applies it to
// a row.
namespace perennial::cli {

struct Condition;
struct Expression;

// A table made of another file of the folder: from the texts of one column to those of another.
struct LookupTable {
  struct Entry {
    std::string value;
    // Two rows of the file have this key and different values: the value is not known then.
    bool ambiguous = false;
  };
  absl::flat_hash_map<std::string, Entry> entries;
};

// A value (or just a row) of another file that belongs to a row.
struct Lookup {
  std::string file;
  // Column of the other file that `key` is looked for in.
  std::string match;
  // The value wanted; empty when only its existence is.
  std::string column;
  // What is looked for.
  std::shared_ptr<Expression> key;
  // Rows of the other file that count; absent: all of them.
  std::shared_ptr<Condition> where;
  int line = 0;
  // Filled by LoadTables; equal lookups share one.
  std::shared_ptr<const LookupTable> table;
};

enum class TimeUnit { kSeconds, kMinutes, kHours, kDays, kMonths };

// Moves a time by a number of units, which may come from a column. Months are calendar months; a day that the month
// does not have becomes its last.
struct TimeShift {
  bool back = false;
  std::shared_ptr<Expression> amount;
  TimeUnit unit = TimeUnit::kDays;
};

// From the texts of a file to those that are meant.
struct ValueMap {
  std::map<std::string, std::string> values;
  // For every other text; absent: another text is refused.
  std::optional<std::string> otherwise;
};

// Where a value comes from, and what is done to it: first the source, then `map`, then `shifts`.
struct Expression {
  enum class Source { kColumn, kConstant, kTemplate, kLookup, kFirst, kHash };
  struct TemplatePart {
    std::string text;  // literal, or name of a column
    bool is_column = false;
    int column = -1;
  };

  Source source = Source::kConstant;
  // Name of the column, or the constant.
  std::string text;
  // Index of the column in the file, set by Bind; -1: the file does not have it (and may lack it).
  int column = -1;
  // The row may lack the column.
  bool optional = false;
  std::vector<TemplatePart> parts;
  std::optional<Lookup> lookup;
  // kFirst: the first of these that is not absent.
  std::vector<Expression> options;
  std::shared_ptr<const ValueMap> map;
  // How times are written; empty: as the file says.
  std::vector<std::string> formats;
  std::vector<TimeShift> shifts;
  // Absent unless this holds.
  std::shared_ptr<Condition> when;
  int line = 0;
};

// What a row must be like. Three-valued: a comparison with an absent or unreadable value is unknown, and only what is
// true counts.
struct Condition {
  enum class Kind { kAll, kAny, kNot, kIn, kEmpty, kCompare, kExists };
  enum class Order { kLess, kLessOrEqual, kEqual, kNotEqual, kGreaterOrEqual, kGreater };
  enum class Type { kText, kNumber, kTime };

  Kind kind = Kind::kAll;
  std::vector<Condition> parts;       // kAll, kAny, kNot (one)
  std::shared_ptr<Expression> left;   // kIn, kEmpty, kCompare
  std::shared_ptr<Expression> right;  // kCompare
  std::vector<std::string> values;    // kIn
  bool expected = true;               // kEmpty: empty or not
  Order order = Order::kEqual;        // kCompare
  Type type = Type::kText;            // kCompare
  std::optional<Lookup> lookup;       // kExists
};

// A record that a row becomes.
struct RecordMapping {
  RecordKind kind = RecordKind::kUsage;
  // Which of these four a kind has is told by NeedsOf(kind).
  std::optional<Expression> account;
  std::optional<Expression> subscription;
  // Absent: a hash of the row. Not used by accounts and subscriptions.
  std::optional<Expression> id;
  std::optional<Expression> time;
  // In the order of the mapping. `field` belongs to FieldsOf(kind).
  struct FieldMapping {
    const FieldSpec* field = nullptr;
    Expression value;
  };
  std::vector<FieldMapping> fields;
  struct AttributeMapping {
    std::string key;
    AttributeType type = AttributeType::kText;
    Expression value;
  };
  std::vector<AttributeMapping> attributes;
  // Columns named "attributes.<key>" or "attributes.<key>:<type>" are attributes.
  bool attribute_columns = false;
  std::shared_ptr<Condition> when;
  // Only the first row with this value becomes a record.
  std::optional<Expression> once_per;
  int line = 0;
};

// Rows that are left out on purpose; they are counted by name.
struct SkipRule {
  std::string reason;
  Condition when;
};

// A contradiction that is counted and shown; the row is imported all the same.
struct Check {
  // What is wrong, for people.
  std::string message;
  Condition when;
  // A template that shows one case.
  Expression example;
};

// What becomes of the rows of one file.
struct FileMapping {
  std::string file;
  CsvFormat format = CsvFormat::kComma;
  // Names of the columns, for a file without a header.
  std::vector<std::string> columns;
  // The folder may lack it.
  bool optional = false;
  // Read only when it is asked for by name.
  bool on_request = false;
  // Every column may be missing and then counts as empty.
  bool columns_may_be_missing = false;
  // Texts that mean "absent", besides the empty one.
  std::vector<std::string> empty_texts;
  std::vector<std::string> time_formats;
  // Blanks around a text that stands in quotes belong to it.
  bool quotes_keep_blanks = false;
  // Columns that are left out on purpose.
  std::vector<std::string> ignore;
  std::vector<SkipRule> skip;
  std::vector<RecordMapping> records;
  std::vector<Check> checks;
  int line = 0;
};

struct Mapping {
  // Where it was read, for messages.
  std::string source;
  std::string description;
  std::vector<FileMapping> files;
};

}  // namespace perennial::cli
