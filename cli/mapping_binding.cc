#include "cli/mapping_binding.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cli/mapping_evaluate.h"
#include "cli/mapping_visit.h"
#include "cli/mapping_yaml.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"

namespace perennial::cli {
namespace {

constexpr absl::string_view kAttributePrefix = "attributes.";

// Finds columns of one file and remembers which were asked for and what was wrong first.
class ColumnBinder {
 public:
  ColumnBinder(const YamlReader& yaml, const std::string& file, const std::vector<std::string>& header,
               bool may_be_missing)
      : yaml_(yaml), file_(file), header_(header), may_be_missing_(may_be_missing) {}

  void Bind(Expression* expression) {
    if (expression->source == Expression::Source::kColumn) {
      expression->column = Find(expression->text, expression->line, expression->optional);
    }
    for (Expression::TemplatePart& part : expression->parts) {
      if (part.is_column) part.column = Find(part.text, expression->line, expression->optional);
    }
  }

  int Find(const std::string& name, int line, bool optional) {
    asked_.insert(name);
    const auto found = std::find(header_.begin(), header_.end(), name);
    if (found != header_.end()) return static_cast<int>(found - header_.begin());
    if (!may_be_missing_ && !optional && status_.ok()) {
      status_ = yaml_.Error(line, absl::StrCat(file_, ": ", UnknownName("column", name, header_)));
    }
    return -1;
  }

  [[nodiscard]] const absl::Status& status() const { return status_; }
  [[nodiscard]] const std::set<std::string>& asked() const { return asked_; }

 private:
  const YamlReader& yaml_;
  const std::string file_;
  const std::vector<std::string>& header_;
  const bool may_be_missing_;
  std::set<std::string> asked_;
  absl::Status status_;
};

absl::Status AddAttributeColumns(const YamlReader& yaml, const std::vector<std::string>& header, FileMapping* file,
                                 RecordMapping* record) {
  for (const std::string& column : header) {
    absl::string_view rest = column;
    if (!absl::ConsumePrefix(&rest, kAttributePrefix)) continue;
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(rest, absl::MaxSplits(':', 1));
    RecordMapping::AttributeMapping attribute;
    attribute.key = std::string(parts.first);
    absl::Status problem = CheckKey(attribute.key);
    if (problem.ok() && absl::StrContains(rest, ":")) {
      const absl::StatusOr<AttributeType> type = AttributeTypeOf(parts.second);
      problem = type.status();
      if (type.ok()) attribute.type = *type;
    }
    if (!problem.ok()) {
      return yaml.Error(
          file->line,
          absl::StrCat(file->file, ": column '", column, "' must be attributes.<key> or attributes.<key>:<type>; ",
                       absl::StartsWith(problem.message(), "must be text") ? "the type " : "the key ",
                       problem.message()));
    }
    attribute.value.source = Expression::Source::kColumn;
    attribute.value.text = column;
    attribute.value.line = record->line;
    record->attributes.push_back(std::move(attribute));
  }
  return absl::OkStatus();
}

absl::Status CheckEveryColumnIsMeant(const YamlReader& yaml, const std::vector<std::string>& header,
                                     const FileMapping& file, const std::set<std::string>& used) {
  for (const std::string& column : header) {
    if (used.count(column) != 0 || std::find(file.ignore.begin(), file.ignore.end(), column) != file.ignore.end())
      continue;
    if (file.columns_may_be_missing) {
      return yaml.Error(file.line,
                        absl::StrCat(file.file, ": ", UnknownName("column", column, {used.begin(), used.end()})));
    }
    return yaml.Error(file.line, absl::StrCat(file.file, ": column '", column,
                                              "' is not used; use it, or list it under 'ignore' to leave it out"));
  }
  return absl::OkStatus();
}

// How a file that is looked up is written.
FileMapping LayoutOf(const Mapping& mapping, const std::string& name) {
  FileMapping layout;
  for (const FileMapping& file : mapping.files) {
    if (file.file != name) continue;
    layout.format = file.format;
    layout.columns = file.columns;
    layout.empty_texts = file.empty_texts;
    layout.time_formats = file.time_formats;
    layout.quotes_keep_blanks = file.quotes_keep_blanks;
  }
  layout.file = name;
  return layout;
}

// A table being made of the rows of one file.
struct TableInMaking {
  std::vector<Lookup*> users;
  std::shared_ptr<LookupTable> table = std::make_shared<LookupTable>();
  int match = -1;
  int column = -1;
  Condition* where = nullptr;
};

void AddRow(const RowEvaluator& row, TableInMaking* making) {
  if (making->where != nullptr && row.Holds(*making->where) != true) return;
  const std::optional<std::string> key = row.ColumnText(making->match);
  if (!key) return;
  const std::string value = row.ColumnText(making->column).value_or("");
  const auto [entry, is_new] = making->table->entries.try_emplace(*key, LookupTable::Entry{value, false});
  if (!is_new && entry->second.value != value) entry->second.ambiguous = true;
}

// Equal lookups share a table. Those with a condition are not compared: each has its own.
std::vector<TableInMaking> GroupLookups(const std::vector<Lookup*>& lookups) {
  std::vector<TableInMaking> tables;
  for (Lookup* lookup : lookups) {
    const auto same = std::find_if(tables.begin(), tables.end(), [&](const TableInMaking& table) {
      const Lookup& first = *table.users.front();
      return !first.where && !lookup->where && first.match == lookup->match && first.column == lookup->column;
    });
    if (same != tables.end()) {
      same->users.push_back(lookup);
    } else {
      tables.emplace_back().users.push_back(lookup);
      tables.back().where = lookup->where.get();
    }
  }
  return tables;
}

absl::Status LoadFile(const Mapping& mapping, const std::string& folder, const std::string& name,
                      const std::vector<Lookup*>& lookups) {
  const YamlReader yaml(mapping.source);
  const FileMapping layout = LayoutOf(mapping, name);
  auto reader = CsvReader::Open(absl::StrCat(folder, "/", name), layout.format);
  if (!reader.ok()) return yaml.Error(lookups.front()->line, absl::StrCat("lookup: ", reader.status().message()));
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<std::string> header, ReadHeader(layout, reader->get()));
  std::vector<TableInMaking> tables = GroupLookups(lookups);
  ColumnBinder binder(yaml, name, header, false);
  for (TableInMaking& table : tables) {
    const Lookup& lookup = *table.users.front();
    table.match = binder.Find(lookup.match, lookup.line, false);
    if (!lookup.column.empty()) table.column = binder.Find(lookup.column, lookup.line, false);
    if (table.where != nullptr) {
      VisitExpressions(table.where, [&](Expression* expression) { binder.Bind(expression); });
    }
  }
  PERENNIAL_RETURN_IF_ERROR(binder.status());
  CsvRow row;
  while ((*reader)->Next(row)) {
    // A row that cannot be read is refused when its own file is imported.
    if (!row.problem.empty() || row.fields.size() != header.size()) continue;
    const RowEvaluator evaluator(layout, row);
    for (TableInMaking& table : tables) AddRow(evaluator, &table);
  }
  PERENNIAL_RETURN_IF_ERROR((*reader)->status());
  for (const TableInMaking& table : tables) {
    for (Lookup* user : table.users) user->table = table.table;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadHeader(const FileMapping& file, CsvReader* reader) {
  if (!file.columns.empty()) return file.columns;
  CsvRow row;
  if (!reader->Next(row)) {
    PERENNIAL_RETURN_IF_ERROR(reader->status());
    return absl::InvalidArgumentError(absl::StrCat(file.file, " is empty: its first row must name the columns"));
  }
  if (!row.problem.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(file.file, ":", row.line, ": the header ", row.problem));
  }
  std::set<std::string> seen;
  for (std::string& name : row.fields) {
    name = std::string(absl::StripAsciiWhitespace(name));
    if (name.empty() || !seen.insert(name).second) {
      return absl::InvalidArgumentError(absl::StrCat(file.file, ":", row.line, ": the header has ",
                                                     name.empty() ? "a column without a name" : "two columns named ",
                                                     name));
    }
  }
  return std::move(row.fields);
}

absl::Status BindFile(const std::string& source, const std::vector<std::string>& header, FileMapping* file) {
  const YamlReader yaml(source);
  for (RecordMapping& record : file->records) {
    if (!record.attribute_columns) continue;
    PERENNIAL_RETURN_IF_ERROR(AddAttributeColumns(yaml, header, file, &record));
  }
  ColumnBinder binder(yaml, file->file, header, file->columns_may_be_missing);
  VisitFile(
      file, [&](Expression* expression) { binder.Bind(expression); }, nullptr);
  PERENNIAL_RETURN_IF_ERROR(binder.status());
  return CheckEveryColumnIsMeant(yaml, header, *file, binder.asked());
}

absl::Status LoadTables(const Mapping& mapping, const std::string& folder, const std::vector<FileMapping*>& files) {
  std::map<std::string, std::vector<Lookup*>> lookups;
  for (FileMapping* file : files) {
    bool nested = false;
    const auto add = [&](Lookup* lookup) {
      lookups[lookup->file].push_back(lookup);
      if (!lookup->where) return;
      const auto find_nested = [&](Lookup* /*inner*/) { nested = true; };
      VisitExpressions(
          lookup->where.get(), [&](Expression* expression) { nested = nested || expression->lookup.has_value(); },
          find_nested);
    };
    VisitFile(file, nullptr, add);
    if (nested) {
      return YamlReader(mapping.source).Error(file->line, "the 'where' of a lookup cannot look up yet another file");
    }
  }
  for (const auto& [name, users] : lookups) PERENNIAL_RETURN_IF_ERROR(LoadFile(mapping, folder, name, users));
  return absl::OkStatus();
}

}  // namespace perennial::cli
