#include "cli/mapping_parser.h"

#include <fstream>
#include <iterator>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/mapping_expression_parser.h"
#include "cli/mapping_shipped.h"
#include "cli/mapping_visit.h"
#include "cli/mapping_yaml.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"

namespace perennial::cli {
namespace {

class MappingParser {
 public:
  explicit MappingParser(std::string source) : yaml_(std::move(source)), expressions_(yaml_) {}

  absl::StatusOr<Mapping> Parse(const std::string& text, std::string source) {
    PERENNIAL_ASSIGN_OR_RETURN(const YAML::Node root, yaml_.Load(text));
    PERENNIAL_RETURN_IF_ERROR(yaml_.CheckKeys(root, "a mapping", {"description", "time_formats", "maps", "files"}));
    Mapping mapping;
    mapping.source = std::move(source);
    if (root["description"]) {
      PERENNIAL_ASSIGN_OR_RETURN(mapping.description, yaml_.Text(root["description"], "description"));
    }
    PERENNIAL_ASSIGN_OR_RETURN(time_formats_, yaml_.Texts(root, "time_formats"));
    PERENNIAL_RETURN_IF_ERROR(expressions_.ReadMaps(root["maps"]));
    const YAML::Node files = root["files"];
    if (!files || !files.IsSequence() || files.size() == 0) return yaml_.Error(root, "'files' must be a list of files");
    std::set<std::string> names;
    for (const YAML::Node& node : files) {
      PERENNIAL_ASSIGN_OR_RETURN(FileMapping file, ParseFile(node));
      if (!names.insert(file.file).second) return yaml_.Error(node, absl::StrCat("file '", file.file, "' twice"));
      mapping.files.push_back(std::move(file));
    }
    return mapping;
  }

 private:
  absl::StatusOr<FileMapping> ParseFile(const YAML::Node& node) {
    PERENNIAL_RETURN_IF_ERROR(
        yaml_.CheckKeys(node, "a file",
                        {"file", "format", "columns", "optional", "on_request", "columns_may_be_missing", "quotes_keep_blanks", "empty",
                         "time_formats", "ignore", "skip", "records", "checks"}));
    FileMapping file;
    file.line = YamlReader::LineOf(node);
    PERENNIAL_ASSIGN_OR_RETURN(file.file, yaml_.RequiredText(node, "file"));
    if (absl::StrContains(file.file, "/"))
      return yaml_.Error(node, "'file' must be a name inside the folder, without /");
    PERENNIAL_RETURN_IF_ERROR(ParseFormat(node, &file));
    PERENNIAL_ASSIGN_OR_RETURN(file.columns, yaml_.Texts(node, "columns"));
    PERENNIAL_ASSIGN_OR_RETURN(file.optional, yaml_.Flag(node, "optional", false));
    PERENNIAL_ASSIGN_OR_RETURN(file.on_request, yaml_.Flag(node, "on_request", false));
    PERENNIAL_ASSIGN_OR_RETURN(file.columns_may_be_missing, yaml_.Flag(node, "columns_may_be_missing", false));
    PERENNIAL_ASSIGN_OR_RETURN(file.quotes_keep_blanks, yaml_.Flag(node, "quotes_keep_blanks", false));
    PERENNIAL_ASSIGN_OR_RETURN(file.empty_texts, yaml_.Texts(node, "empty"));
    PERENNIAL_ASSIGN_OR_RETURN(file.time_formats, yaml_.Texts(node, "time_formats"));
    if (file.time_formats.empty()) file.time_formats = time_formats_;
    PERENNIAL_ASSIGN_OR_RETURN(file.ignore, yaml_.Texts(node, "ignore"));
    PERENNIAL_RETURN_IF_ERROR(ParseSkipRules(node["skip"], &file));
    PERENNIAL_RETURN_IF_ERROR(ParseRecords(node, &file));
    PERENNIAL_RETURN_IF_ERROR(ParseChecks(node["checks"], &file));
    PERENNIAL_RETURN_IF_ERROR(CheckHashes(&file));
    return file;
  }

  // Every evaluation of a hash counts a row, so there must be one a record.
  absl::Status CheckHashes(FileMapping* file) {
    absl::Status status;
    const auto check = [&](Expression* expression) {
      if (expression->source != Expression::Source::kHash || !status.ok()) return;
      for (const RecordMapping& record : file->records) {
        if (record.id && &*record.id == expression) return;
      }
      status = yaml_.Error(expression->line, "'hash' is only for the 'id' of a record");
    };
    VisitFile(file, check, nullptr);
    return status;
  }

  absl::Status ParseFormat(const YAML::Node& node, FileMapping* file) {
    if (!node["format"]) return absl::OkStatus();
    PERENNIAL_ASSIGN_OR_RETURN(const std::string format, yaml_.Text(node["format"], "format"));
    if (format != "csv" && format != "whitespace") {
      return yaml_.Error(node["format"], UnknownName("format", format, {"csv", "whitespace"}));
    }
    if (format == "whitespace") file->format = CsvFormat::kWhitespace;
    return absl::OkStatus();
  }

  absl::Status ParseSkipRules(const YAML::Node& list, FileMapping* file) {
    if (!list) return absl::OkStatus();
    if (!list.IsSequence()) return yaml_.Error(list, "'skip' must be a list of rules");
    for (const YAML::Node& node : list) {
      PERENNIAL_RETURN_IF_ERROR(yaml_.CheckKeys(node, "a skip rule", {"reason", "when"}));
      SkipRule rule;
      PERENNIAL_ASSIGN_OR_RETURN(rule.reason, yaml_.RequiredText(node, "reason"));
      if (!node["when"]) return yaml_.Error(node, "a skip rule needs 'when'");
      PERENNIAL_ASSIGN_OR_RETURN(rule.when, expressions_.ParseCondition(node["when"]));
      file->skip.push_back(std::move(rule));
    }
    return absl::OkStatus();
  }

  absl::Status ParseChecks(const YAML::Node& list, FileMapping* file) {
    if (!list) return absl::OkStatus();
    if (!list.IsSequence()) return yaml_.Error(list, "'checks' must be a list of checks");
    for (const YAML::Node& node : list) {
      PERENNIAL_RETURN_IF_ERROR(yaml_.CheckKeys(node, "a check", {"warn", "when", "example"}));
      Check check;
      PERENNIAL_ASSIGN_OR_RETURN(check.message, yaml_.RequiredText(node, "warn"));
      if (!node["when"]) return yaml_.Error(node, "a check needs 'when'");
      PERENNIAL_ASSIGN_OR_RETURN(check.when, expressions_.ParseCondition(node["when"]));
      PERENNIAL_ASSIGN_OR_RETURN(const std::string example, yaml_.RequiredText(node, "example"));
      PERENNIAL_ASSIGN_OR_RETURN(check.example, expressions_.ParseTemplate(node["example"], example));
      file->checks.push_back(std::move(check));
    }
    return absl::OkStatus();
  }

  absl::Status ParseRecords(const YAML::Node& file_node, FileMapping* file) {
    const YAML::Node list = file_node["records"];
    if (!list || !list.IsSequence() || list.size() == 0) {
      return yaml_.Error(list ? list : file_node, "'records' must be a list of what the rows become");
    }
    for (const YAML::Node& node : list) {
      PERENNIAL_ASSIGN_OR_RETURN(RecordMapping record, ParseRecord(node));
      file->records.push_back(std::move(record));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<RecordKind> ParseKind(const YAML::Node& node) {
    PERENNIAL_ASSIGN_OR_RETURN(const std::string name, yaml_.RequiredText(node, "kind"));
    std::vector<std::string> names;
    for (const RecordKind kind : AllRecordKinds()) {
      if (NameOf(kind) == name) return kind;
      names.emplace_back(NameOf(kind));
    }
    return yaml_.Error(node["kind"], UnknownName("kind", name, names));
  }

  absl::StatusOr<RecordMapping> ParseRecord(const YAML::Node& node) {
    PERENNIAL_RETURN_IF_ERROR(yaml_.CheckKeys(node, "a record",
                                              {"kind", "account", "subscription", "id", "time", "fields", "attributes",
                                               "attribute_columns", "when", "once_per"}));
    RecordMapping record;
    record.line = YamlReader::LineOf(node);
    PERENNIAL_ASSIGN_OR_RETURN(record.kind, ParseKind(node));
    const KindNeeds needs = NeedsOf(record.kind);
    PERENNIAL_RETURN_IF_ERROR(CheckNeed(node, record.kind, "account", needs.account));
    PERENNIAL_RETURN_IF_ERROR(CheckNeed(node, record.kind, "time", needs.time));
    if (node["account"]) {
      PERENNIAL_ASSIGN_OR_RETURN(record.account, expressions_.Parse(node["account"]));
    }
    if (node["time"]) {
      PERENNIAL_ASSIGN_OR_RETURN(record.time, expressions_.Parse(node["time"]));
    }
    PERENNIAL_RETURN_IF_ERROR(ParseIds(node, &record));
    if (node["when"]) {
      PERENNIAL_ASSIGN_OR_RETURN(Condition when, expressions_.ParseCondition(node["when"]));
      record.when = std::make_shared<Condition>(std::move(when));
    }
    if (node["once_per"]) {
      PERENNIAL_ASSIGN_OR_RETURN(record.once_per, expressions_.Parse(node["once_per"]));
    }
    PERENNIAL_RETURN_IF_ERROR(ParseFields(node, &record));
    PERENNIAL_RETURN_IF_ERROR(ParseAttributes(node, &record));
    return record;
  }

  absl::Status CheckNeed(const YAML::Node& node, RecordKind kind, const char* key, Need need) {
    const bool there = static_cast<bool>(node[key]);
    if (!there && need == Need::kRequired) return yaml_.Error(node, absl::StrCat("a record needs '", key, "'"));
    if (!there || need != Need::kNone) return absl::OkStatus();
    return yaml_.Error(node[key], absl::StrCat("records of kind '", NameOf(kind), "' have no '", key, "'"));
  }

  absl::Status ParseIds(const YAML::Node& node, RecordMapping* record) {
    const bool subscription = record->kind == RecordKind::kSubscription;
    if (subscription != static_cast<bool>(node["subscription"])) {
      return yaml_.Error(node, subscription ? "a record of kind 'subscription' needs 'subscription', its id"
                                            : "'subscription' is only for records of kind 'subscription'");
    }
    if (subscription) {
      PERENNIAL_ASSIGN_OR_RETURN(record->subscription, expressions_.Parse(node["subscription"]));
    }
    if (node["id"] && (subscription || record->kind == RecordKind::kAccount)) {
      return yaml_.Error(node["id"], "accounts and subscriptions have no 'id' of their own: leave it out");
    }
    PERENNIAL_RETURN_IF_ERROR(CheckNeed(node, record->kind, "id", NeedsOf(record->kind).id));
    if (!node["id"]) return absl::OkStatus();
    PERENNIAL_ASSIGN_OR_RETURN(record->id, expressions_.Parse(node["id"]));
    return absl::OkStatus();
  }

  absl::Status ParseFields(const YAML::Node& record_node, RecordMapping* record) {
    std::vector<std::string> names;
    for (const FieldSpec& field : FieldsOf(record->kind)) names.push_back(field.name);
    const YAML::Node node = record_node["fields"];
    if (node) {
      PERENNIAL_RETURN_IF_ERROR(
          yaml_.CheckKeys(node, absl::StrCat("the fields of a record of kind '", NameOf(record->kind), "'"), names));
      for (const auto& entry : node) {
        const FieldSpec* field = FindField(record->kind, entry.first.Scalar());
        PERENNIAL_ASSIGN_OR_RETURN(Expression value, expressions_.Parse(entry.second));
        record->fields.push_back({field, std::move(value)});
      }
    }
    for (const FieldSpec& field : FieldsOf(record->kind)) {
      if (field.required && !(node && node[field.name])) {
        return yaml_.Error(record_node, absl::StrCat("a record of kind '", NameOf(record->kind), "' needs the field '",
                                                     field.name, "'"));
      }
    }
    return absl::OkStatus();
  }

  absl::Status ParseAttributes(const YAML::Node& record_node, RecordMapping* record) {
    PERENNIAL_ASSIGN_OR_RETURN(record->attribute_columns, yaml_.Flag(record_node, "attribute_columns", false));
    const YAML::Node node = record_node["attributes"];
    if ((node || record->attribute_columns) && record->kind != RecordKind::kAccount) {
      return yaml_.Error(record_node, "only records of kind 'account' have attributes");
    }
    if (!node) return absl::OkStatus();
    if (!node.IsMap()) return yaml_.Error(node, "'attributes' must be a map from key to value");
    std::set<std::string> seen;
    for (const auto& entry : node) {
      RecordMapping::AttributeMapping attribute;
      PERENNIAL_ASSIGN_OR_RETURN(attribute.key, yaml_.Text(entry.first, "attributes"));
      if (const absl::Status key = CheckKey(attribute.key); !key.ok()) {
        return yaml_.Error(entry.first, absl::StrCat("attribute '", attribute.key, "' ", key.message()));
      }
      if (!seen.insert(attribute.key).second) {
        return yaml_.Error(entry.first, absl::StrCat("attribute '", attribute.key, "' twice"));
      }
      PERENNIAL_ASSIGN_OR_RETURN(attribute.value, expressions_.Parse(entry.second, &attribute.type));
      record->attributes.push_back(std::move(attribute));
    }
    return absl::OkStatus();
  }

  const YamlReader yaml_;
  ExpressionParser expressions_;
  std::vector<std::string> time_formats_;
};

}  // namespace

absl::StatusOr<Mapping> ParseMapping(const std::string& text, const std::string& source) {
  // Our own calls throw nothing; yaml-cpp may, on nodes that it finds odd.
  try {
    return MappingParser(source).Parse(text, source);
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(source, ":", error.mark.line + 1, ": ", error.msg));
  }
}

absl::StatusOr<Mapping> LoadMapping(const std::string& name_or_file) {
  std::vector<std::string> names;
  for (const ShippedMapping& shipped : ShippedMappings()) {
    if (name_or_file == shipped.name) return ParseMapping(shipped.text, absl::StrCat(shipped.name, ".yaml"));
    names.emplace_back(shipped.name);
  }
  if (name_or_file.find_first_of("/.") == std::string::npos) {
    return absl::NotFoundError(absl::StrCat(UnknownName("mapping", name_or_file, names),
                                            "; name a file of your own with its path, for example ./", name_or_file,
                                            ".yaml"));
  }
  std::ifstream file(name_or_file, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot open the mapping file ", name_or_file));
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) return absl::UnavailableError(absl::StrCat("cannot read the mapping file ", name_or_file));
  return ParseMapping(text, name_or_file);
}

}  // namespace perennial::cli
