#include "common/base/error_details.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"

namespace perennial {
namespace {

constexpr absl::string_view kTypePrefix = "type.googleapis.com/";
// Trailers count against the 8 KiB of metadata that gRPC allows, and too large ones lose the error itself.
constexpr std::size_t kMaxViolations = 32;
constexpr std::size_t kMaxMessage = 1024;

template <class Detail>
void Attach(absl::Status& status, const Detail& detail) {
  status.SetPayload(absl::StrCat(std::string(kTypePrefix), Detail::descriptor()->full_name()),
                    absl::Cord(detail.SerializeAsString()));
}

}  // namespace

void BadRequest::Add(absl::string_view field, absl::string_view problem) {
  violations_.push_back({std::string(field), std::string(problem)});
}

void BadRequest::AddIfError(absl::string_view field, const absl::Status& status) {
  if (!status.ok()) Add(field, status.message());
}

void BadRequest::AddAll(absl::string_view prefix, const BadRequest& part) {
  for (const Violation& violation : part.violations_) Add(absl::StrCat(prefix, violation.field), violation.problem);
}

absl::Status BadRequest::ToStatus() const {
  if (violations_.empty()) return absl::OkStatus();
  google::rpc::BadRequest detail;
  std::string message;
  for (const Violation& violation : violations_) {
    if (static_cast<std::size_t>(detail.field_violations_size()) == kMaxViolations) {
      absl::StrAppend(&message, "; and ", violations_.size() - kMaxViolations, " more");
      break;
    }
    auto* field = detail.add_field_violations();
    field->set_field(violation.field);
    field->set_description(violation.problem.substr(0, kMaxMessage / 2));
    absl::StrAppend(&message, message.empty() ? "" : "; ", violation.field, " ", violation.problem);
  }
  if (message.size() > kMaxMessage) message = absl::StrCat(message.substr(0, kMaxMessage), "...");
  absl::Status status = absl::InvalidArgumentError(message);
  Attach(status, detail);
  return WithReason(std::move(status), "INVALID_FIELDS");
}

absl::Status BadField(absl::string_view field, absl::string_view problem) {
  BadRequest bad;
  bad.Add(field, problem);
  return bad.ToStatus();
}

absl::Status WithReason(absl::Status status, absl::string_view reason) {
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain("perennial");
  Attach(status, info);
  return status;
}

absl::Status WithRetryAfter(absl::Status status, int milliseconds) {
  google::rpc::RetryInfo info;
  info.mutable_retry_delay()->set_seconds(milliseconds / 1000);
  info.mutable_retry_delay()->set_nanos(milliseconds % 1000 * 1000000);
  Attach(status, info);
  return status;
}

}  // namespace perennial
