#include "cli/export_run.h"

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

// What is kept beside records: its file, its id's column and its fields.
struct CareFile {
  const char* name;
  const char* id;
  std::vector<std::string> fields;
};
const CareFile& ContactsFile() {
  static const auto* file = new CareFile{
      "contacts.csv",
      "contact_id",
      {"display_name", "email", "phone", "title", "role", "departed", "depart_time", "create_time", "update_time"}};
  return *file;
}
const CareFile& GoalsFile() {
  static const auto* file = new CareFile{"goals.csv",
                                         "goal_id",
                                         {"title", "measure", "fact", "start_value", "target_value", "current_value",
                                          "due_time", "state", "achieve_time", "create_time", "update_time"}};
  return *file;
}
const CareFile& TasksFile() {
  static const auto* file = new CareFile{"tasks.csv",
                                         "task_id",
                                         {"title", "kind", "assignee", "due_time", "origin", "description", "checklist",
                                          "state", "outcome", "complete_time", "create_time", "update_time"}};
  return *file;
}

// "[x] Ask Ann;[ ] Send the report": done or not.
std::string TextOfChecklist(const accounts::v1::Task& task) {
  google::protobuf::RepeatedPtrField<std::string> lines;
  for (const accounts::v1::ChecklistItem& item : task.checklist()) {
    *lines.Add() = absl::StrCat(item.done() ? "[x] " : "[ ] ", item.title());
  }
  return TextOfList(lines);
}

std::vector<std::string> RowOf(const std::string& name, const Message& message, const CareFile& file) {
  // "accounts/{account}/contacts/{contact}"
  const std::vector<std::string> parts = absl::StrSplit(name, '/');
  std::vector<std::string> row = {parts.size() > 1 ? parts[1] : "", parts.back()};
  for (const std::string& field : file.fields) {
    if (field == "checklist") {
      row.push_back(TextOfChecklist(static_cast<const accounts::v1::Task&>(message)));
    } else {
      row.push_back(TextOf(message, *message.GetDescriptor()->FindFieldByName(field)));
    }
  }
  return row;
}

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
  for (const CareFile* file : {&ContactsFile(), &GoalsFile(), &TasksFile()}) {
    std::vector<std::string> header = {"account_id", file->id};
    header.insert(header.end(), file->fields.begin(), file->fields.end());
    PERENNIAL_ASSIGN_OR_RETURN(files_[file->name], CsvFile::Create(folder.PathOf(file->name), header));
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
  const auto add = [&](const auto& all, const CareFile& file) -> absl::Status {
    CsvFile& csv = *files_[file.name];
    for (const auto& one : all) PERENNIAL_RETURN_IF_ERROR(csv.Add(RowOf(one.name(), one, file)));
    rows_ += all.size();
    return absl::OkStatus();
  };
  PERENNIAL_RETURN_IF_ERROR(add(message.contacts(), ContactsFile()));
  PERENNIAL_RETURN_IF_ERROR(add(message.goals(), GoalsFile()));
  PERENNIAL_RETURN_IF_ERROR(add(message.tasks(), TasksFile()));
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
  for (const CareFile* file : {&ContactsFile(), &GoalsFile(), &TasksFile()})
    PERENNIAL_RETURN_IF_ERROR(close(file->name));
  return absl::OkStatus();
}

}  // namespace perennial::cli
