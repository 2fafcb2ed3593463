#include "cli/export_run.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "cli/export_text.h"
#include "cli/mapping_fields.h"
#include "common/base/status_macros.h"

namespace perennial::cli {
namespace {

using accounts::v1::ExportRecordsResponse;
using accounts::v1::Record;
using google::protobuf::Message;

constexpr char kAccountsFile[] = "accounts.csv";

// The file of a record's kind; not of accounts.
struct RecordFile {
  RecordKind kind;
  const char* name;
};
constexpr RecordFile kRecordFiles[] = {{RecordKind::kSubscription, "subscriptions.csv"},
                                       {RecordKind::kUsage, "usage.csv"},
                                       {RecordKind::kTicket, "tickets.csv"},
                                       {RecordKind::kTouchpoint, "touchpoints.csv"},
                                       {RecordKind::kSurvey, "surveys.csv"},
                                       {RecordKind::kMilestone, "milestones.csv"},
                                       {RecordKind::kChurnReport, "churn_reports.csv"}};

// What is no record: its file, and the columns before its fields.
struct ResourceFile {
  RecordKind kind;
  const char* name;
  std::vector<std::string> key;
};
const std::vector<ResourceFile>& ResourceFiles() {
  static const auto* files = new std::vector<ResourceFile>{
      {RecordKind::kContact, "contacts.csv", {"account_id", "contact_id", "effective_time"}},
      {RecordKind::kGoal, "goals.csv", {"account_id", "goal_id", "effective_time"}},
      {RecordKind::kTask, "tasks.csv", {"account_id", "task_id"}},
      {RecordKind::kPhaseMove, "phase_moves.csv", {"account_id", "effective_time"}},
      {RecordKind::kLifecycleRules, "lifecycle_rules.csv", {"revision"}},
      {RecordKind::kExchangeRate, "exchange_rates.csv", {"effective_time"}}};
  return *files;
}

// Columns in the order in which they are written: that of `perennial rates list --csv` for rates, whose key comes last.
std::vector<std::string> InOrder(RecordKind kind, std::vector<std::string> row) {
  if (kind == RecordKind::kExchangeRate) std::rotate(row.begin(), row.begin() + 1, row.end());
  return row;
}

// What stands in the columns before the fields.
std::vector<std::string> KeyOf(const std::string& name) {
  // "accounts/{account}/contacts/{contact}"
  const std::vector<std::string> parts = absl::StrSplit(name, '/');
  return {parts.size() > 1 ? parts[1] : "", parts.back()};
}
std::vector<std::string> KeyOf(const accounts::v1::Contact& contact) {
  std::vector<std::string> key = KeyOf(contact.name());
  key.push_back(TextOfTime(contact.effective_time()));
  return key;
}
std::vector<std::string> KeyOf(const accounts::v1::Goal& goal) {
  std::vector<std::string> key = KeyOf(goal.name());
  key.push_back(TextOfTime(goal.effective_time()));
  return key;
}
std::vector<std::string> KeyOf(const accounts::v1::Task& task) { return KeyOf(task.name()); }
std::vector<std::string> KeyOf(const accounts::v1::PhaseMove& move) {
  return {std::string(absl::StripPrefix(move.account(), "accounts/")), TextOfTime(move.effective_time())};
}
std::vector<std::string> KeyOf(const accounts::v1::LifecycleRules& rules) { return {absl::StrCat(rules.revision())}; }
std::vector<std::string> KeyOf(const accounts::v1::ExchangeRate& rate) { return {TextOfTime(rate.effective_time())}; }

RecordKind KindOf(const Record& record) {
  switch (record.kind_case()) {
    case Record::kSubscriptionState: return RecordKind::kSubscription;
    case Record::kUsage: return RecordKind::kUsage;
    case Record::kTicket: return RecordKind::kTicket;
    case Record::kTouchpoint: return RecordKind::kTouchpoint;
    case Record::kSurvey: return RecordKind::kSurvey;
    case Record::kMilestone: return RecordKind::kMilestone;
    case Record::kChurnReport: return RecordKind::kChurnReport;
    default: return RecordKind::kAccount;
  }
}

const char* FileOf(RecordKind kind) {
  for (const RecordFile& file : kRecordFiles) {
    if (file.kind == kind) return file.name;
  }
  return kAccountsFile;
}

std::vector<std::string> HeaderOf(RecordKind kind) {
  const bool is_state = kind == RecordKind::kSubscription;
  std::vector<std::string> header = {"account_id", is_state ? "subscription_id" : "record_id",
                                     is_state ? "effective_time" : "event_time"};
  for (const FieldSpec& field : FieldsOf(kind)) header.push_back(field.name);
  return header;
}

}  // namespace

ExportRun::ExportRun(accounts::v1::RecordService::StubInterface& stub, ExportOptions options, Progress& progress)
    : stub_(stub), options_(std::move(options)), progress_(progress) {
  context_.set_deadline(absl::ToChronoTime(absl::Now() + options_.deadline));
}

void ExportRun::Cancel() { context_.TryCancel(); }

absl::StatusOr<ExportSummary> ExportRun::Run() {
  const absl::Time start = absl::Now();
  PERENNIAL_ASSIGN_OR_RETURN(const std::unique_ptr<ExportFolder> folder, ExportFolder::Create(options_.folder));
  PERENNIAL_RETURN_IF_ERROR(CreateFiles(*folder));
  const absl::Status received = Receive();
  progress_.Clear();
  PERENNIAL_RETURN_IF_ERROR(received);
  PERENNIAL_RETURN_IF_ERROR(CloseFiles(*folder));
  PERENNIAL_RETURN_IF_ERROR(folder->Commit());
  summary_.took = absl::Now() - start;
  return std::move(summary_);
}

absl::Status ExportRun::CreateFiles(const ExportFolder& folder) {
  PERENNIAL_ASSIGN_OR_RETURN(accounts_, AccountSpool::Create(folder.PathOf("accounts.spool")));
  for (const RecordFile& file : kRecordFiles) {
    PERENNIAL_ASSIGN_OR_RETURN(files_[file.name], CsvFile::Create(folder.PathOf(file.name), HeaderOf(file.kind)));
  }
  for (const ResourceFile& file : ResourceFiles()) {
    std::vector<std::string> header = file.key;
    for (const FieldSpec& field : FieldsOf(file.kind)) header.push_back(field.name);
    PERENNIAL_ASSIGN_OR_RETURN(files_[file.name],
                               CsvFile::Create(folder.PathOf(file.name), InOrder(file.kind, std::move(header))));
  }
  return absl::OkStatus();
}

absl::Status ExportRun::Receive() {
  accounts::v1::ExportRecordsRequest request;
  request.set_parent(options_.parent);
  const auto reader = stub_.ExportRecords(&context_, request);
  ExportRecordsResponse message;
  absl::Status taken;
  while (taken.ok() && reader->Read(&message)) {
    taken = Take(message);
    progress_.Update("accounts", message.accounts_done(), message.accounts_total(), rows_, absl::Now());
  }
  if (!taken.ok()) {
    context_.TryCancel();
    (void)reader->Finish();
    return taken;
  }
  server_status_ = reader->Finish();
  return absl::Status(static_cast<absl::StatusCode>(server_status_.error_code()), server_status_.error_message());
}

absl::Status ExportRun::Take(const ExportRecordsResponse& message) {
  for (const Record& record : message.records()) PERENNIAL_RETURN_IF_ERROR(TakeRecord(record));
  const auto add = [&](RecordKind kind, const auto& all) -> absl::Status {
    const auto file = std::find_if(ResourceFiles().begin(), ResourceFiles().end(),
                                   [&](const ResourceFile& each) { return each.kind == kind; });
    CsvFile& csv = *files_[file->name];
    for (const auto& one : all) {
      std::vector<std::string> row = KeyOf(one);
      for (const FieldSpec& field : FieldsOf(kind)) row.push_back(TextOf(one, field));
      PERENNIAL_RETURN_IF_ERROR(csv.Add(InOrder(kind, std::move(row))));
    }
    rows_ += all.size();
    return absl::OkStatus();
  };
  PERENNIAL_RETURN_IF_ERROR(add(RecordKind::kContact, message.contacts()));
  PERENNIAL_RETURN_IF_ERROR(add(RecordKind::kGoal, message.goals()));
  PERENNIAL_RETURN_IF_ERROR(add(RecordKind::kTask, message.tasks()));
  PERENNIAL_RETURN_IF_ERROR(add(RecordKind::kPhaseMove, message.phase_moves()));
  PERENNIAL_RETURN_IF_ERROR(add(RecordKind::kLifecycleRules, message.lifecycle_rules()));
  PERENNIAL_RETURN_IF_ERROR(add(RecordKind::kExchangeRate, message.exchange_rates()));
  summary_.accounts = message.accounts_done();
  return absl::OkStatus();
}

absl::Status ExportRun::TakeRecord(const Record& record) {
  ++rows_;
  if (record.has_account_state()) return accounts_->Add(record);
  const RecordKind kind = KindOf(record);
  if (kind == RecordKind::kAccount) {
    return absl::UnimplementedError(
        "the server sent a kind of record that this program does not know; use a newer one");
  }
  const std::string& subscription = record.subscription_state().name();
  std::vector<std::string> row = {
      std::string(absl::StripPrefix(record.account(), "accounts/")),
      kind == RecordKind::kSubscription ? subscription.substr(subscription.rfind('/') + 1) : record.record_id(),
      TextOfTime(record.event_time())};
  const google::protobuf::Reflection& reflection = *record.GetReflection();
  const Message& message =
      reflection.GetMessage(record, reflection.GetOneofFieldDescriptor(record, Record::descriptor()->oneof_decl(0)));
  for (const FieldSpec& field : FieldsOf(kind)) row.push_back(TextOf(message, field));
  return files_[FileOf(kind)]->Add(row);
}

absl::Status ExportRun::CloseFiles(const ExportFolder& folder) {
  PERENNIAL_ASSIGN_OR_RETURN(const AccountSpool::Written written,
                             accounts_->WriteTo(folder.PathOf(kAccountsFile), options_.parent == "accounts/-"));
  summary_.files.push_back({kAccountsFile, written.rows});
  summary_.without_parent = written.without_parent;
  const auto close = [&](const char* name) -> absl::Status {
    CsvFile& file = *files_[name];
    PERENNIAL_RETURN_IF_ERROR(file.Close());
    summary_.files.push_back({name, file.rows()});
    return absl::OkStatus();
  };
  for (const RecordFile& file : kRecordFiles) PERENNIAL_RETURN_IF_ERROR(close(file.name));
  for (const ResourceFile& file : ResourceFiles()) PERENNIAL_RETURN_IF_ERROR(close(file.name));
  return absl::OkStatus();
}

}  // namespace perennial::cli
