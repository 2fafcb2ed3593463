#include "accounts-svc/ingest.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "accounts-svc/check_record.h"
#include "accounts-svc/record_applier.h"
#include "common/base/error_details.h"
#include "common/base/status_macros.h"
#include "common/server/grpc_status.h"

namespace perennial::accounts {
namespace {

// Bytes of errors from which on only code and reason are told: with 10,000 more of those an answer is still below 4 MiB,
// the most that clients take by default.
constexpr std::size_t kMostErrorBytes = 1 << 20;
constexpr std::size_t kShortMessage = 60;

// The errors of one batch, within a limit of size.
class Errors {
 public:
  explicit Errors(v1::BatchSummary& summary) : summary_(summary) {}

  void Add(int index, const v1::Record& record, const absl::Status& status) {
    v1::RecordError* error = summary_.add_errors();
    error->set_index(index);
    error->set_record_id(record.record_id().substr(0, kMostIdBytes));
    *error->mutable_status() = ToRpcStatus(status);
    if (bytes_ >= kMostErrorBytes) {
      error->mutable_status()->clear_details();
      if (error->status().message().size() > kShortMessage) error->mutable_status()->set_message("see the first errors");
    }
    bytes_ += error->ByteSizeLong();
  }

 private:
  static constexpr std::size_t kMostIdBytes = 128;  // longer ones are refused
  v1::BatchSummary& summary_;
  std::size_t bytes_ = 0;
};

bool RefusesRecordAlone(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsNotFound(status) || absl::IsAlreadyExists(status);
}

// Applies a batch, of which `checked` says what its records look like.
absl::Status ApplyAll(RecordApplier& applier, const Ingest::Records& records, const std::vector<absl::Status>& checked,
                      v1::BatchSummary& summary) {
  summary.Clear();
  Errors errors(summary);
  for (int i = 0; i < records.size(); ++i) {
    const absl::Status& valid = checked[static_cast<std::size_t>(i)];
    const absl::StatusOr<Outcome> outcome = valid.ok() ? applier.Apply(records[i]) : absl::StatusOr<Outcome>(valid);
    if (!outcome.ok()) {
      if (!RefusesRecordAlone(outcome.status())) return outcome.status();
      errors.Add(i, records[i], outcome.status());
      continue;
    }
    switch (*outcome) {
      case Outcome::kStored: summary.set_stored(summary.stored() + 1); break;
      case Outcome::kReplaced: summary.set_replaced(summary.replaced() + 1); break;
      case Outcome::kDuplicate: summary.set_duplicates(summary.duplicates() + 1); break;
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Ingest::CheckSize(const Records& records) {
  BadRequest bad;
  if (records.empty()) bad.Add("records", "is required");
  if (records.size() > kMostRecords) bad.Add("records", absl::StrCat("must have at most ", kMostRecords, " elements"));
  return bad.ToStatus();
}

std::vector<absl::Status> Ingest::CheckAll(const Records& records, absl::Time now) const {
  std::vector<absl::Status> checked;
  checked.reserve(static_cast<std::size_t>(records.size()));
  for (const v1::Record& record : records) checked.push_back(CheckRecord(record, now, currency_, numbering_));
  return checked;
}

absl::StatusOr<v1::BatchSummary> Ingest::Write(const Records& records) {
  PERENNIAL_ASSIGN_OR_RETURN(std::vector<v1::BatchSummary> summaries, WriteAll({&records}));
  return std::move(summaries.front());
}

absl::StatusOr<std::vector<v1::BatchSummary>> Ingest::WriteAll(const std::vector<const Records*>& batches) {
  for (const Records* records : batches) PERENNIAL_RETURN_IF_ERROR(CheckSize(*records));
  const absl::Time now = clock_.Now();
  // Checked before the one writer's turn: it has better things to do.
  std::vector<std::vector<absl::Status>> checked;
  for (const Records* records : batches) checked.push_back(CheckAll(*records, now));
  std::vector<v1::BatchSummary> summaries(batches.size());
  PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t revision,
                             store_.Write([&](WriteTransaction& transaction) -> absl::Status {
                               RecordApplier applier(transaction, numbering_, now, currency_);
                               for (std::size_t i = 0; i < batches.size(); ++i) {
                                 PERENNIAL_RETURN_IF_ERROR(ApplyAll(applier, *batches[i], checked[i], summaries[i]));
                               }
                               return absl::OkStatus();
                             }));
  for (v1::BatchSummary& summary : summaries) {
    summary.set_revision(revision);
    counts_.stored += summary.stored();
    counts_.replaced += summary.replaced();
    counts_.duplicates += summary.duplicates();
    counts_.refused += summary.errors_size();
  }
  return summaries;
}

}  // namespace perennial::accounts
