#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "perennial/accounts/v1/record.pb.h"

namespace perennial::cli {

// What a row can become, in the order in which an import must write them. From kAccount to kChurnReport they are records
// (IngestService takes them), the others are resources with methods of their own.
enum class RecordKind {
  kExchangeRate,
  kLifecycleRules,
  kAccount,
  kSubscription,
  kUsage,
  kTicket,
  kTouchpoint,
  kSurvey,
  kMilestone,
  kChurnReport,
  kContact,
  kGoal,
  kTask,
  kPhaseMove,
};

// Whether it is no record, but a resource.
bool IsResource(RecordKind kind);

// What a mapping must say of a kind besides its fields.
enum class Need { kNone, kOptional, kRequired };
struct KindNeeds {
  Need account = Need::kRequired;
  Need id = Need::kNone;
  Need time = Need::kRequired;
};
KindNeeds NeedsOf(RecordKind kind);

// The kind's name in mappings, for example "churn_report".
absl::string_view NameOf(RecordKind kind);
// All of them, in order.
const std::vector<RecordKind>& AllRecordKinds();

// kChecklist: a list of lines, "[x] done" and "[ ] not yet".
enum class FieldType { kText, kNumber, kInteger, kFlag, kTime, kEnum, kMoney, kTextList, kAccountName, kChecklist };

// A field of a kind that a mapping can set.
struct FieldSpec {
  // As the proto names it, for example "resolve_time".
  std::string name;
  FieldType type = FieldType::kText;
  // A record without it is refused.
  bool required = false;
  const google::protobuf::FieldDescriptor* descriptor = nullptr;
  // kEnum: the texts allowed, for example "urgent".
  std::vector<std::string> choices = {};
};

// The fields of a kind: those of its proto message that clients set, in the proto's order. Money has a field of its own
// name for the amount and "currency_code". Lives as long as the process.
const std::vector<FieldSpec>& FieldsOf(RecordKind kind);
// The field of that name, or null.
const FieldSpec* FindField(RecordKind kind, absl::string_view name);

// The message inside `record` that the fields of `kind` belong to; makes it when it is not there. Not for resources.
google::protobuf::Message* MessageOf(RecordKind kind, accounts::v1::Record* record);
// A new resource of a kind.
std::unique_ptr<google::protobuf::Message> NewResource(RecordKind kind);

// The texts of a list, which has ";" between them. Blanks around them do not count. After a \ a ;, \ or blank is part
// of its text.
std::vector<std::string> SplitList(absl::string_view text);

// Reads `text` as the field's type and sets it. The error completes "<field> ...". Not for kTime.
absl::Status SetField(const FieldSpec& field, absl::string_view text, google::protobuf::Message* message);
void SetTimeField(const FieldSpec& field, absl::Time time, google::protobuf::Message* message);

// kJsonText: a text in quotes, as JSON writes it.
enum class AttributeType { kText, kNumber, kFlag, kTime, kJsonText };
// From "text", "number", "flag", "time" or "json_text".
absl::StatusOr<AttributeType> AttributeTypeOf(absl::string_view name);
// Sets an attribute value from a text; the error completes "<attribute> ...". Not for kTime.
absl::Status SetAttribute(AttributeType type, absl::string_view text, accounts::v1::AttributeValue* value);

// The number that `text` is: a finite decimal. The error completes "<field> ...".
absl::StatusOr<double> ParseNumber(absl::string_view text);

}  // namespace perennial::cli
