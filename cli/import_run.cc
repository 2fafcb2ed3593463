#include "cli/import_run.h"

#include <google/rpc/error_details.pb.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "cli/mapping_binding.h"
#include "cli/mapping_yaml.h"
#include "common/base/status_macros.h"

namespace perennial::cli {
namespace {

// Reading the clock for every row would cost more than the row.
constexpr std::int64_t kRowsBetweenLooks = 64;

// Why a row that no rule skips becomes nothing.
constexpr absl::string_view kNothingApplies = "no record of the mapping applies to the row";

// A size in bytes; NOT_FOUND unless it is a file.
absl::StatusOr<std::int64_t> SizeOf(const std::string& path) {
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) return absl::NotFoundError(absl::StrCat(path, " is not there"));
  if (!S_ISREG(info.st_mode)) return absl::NotFoundError(absl::StrCat(path, " is not a file"));
  return info.st_size;
}

bool IsFolder(const std::string& path) {
  struct stat info = {};
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

// Rates, rules and accounts come first, then subscriptions: the server takes a record only of an account that exists. Goals
// and moves by hand come after the records that they rest on.
RecordKind FirstKind(const FileMapping& file) {
  RecordKind first = RecordKind::kPhaseMove;
  for (const RecordMapping& record : file.records) first = std::min(first, record.kind);
  return IsResource(first) ? first : std::min(first, RecordKind::kUsage);
}

// The server names fields as they stand in its request; people know the record's.
absl::string_view BareField(absl::string_view field) {
  if (absl::StartsWith(field, "records[")) {
    const std::size_t end = field.find("].");
    if (end != absl::string_view::npos) field.remove_prefix(end + 2);
  }
  return field;
}

std::vector<std::string> NamesOf(const Mapping& mapping) {
  std::vector<std::string> names;
  for (const FileMapping& file : mapping.files) names.push_back(file.file);
  return names;
}

}  // namespace

ImportRun::ImportRun(Mapping mapping, ImportOptions options, std::shared_ptr<grpc::Channel> channel, Progress& progress,
                     RejectsFile& rejects, std::function<bool()> interrupted)
    : mapping_(std::move(mapping)),
      options_(std::move(options)),
      progress_(progress),
      rejects_(rejects),
      interrupted_(std::move(interrupted)),
      sender_(
          channel, options_.sender,
          [this](const Batch& batch, const accounts::v1::BatchSummary& summary) { Acknowledged(batch, summary); },
          [this] {
            // The sender asks often: the one place from which a long wait keeps the display alive.
            ShowProgress();
            return interrupted_();
          },
          [this](const absl::Status& why) { progress_.Say(absl::StrCat("trying again: ", why.message())); }),
      resource_sender_(channel, {.give_up_after = options_.sender.give_up_after}, interrupted_) {}

ImportSummary ImportRun::Run() {
  const absl::Time start = absl::Now();
  summary_.mapping = std::string(absl::StripSuffix(mapping_.source, ".yaml"));
  summary_.folder = options_.folder;
  summary_.dry_run = options_.dry_run;
  summary_.status = Import();
  if (!options_.dry_run && (summary_.status.ok() || absl::IsCancelled(summary_.status))) {
    const absl::Status finished = sender_.Finish();
    if (summary_.status.ok()) summary_.status = finished;
  }
  if (summary_.status.ok()) summary_.status = rejects_status_;
  summary_.interrupted = absl::IsCancelled(summary_.status);
  if (const absl::Status closed = rejects_.Close(); summary_.status.ok()) summary_.status = closed;
  summary_.unacknowledged = 0;
  if (!options_.dry_run) {
    const FileSummary total = summary_.Total();
    summary_.unacknowledged = total.records - total.stored - total.replaced - total.duplicates - total.refused_records;
  }
  summary_.rejects_file = rejects_.created() ? rejects_.path() : "";
  summary_.took = absl::Now() - start;
  progress_.Clear();
  return std::move(summary_);
}

absl::Status ImportRun::Import() {
  PERENNIAL_RETURN_IF_ERROR(ChooseFiles());
  PERENNIAL_RETURN_IF_ERROR(OpenFiles());
  std::vector<FileMapping*> mappings;
  for (const OpenFile& file : files_) mappings.push_back(file.mapping);
  PERENNIAL_RETURN_IF_ERROR(LoadTables(mapping_, options_.folder, mappings));
  for (OpenFile& file : files_) PERENNIAL_RETURN_IF_ERROR(ImportFile(&file));
  return absl::OkStatus();
}

absl::Status ImportRun::ChooseFiles() {
  if (!IsFolder(options_.folder)) return absl::NotFoundError(absl::StrCat(options_.folder, " is not a folder"));
  const std::vector<std::string> names = NamesOf(mapping_);
  for (const std::string& name : options_.only_files) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return absl::InvalidArgumentError(absl::StrCat("--file: ", UnknownName("file", name, names)));
    }
  }
  std::vector<FileMapping*> chosen;
  for (FileMapping& file : mapping_.files) {
    const std::vector<std::string>& only = options_.only_files;
    const bool asked = std::find(only.begin(), only.end(), file.file) != only.end();
    if (only.empty() ? !file.on_request : asked) chosen.push_back(&file);
  }
  std::stable_sort(chosen.begin(), chosen.end(),
                   [](const FileMapping* a, const FileMapping* b) { return FirstKind(*a) < FirstKind(*b); });
  for (FileMapping* file : chosen) {
    FileSummary& entry = summary_.files.emplace_back();
    entry.file = file->file;
    const absl::StatusOr<std::int64_t> size = SizeOf(absl::StrCat(options_.folder, "/", file->file));
    if (!size.ok() && !file->optional) return size.status();
    entry.missing = !size.ok();
    if (entry.missing) continue;
    total_bytes_ += *size;
    files_.emplace_back().mapping = file;
    files_.back().index = summary_.files.size() - 1;
  }
  refused_lines_.resize(summary_.files.size());
  return absl::OkStatus();
}

absl::Status ImportRun::OpenFiles() {
  // All of them before the first row is sent: a mapping that does not fit is found out while nothing has changed.
  for (OpenFile& file : files_) {
    const std::string path = absl::StrCat(options_.folder, "/", file.mapping->file);
    PERENNIAL_ASSIGN_OR_RETURN(file.reader, CsvReader::Open(path, file.mapping->format));
    PERENNIAL_ASSIGN_OR_RETURN(file.header, ReadHeader(*file.mapping, file.reader.get()));
    PERENNIAL_RETURN_IF_ERROR(BindFile(mapping_.source, file.header, file.mapping));
    for (const SkipRule& rule : file.mapping->skip) {
      summary_.files[file.index].skip_reasons.emplace_back(rule.reason, 0);
    }
    summary_.files[file.index].skip_reasons.emplace_back(kNothingApplies, 0);
    for (const Check& check : file.mapping->checks) {
      summary_.files[file.index].warnings.emplace_back().message = check.message;
    }
  }
  return absl::OkStatus();
}

absl::Status ImportRun::ImportFile(OpenFile* file) {
  RowMapper mapper(*file->mapping, file->header.size());
  FileSummary& summary = summary_.files[file->index];
  current_file_ = summary.file;
  CsvRow row;
  absl::Status status;
  while (status.ok() && file->reader->Next(row)) {
    if (interrupted_()) {
      status = absl::CancelledError("stopped");
      break;
    }
    status = TakeRow(*file, &mapper, row);
    if (options_.dry_run) {
      bytes_done_ = bytes_before_ + file->reader->bytes_read();
      rows_done_ = rows_before_ + summary.rows;
    }
    if (summary.rows % kRowsBetweenLooks == 0) ShowProgress();
  }
  if (status.ok() && !file->reader->status().ok()) {
    status = absl::DataLossError(absl::StrCat(summary.file, ": ", file->reader->status().message()));
  }
  summary.complete = status.ok();
  const auto is_silent = [](const FileSummary::Warning& warning) { return warning.count == 0; };
  absl::Status flushed = status.ok() ? Flush(*file) : status;
  if (flushed.ok() && !resources_.empty()) flushed = FlushResources(*file);
  summary.warnings.erase(std::remove_if(summary.warnings.begin(), summary.warnings.end(), is_silent),
                         summary.warnings.end());
  bytes_before_ += file->reader->bytes_read();
  rows_before_ += summary.rows;
  return flushed;
}

absl::Status ImportRun::TakeRow(const OpenFile& file, RowMapper* mapper, const CsvRow& row) {
  FileSummary& summary = summary_.files[file.index];
  MappedRow mapped = mapper->Map(row);
  ++summary.rows;
  for (const auto& [check, example] : mapped.warnings) {
    FileSummary::Warning& warning = summary.warnings[static_cast<std::size_t>(check)];
    if (warning.count++ == 0) {
      warning.example_line = row.line;
      warning.example = example;
    }
  }
  if (!mapped.violations.empty()) return Refuse(file.index, row, mapped.violations);
  if (mapped.records.empty()) {
    ++summary.skipped;
    const std::size_t reason =
        mapped.skipped_by >= 0 ? static_cast<std::size_t>(mapped.skipped_by) : file.mapping->skip.size();
    ++summary.skip_reasons[reason].second;
    return absl::OkStatus();
  }
  const auto raw = std::make_shared<const std::string>(row.raw);
  for (MappedRecord& record : mapped.records) {
    if (record.resource != nullptr) {
      ++summary.records;
      if (options_.dry_run) continue;
      resources_.push_back(std::move(record.resource));
      resource_origins_.push_back({row.line, std::move(record.id), raw});
      continue;
    }
    const std::size_t size = record.record.ByteSizeLong();
    if (!batch_.origins.empty() && batch_bytes_ + size > options_.batch_bytes) PERENNIAL_RETURN_IF_ERROR(Flush(file));
    ++summary.records;
    if (options_.dry_run) continue;
    batch_bytes_ += size;
    *batch_.request.add_records() = std::move(record.record);
    batch_.origins.push_back({row.line, std::move(record.id), raw});
  }
  if (resources_.size() >= options_.batch_records) return FlushResources(file);
  if (batch_.origins.size() >= options_.batch_records) return Flush(file);
  return absl::OkStatus();
}

absl::Status ImportRun::Refuse(std::size_t file, const CsvRow& row, const std::vector<Violation>& violations) {
  FileSummary& summary = summary_.files[file];
  ++summary.refused_rows;
  for (const Violation& violation : violations) {
    PERENNIAL_RETURN_IF_ERROR(
        rejects_.Add({summary.file, row.line, violation.field, violation.reason, violation.record_id, row.raw}));
  }
  return absl::OkStatus();
}

absl::Status ImportRun::Flush(const OpenFile& file) {
  if (batch_.origins.empty()) return rejects_status_;
  Batch batch = std::exchange(batch_, {});
  batch_bytes_ = 0;
  batch.file = file.index;
  batch.bytes_done = bytes_before_ + file.reader->bytes_read();
  batch.rows_done = rows_before_ + summary_.files[file.index].rows;
  PERENNIAL_RETURN_IF_ERROR(sender_.Send(std::move(batch)));
  return rejects_status_;
}

absl::Status ImportRun::FlushResources(const OpenFile& file) {
  PERENNIAL_RETURN_IF_ERROR(Flush(file));
  PERENNIAL_RETURN_IF_ERROR(sender_.Finish());
  const std::vector<ResourceSender::Resource> resources = std::exchange(resources_, {});
  const std::vector<RecordOrigin> origins = std::exchange(resource_origins_, {});
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<ResourceOutcome> outcomes, resource_sender_.Send(resources));
  FileSummary& summary = summary_.files[file.index];
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    switch (outcomes[i].kind) {
      case ResourceOutcome::Kind::kStored: ++summary.stored; break;
      case ResourceOutcome::Kind::kReplaced: ++summary.replaced; break;
      case ResourceOutcome::Kind::kDuplicate: ++summary.duplicates; break;
      case ResourceOutcome::Kind::kRefused: {
        ++summary.refused_records;
        google::rpc::Status status;
        if (!status.ParseFromString(outcomes[i].refusal.error_details()) || status.message().empty()) {
          status.set_message(outcomes[i].refusal.error_message());
        }
        RefuseByServer(file.index, origins[i], status);
        break;
      }
    }
  }
  bytes_done_ = bytes_before_ + file.reader->bytes_read();
  rows_done_ = rows_before_ + summary.rows;
  return rejects_status_;
}

void ImportRun::Acknowledged(const Batch& batch, const accounts::v1::BatchSummary& summary) {
  FileSummary& file = summary_.files[batch.file];
  file.stored += summary.stored();
  file.replaced += summary.replaced();
  file.duplicates += summary.duplicates();
  file.refused_records += summary.errors_size();
  for (const accounts::v1::RecordError& error : summary.errors()) RefuseRecord(batch, error);
  summary_.revision = std::max(summary_.revision, summary.revision());
  bytes_done_ = batch.bytes_done;
  rows_done_ = batch.rows_done;
}

void ImportRun::RefuseRecord(const Batch& batch, const accounts::v1::RecordError& error) {
  if (error.index() < 0 || static_cast<std::size_t>(error.index()) >= batch.origins.size()) {
    rejects_status_ = absl::InternalError(
        absl::StrCat("the server refused record ", error.index(), " of a batch of ", batch.origins.size()));
    return;
  }
  RefuseByServer(batch.file, batch.origins[static_cast<std::size_t>(error.index())], error.status());
}

void ImportRun::RefuseByServer(std::size_t file, const RecordOrigin& origin, const google::rpc::Status& status) {
  FileSummary& summary = summary_.files[file];
  if (refused_lines_[file].insert(origin.line).second) ++summary.refused_rows;
  google::rpc::BadRequest bad;
  for (const google::protobuf::Any& detail : status.details()) {
    if (detail.Is<google::rpc::BadRequest>()) detail.UnpackTo(&bad);
  }
  const auto add = [&](absl::string_view field, absl::string_view reason) {
    const absl::Status added = rejects_.Add({summary.file, origin.line, field, reason, origin.id, *origin.raw});
    if (rejects_status_.ok()) rejects_status_ = added;
  };
  for (const auto& violation : bad.field_violations()) add(BareField(violation.field()), violation.description());
  if (bad.field_violations().empty()) add("", status.message());
}

void ImportRun::ShowProgress() { progress_.Update(current_file_, bytes_done_, total_bytes_, rows_done_, absl::Now()); }

}  // namespace perennial::cli
