#include "cli/import_row_mapper.h"

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/resource_name.h"
#include "common/base/time_util.h"

namespace perennial::cli {
namespace {

using accounts::v1::Record;

constexpr std::size_t kMaxRecordIdBytes = 128;

// Two records of one row must not get the same id. What a mapping says of a record without looking at the row keeps
// them apart, and stays the same when the mapping is rearranged.
std::string SaltOf(const RecordMapping& mapping) {
  std::string salt(NameOf(mapping.kind));
  for (const auto& [field, value] : mapping.fields) {
    if (value.source == Expression::Source::kConstant) absl::StrAppend(&salt, ";", field->name, "=", value.text);
  }
  return salt;
}

// Reads a value that must be there.
std::string Require(absl::string_view field, const RowEvaluator& row, const Expression& expression,
                    std::vector<Violation>* violations) {
  absl::StatusOr<std::optional<std::string>> text = row.Text(expression);
  if (!text.ok()) {
    violations->push_back({std::string(field), std::string(text.status().message()), ""});
  } else if (!*text) {
    violations->push_back({std::string(field), "is required", ""});
  } else {
    return **std::move(text);
  }
  return "";
}

std::string RequireId(absl::string_view field, const RowEvaluator& row, const Expression& expression,
                      std::vector<Violation>* violations) {
  const std::size_t before = violations->size();
  std::string id(absl::StripAsciiWhitespace(Require(field, row, expression, violations)));
  if (violations->size() > before) return id;
  if (const absl::Status status = CheckId(id); !status.ok()) {
    violations->push_back({std::string(field), std::string(status.message()), id});
  }
  return id;
}

std::optional<absl::Time> ReadTime(absl::string_view field, const RowEvaluator& row, const Expression& expression,
                                   Need need, std::vector<Violation>* violations) {
  absl::StatusOr<std::optional<absl::Time>> time = row.Time(expression);
  if (!time.ok()) {
    violations->push_back({std::string(field), std::string(time.status().message()), ""});
    return std::nullopt;
  }
  if (!*time && need == Need::kRequired) violations->push_back({std::string(field), "is required", ""});
  return *time;
}

bool IsRecordId(absl::string_view id) {
  if (id.size() > kMaxRecordIdBytes) return false;
  for (const char c : id) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

}  // namespace

RowMapper::RowMapper(const FileMapping& file, std::size_t columns) : file_(file), columns_(columns) {
  for (const RecordMapping& record : file.records) salts_.push_back(SaltOf(record));
  seen_.resize(file.records.size());
}

MappedRow RowMapper::Map(const CsvRow& row) {
  MappedRow out;
  if (!row.problem.empty()) {
    out.violations.push_back({"", row.problem, ""});
    return out;
  }
  if (row.fields.size() != columns_) {
    out.violations.push_back(
        {"", absl::StrCat("has ", row.fields.size(), " fields where ", columns_, " are expected"), ""});
    return out;
  }
  const RowEvaluator evaluator(file_, row);
  for (std::size_t i = 0; i < file_.skip.size(); ++i) {
    if (evaluator.Holds(file_.skip[i].when) == true) {
      out.skipped_by = static_cast<int>(i);
      return out;
    }
  }
  CheckRow(evaluator, &out);
  for (std::size_t i = 0; i < file_.records.size(); ++i) MapRecord(i, row, &out);
  if (!out.violations.empty()) out.records.clear();
  return out;
}

void RowMapper::CheckRow(const RowEvaluator& row, MappedRow* out) const {
  for (std::size_t i = 0; i < file_.checks.size(); ++i) {
    if (row.Holds(file_.checks[i].when) != true) continue;
    const absl::StatusOr<std::optional<std::string>> example = row.Text(file_.checks[i].example);
    out->warnings.emplace_back(static_cast<int>(i), example.ok() ? example->value_or("") : "");
  }
}

void RowMapper::MapRecord(std::size_t index, const CsvRow& row, MappedRow* out) {
  const RecordMapping& mapping = file_.records[index];
  const RowEvaluator evaluator(file_, row, &hashes_[salts_[index]], salts_[index]);
  if (mapping.when && evaluator.Holds(*mapping.when) != true) return;
  if (mapping.once_per) {
    const absl::StatusOr<std::optional<std::string>> key = evaluator.Text(*mapping.once_per);
    if (key.ok() && *key && !seen_[index].insert(**key).second) return;
  }
  MappedRecord mapped;
  std::vector<Violation> violations;
  if (IsResource(mapping.kind)) {
    mapped.resource = NewResource(mapping.kind);
    SetResourceIdentity(mapping, evaluator, &mapped, &violations);
    SetFields(mapping, evaluator, mapped.resource.get(), &violations);
  } else {
    SetIdentity(mapping, evaluator, &mapped, &violations);
    SetFields(mapping, evaluator, MessageOf(mapping.kind, &mapped.record), &violations);
  }
  if (mapping.kind == RecordKind::kAccount) {
    SetAttributes(mapping, evaluator, mapped.record.mutable_account_state(), &violations);
  }
  for (Violation& violation : violations) {
    if (violation.record_id.empty()) violation.record_id = mapped.id;
    out->violations.push_back(std::move(violation));
  }
  out->records.push_back(std::move(mapped));
}

void RowMapper::SetIdentity(const RecordMapping& mapping, const RowEvaluator& row, MappedRecord* out,
                            std::vector<Violation>* violations) {
  Record& record = out->record;
  const std::string account = RequireId("account", row, *mapping.account, violations);
  record.set_account(absl::StrCat("accounts/", account));
  if (mapping.kind == RecordKind::kAccount) {
    out->id = account;
    record.mutable_account_state()->set_name(record.account());
  } else if (mapping.kind == RecordKind::kSubscription) {
    out->id = RequireId("subscription", row, *mapping.subscription, violations);
    record.mutable_subscription_state()->set_name(absl::StrCat(record.account(), "/subscriptions/", out->id));
  } else {
    SetRecordId(mapping, row, out, violations);
  }
  const std::optional<absl::Time> time = ReadTime("event_time", row, *mapping.time, Need::kRequired, violations);
  if (time.has_value()) SetTimestamp(*time, record.mutable_event_time());
}

void RowMapper::SetRecordId(const RecordMapping& mapping, const RowEvaluator& row, MappedRecord* out,
                            std::vector<Violation>* violations) {
  // A file that may lack the column of the ids gets ids made of its rows.
  const bool has_ids = mapping.id && (mapping.id->source != Expression::Source::kColumn || mapping.id->column >= 0);
  out->id = has_ids ? Require("record_id", row, *mapping.id, violations) : row.HashOfRow();
  if (!IsRecordId(out->id)) {
    violations->push_back({"record_id", "must be 1 to 128 printable ASCII characters", out->id});
  }
  out->record.set_record_id(out->id);
}

// What says which one it is stands in the resource itself: its name, or its account, and its time or number.
void RowMapper::SetResourceIdentity(const RecordMapping& mapping, const RowEvaluator& row, MappedRecord* out,
                                    std::vector<Violation>* violations) {
  google::protobuf::Message& message = *out->resource;
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  const auto field = [&](const char* name) { return message.GetDescriptor()->FindFieldByName(name); };
  std::string account;
  if (mapping.account) account = RequireId("account", row, *mapping.account, violations);
  out->id = account;
  if (mapping.kind == RecordKind::kPhaseMove) {
    reflection.SetString(&message, field("account"), absl::StrCat("accounts/", account));
  } else if (mapping.kind == RecordKind::kLifecycleRules) {
    out->id = std::string(absl::StripAsciiWhitespace(Require("revision", row, *mapping.id, violations)));
    std::int64_t revision = 0;
    if (!out->id.empty() && (!absl::SimpleAtoi(out->id, &revision) || revision < 1)) {
      violations->push_back({"revision", "must be a whole number from 1", out->id});
    }
    reflection.SetInt64(&message, field("revision"), revision);
  } else if (mapping.id) {
    out->id = RequireId("id", row, *mapping.id, violations);
    const char* folder = mapping.kind == RecordKind::kContact ? "contacts"
                         : mapping.kind == RecordKind::kGoal  ? "goals"
                                                              : "tasks";
    reflection.SetString(&message, field("name"), absl::StrCat("accounts/", account, "/", folder, "/", out->id));
  }
  if (!mapping.time) return;
  const std::optional<absl::Time> time =
      ReadTime("effective_time", row, *mapping.time, NeedsOf(mapping.kind).time, violations);
  if (!time.has_value()) return;
  SetTimestamp(*time, static_cast<google::protobuf::Timestamp*>(
                          reflection.MutableMessage(&message, field("effective_time"))));
}

void RowMapper::SetFields(const RecordMapping& mapping, const RowEvaluator& row, google::protobuf::Message* message,
                          std::vector<Violation>* violations) {
  const auto refuse = [&](const FieldSpec& field, absl::string_view reason) {
    violations->push_back({field.name, std::string(reason), ""});
  };
  for (const auto& [field, value] : mapping.fields) {
    if (field->type == FieldType::kTime) {
      const absl::StatusOr<std::optional<absl::Time>> time = row.Time(value);
      if (!time.ok()) {
        refuse(*field, time.status().message());
      } else if (*time) {
        SetTimeField(*field, **time, message);
      } else if (field->required) {
        refuse(*field, "is required");
      }
      continue;
    }
    const absl::StatusOr<std::optional<std::string>> text = row.Text(value);
    if (!text.ok()) {
      refuse(*field, text.status().message());
    } else if (*text) {
      const absl::Status set = SetField(*field, **text, message);
      if (!set.ok()) refuse(*field, absl::StrCat(set.message(), ", not '", (*text)->substr(0, 60), "'"));
    } else if (field->required) {
      refuse(*field, "is required");
    }
  }
}

void RowMapper::SetAttributes(const RecordMapping& mapping, const RowEvaluator& row, accounts::v1::Account* account,
                              std::vector<Violation>* violations) {
  for (const RecordMapping::AttributeMapping& attribute : mapping.attributes) {
    const std::string field = absl::StrCat("attributes.", attribute.key);
    if (attribute.type == AttributeType::kTime) {
      const absl::StatusOr<std::optional<absl::Time>> time = row.Time(attribute.value);
      if (!time.ok()) {
        violations->push_back({field, std::string(time.status().message()), ""});
      } else if (*time) {
        SetTimestamp(**time, (*account->mutable_attributes())[attribute.key].mutable_time());
      }
      continue;
    }
    const absl::StatusOr<std::optional<std::string>> text = row.Text(attribute.value);
    if (!text.ok()) {
      violations->push_back({field, std::string(text.status().message()), ""});
    } else if (*text) {
      const absl::Status set = SetAttribute(attribute.type, **text, &(*account->mutable_attributes())[attribute.key]);
      if (!set.ok()) {
        violations->push_back({field, absl::StrCat(set.message(), ", not '", (*text)->substr(0, 60), "'"), ""});
      }
    }
  }
}

}  // namespace perennial::cli
