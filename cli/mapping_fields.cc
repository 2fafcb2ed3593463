#include "cli/mapping_fields.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/base/money.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "perennial/accounts/v1/record_service.pb.h"

namespace perennial::cli {
namespace {

using accounts::v1::AttributeValue;
using accounts::v1::Record;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

struct KindInfo {
  absl::string_view name;
  const Message* prototype;  // of the message that its fields belong to
  KindNeeds needs;
  std::set<std::string> required;
  std::set<std::string> not_fields;  // set by the server, or told by the mapping's other keys
};

template <class T>
const Message* PrototypeOf() {
  return &T::default_instance();
}

const KindInfo& InfoOf(RecordKind kind) {
  using namespace accounts::v1;  // NOLINT(google-build-using-namespace): many names, one function
  constexpr KindNeeds kState{.account = Need::kRequired, .id = Need::kNone, .time = Need::kRequired};
  constexpr KindNeeds kEvent{.account = Need::kRequired, .id = Need::kOptional, .time = Need::kRequired};
  constexpr KindNeeds kVersion{.account = Need::kRequired, .id = Need::kRequired, .time = Need::kOptional};
  static const auto* infos = new std::vector<KindInfo>{
      {"exchange_rate",
       PrototypeOf<ExchangeRate>(),
       {.account = Need::kNone, .id = Need::kNone, .time = Need::kRequired},
       {"currency_code", "rate"},
       {"effective_time"}},
      {"lifecycle_rules",
       PrototypeOf<LifecycleRules>(),
       {.account = Need::kNone, .id = Need::kRequired, .time = Need::kNone},
       {"author"},
       {"revision", "etag", "revision_time"}},
      {"account",
       PrototypeOf<Account>(),
       kState,
       {"display_name"},
       {"name", "attributes", "phase", "phase_start_time", "create_time", "update_time", "delete_time", "etag",
        "revision"}},
      {"subscription",
       PrototypeOf<Subscription>(),
       kState,
       {"plan", "mrr", "currency_code", "start_time"},
       {"name", "create_time", "update_time", "etag"}},
      {"usage", PrototypeOf<UsageEvent>(), kEvent, {"metric"}, {}},
      {"ticket", PrototypeOf<Ticket>(), kEvent, {}, {}},
      {"touchpoint", PrototypeOf<Touchpoint>(), kEvent, {"channel", "direction"}, {}},
      {"survey", PrototypeOf<SurveyResponse>(), kEvent, {"kind", "score"}, {}},
      {"milestone", PrototypeOf<Milestone>(), kEvent, {"step"}, {}},
      {"churn_report", PrototypeOf<ChurnReport>(), kEvent, {}, {}},
      {"contact",
       PrototypeOf<Contact>(),
       kVersion,
       {"display_name"},
       {"name", "create_time", "update_time", "delete_time", "etag", "effective_time"}},
      {"goal",
       PrototypeOf<Goal>(),
       kVersion,
       {"title", "start_value", "target_value"},
       {"name", "progress", "overdue", "create_time", "update_time", "delete_time", "etag", "effective_time"}},
      {"task",
       PrototypeOf<Task>(),
       {.account = Need::kRequired, .id = Need::kRequired, .time = Need::kNone},
       {"title", "kind"},
       {"name", "create_time", "update_time", "delete_time", "etag", "revision"}},
      {"phase_move",
       PrototypeOf<PhaseMove>(),
       kState,
       {"phase", "reason", "author"},
       {"account", "effective_time", "create_time"}},
  };
  return (*infos)[static_cast<std::size_t>(kind)];
}

// The enum's names without their common prefix, in lower case: TICKET_PRIORITY_URGENT is "urgent".
std::vector<std::string> ChoicesOf(const google::protobuf::EnumDescriptor& type) {
  const std::string zero = type.value(0)->name();
  const std::size_t prefix = zero.size() - absl::string_view("UNSPECIFIED").size();
  std::vector<std::string> choices;
  for (int i = 1; i < type.value_count(); ++i) {
    choices.push_back(absl::AsciiStrToLower(type.value(i)->name().substr(prefix)));
  }
  return choices;
}

FieldType TypeOf(RecordKind kind, const FieldDescriptor& field) {
  if (field.is_repeated()) {
    const bool messages = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    return messages ? FieldType::kChecklist : FieldType::kTextList;
  }
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL: return FieldType::kFlag;
    case FieldDescriptor::CPPTYPE_DOUBLE: return FieldType::kNumber;
    case FieldDescriptor::CPPTYPE_ENUM: return FieldType::kEnum;
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64: return FieldType::kInteger;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return field.message_type()->full_name() == "google.protobuf.Timestamp" ? FieldType::kTime : FieldType::kMoney;
    default: break;
  }
  return kind == RecordKind::kAccount && field.name() == "parent" ? FieldType::kAccountName : FieldType::kText;
}

std::vector<FieldSpec> MakeFields(RecordKind kind) {
  const KindInfo& info = InfoOf(kind);
  const Descriptor* descriptor = info.prototype->GetDescriptor();
  std::vector<FieldSpec> fields;
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    if (info.not_fields.count(field->name()) != 0) continue;
    FieldSpec spec{field->name(), TypeOf(kind, *field), info.required.count(field->name()) != 0, field};
    if (spec.type == FieldType::kEnum) spec.choices = ChoicesOf(*field->enum_type());
    fields.push_back(spec);
    if (spec.type == FieldType::kMoney) {
      fields.push_back({"currency_code", FieldType::kText, info.required.count("currency_code") != 0, field});
    }
  }
  return fields;
}

absl::StatusOr<bool> ParseFlag(absl::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return absl::InvalidArgumentError("must be true or false");
}

absl::Status SetInteger(const FieldDescriptor& field, absl::string_view text, Message* message) {
  std::int64_t number = 0;
  if (!absl::SimpleAtoi(text, &number)) {
    // Spreadsheets write whole numbers as 4.0 when a column has gaps.
    const absl::StatusOr<double> real = ParseNumber(text);
    if (!real.ok() || std::abs(*real) > 9e15 || *real != std::floor(*real)) {
      return absl::InvalidArgumentError("must be a whole number");
    }
    number = static_cast<std::int64_t>(*real);
  }
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_INT32) {
    if (number < INT32_MIN || number > INT32_MAX) return absl::InvalidArgumentError("is out of range");
    message->GetReflection()->SetInt32(message, &field, static_cast<std::int32_t>(number));
  } else {
    message->GetReflection()->SetInt64(message, &field, number);
  }
  return absl::OkStatus();
}

absl::Status SetEnum(const FieldSpec& field, absl::string_view text, Message* message) {
  const auto found = std::find(field.choices.begin(), field.choices.end(), text);
  if (found == field.choices.end()) {
    return absl::InvalidArgumentError(absl::StrCat("must be one of ", absl::StrJoin(field.choices, ", ")));
  }
  const int index = 1 + static_cast<int>(found - field.choices.begin());
  message->GetReflection()->SetEnum(message, field.descriptor, field.descriptor->enum_type()->value(index));
  return absl::OkStatus();
}

absl::Status SetMoney(const FieldSpec& field, absl::string_view text, Message* message) {
  auto* money = static_cast<type::v1::Money*>(message->GetReflection()->MutableMessage(message, field.descriptor));
  if (field.type == FieldType::kText) {
    if (!IsCurrencyCode(text)) return absl::InvalidArgumentError("must be three capital letters, for example USD");
    money->set_currency_code(std::string(text));
    return absl::OkStatus();
  }
  PERENNIAL_ASSIGN_OR_RETURN(const Micros amount, ParseAmount(text));
  money->set_amount(FormatAmount(amount));
  return absl::OkStatus();
}

}  // namespace

absl::string_view NameOf(RecordKind kind) { return InfoOf(kind).name; }

const std::vector<RecordKind>& AllRecordKinds() {
  static const auto* kinds = new std::vector<RecordKind>{
      RecordKind::kExchangeRate, RecordKind::kLifecycleRules, RecordKind::kAccount,    RecordKind::kSubscription,
      RecordKind::kUsage,        RecordKind::kTicket,         RecordKind::kTouchpoint, RecordKind::kSurvey,
      RecordKind::kMilestone,    RecordKind::kChurnReport,    RecordKind::kContact,    RecordKind::kGoal,
      RecordKind::kTask,         RecordKind::kPhaseMove};
  return *kinds;
}

const std::vector<FieldSpec>& FieldsOf(RecordKind kind) {
  static const auto* all = [] {
    auto* fields = new std::vector<std::vector<FieldSpec>>();
    for (const RecordKind each : AllRecordKinds()) fields->push_back(MakeFields(each));
    return fields;
  }();
  return (*all)[static_cast<std::size_t>(kind)];
}

const FieldSpec* FindField(RecordKind kind, absl::string_view name) {
  for (const FieldSpec& field : FieldsOf(kind)) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

bool IsResource(RecordKind kind) { return kind < RecordKind::kAccount || kind > RecordKind::kChurnReport; }

KindNeeds NeedsOf(RecordKind kind) { return InfoOf(kind).needs; }

std::unique_ptr<Message> NewResource(RecordKind kind) { return std::unique_ptr<Message>(InfoOf(kind).prototype->New()); }

Message* MessageOf(RecordKind kind, Record* record) {
  const google::protobuf::OneofDescriptor& kinds = *Record::descriptor()->oneof_decl(0);
  const Descriptor* type = InfoOf(kind).prototype->GetDescriptor();
  const FieldDescriptor* field = nullptr;
  for (int i = 0; i < kinds.field_count(); ++i) {
    if (kinds.field(i)->message_type() == type) field = kinds.field(i);
  }
  return record->GetReflection()->MutableMessage(record, field);
}

std::vector<std::string> SplitList(absl::string_view text) {
  std::vector<std::string> parts;
  std::string part;
  std::size_t kept = 0;  // so much of `part` is not cut off as blanks
  const auto finish = [&] {
    const std::size_t size = absl::StripTrailingAsciiWhitespace(part).size();
    part.resize(std::max(kept, size));
    if (!part.empty()) parts.push_back(part);
    part.clear();
    kept = 0;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool blank = absl::ascii_isspace(static_cast<unsigned char>(text[i]));
    const char next = i + 1 < text.size() ? text[i + 1] : 'x';
    if (text[i] == '\\' &&
        (next == ';' || next == '\\' || absl::ascii_isspace(static_cast<unsigned char>(next)))) {
      part.push_back(next);
      kept = part.size();
      ++i;
    } else if (text[i] == ';') {
      finish();
    } else if (!blank || !part.empty()) {
      part.push_back(text[i]);
    }
  }
  finish();
  return parts;
}

namespace {

absl::Status SetChecklist(const FieldDescriptor& field, absl::string_view text, Message* message) {
  for (const std::string& line : SplitList(text)) {
    absl::string_view title = line;
    const bool done = absl::ConsumePrefix(&title, "[x] ");
    if (!done && !absl::ConsumePrefix(&title, "[ ] ")) {
      return absl::InvalidArgumentError("must have lines that begin with '[x] ' (done) or '[ ] ' (not yet)");
    }
    auto* item = static_cast<accounts::v1::ChecklistItem*>(message->GetReflection()->AddMessage(message, &field));
    item->set_title(std::string(title));
    item->set_done(done);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SetField(const FieldSpec& field, absl::string_view text, Message* message) {
  const bool keeps_blanks = field.type == FieldType::kText || field.type == FieldType::kTextList ||
                            field.type == FieldType::kChecklist;
  if (!keeps_blanks) text = absl::StripAsciiWhitespace(text);
  const google::protobuf::Reflection* reflection = message->GetReflection();
  const FieldDescriptor* descriptor = field.descriptor;
  if (field.type == FieldType::kChecklist) return SetChecklist(*descriptor, text, message);
  if (descriptor->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) return SetMoney(field, text, message);
  switch (field.type) {
    case FieldType::kNumber: {
      PERENNIAL_ASSIGN_OR_RETURN(const double number, ParseNumber(text));
      reflection->SetDouble(message, descriptor, number);
      return absl::OkStatus();
    }
    case FieldType::kFlag: {
      PERENNIAL_ASSIGN_OR_RETURN(const bool flag, ParseFlag(text));
      reflection->SetBool(message, descriptor, flag);
      return absl::OkStatus();
    }
    case FieldType::kInteger: return SetInteger(*descriptor, text, message);
    case FieldType::kEnum: return SetEnum(field, text, message);
    case FieldType::kTextList:
      for (std::string& part : SplitList(text)) reflection->AddString(message, descriptor, std::move(part));
      return absl::OkStatus();
    case FieldType::kAccountName:
      PERENNIAL_RETURN_IF_ERROR(CheckId(text));
      reflection->SetString(message, descriptor, absl::StrCat("accounts/", std::string(text)));
      return absl::OkStatus();
    default: reflection->SetString(message, descriptor, std::string(text)); return absl::OkStatus();
  }
}

void SetTimeField(const FieldSpec& field, absl::Time time, Message* message) {
  auto* timestamp =
      static_cast<google::protobuf::Timestamp*>(message->GetReflection()->MutableMessage(message, field.descriptor));
  SetTimestamp(time, timestamp);
}

absl::StatusOr<AttributeType> AttributeTypeOf(absl::string_view name) {
  if (name == "text") return AttributeType::kText;
  if (name == "number") return AttributeType::kNumber;
  if (name == "flag") return AttributeType::kFlag;
  if (name == "time") return AttributeType::kTime;
  if (name == "json_text") return AttributeType::kJsonText;
  return absl::InvalidArgumentError("must be text, number, flag, time or json_text");
}

absl::Status SetAttribute(AttributeType type, absl::string_view text, AttributeValue* value) {
  if (type != AttributeType::kText) text = absl::StripAsciiWhitespace(text);
  if (type == AttributeType::kNumber) {
    PERENNIAL_ASSIGN_OR_RETURN(const double number, ParseNumber(text));
    value->set_number(number);
  } else if (type == AttributeType::kFlag) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool flag, ParseFlag(text));
    value->set_flag(flag);
  } else if (type == AttributeType::kJsonText) {
    const nlohmann::json json = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
    if (!json.is_string()) return absl::InvalidArgumentError("must be a text in quotes, as JSON writes it");
    value->set_text(json.get<std::string>());
  } else {
    value->set_text(std::string(text));
  }
  return absl::OkStatus();
}

absl::StatusOr<double> ParseNumber(absl::string_view text) {
  double number = 0;
  if (text.empty() || text.find_first_not_of("0123456789+-.eE") != absl::string_view::npos ||
      !absl::SimpleAtod(text, &number) || !std::isfinite(number)) {
    return absl::InvalidArgumentError("must be a number");
  }
  return number;
}

}  // namespace perennial::cli
