#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace perennial {

// Collects what is wrong with a request, so that every bad field is named at once.
//
//   BadRequest bad;
//   if (id.empty()) bad.Add("account_id", "is required");
//   PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
class BadRequest {
 public:
  // `field` as the proto names it, for example "account.tags[2]"; `problem` completes the sentence "<field> ...".
  void Add(absl::string_view field, absl::string_view problem);
  // Adds `status`'s message under `field` unless it is OK.
  void AddIfError(absl::string_view field, const absl::Status& status);
  // Adds everything that is wrong with a part of the request, its fields with `prefix` before them ("record.").
  void AddAll(absl::string_view prefix, const BadRequest& part);
  [[nodiscard]] bool empty() const { return violations_.empty(); }
  // OK when nothing is wrong, else INVALID_ARGUMENT whose message names every field and which carries a
  // google.rpc.BadRequest and an ErrorInfo (reason INVALID_FIELDS).
  [[nodiscard]] absl::Status ToStatus() const;

 private:
  struct Violation {
    std::string field;
    std::string problem;
  };
  std::vector<Violation> violations_;
};

// INVALID_ARGUMENT for one bad field, as BadRequest says it.
absl::Status BadField(absl::string_view field, absl::string_view problem);

// Attaches a google.rpc.ErrorInfo with domain "perennial" to `status`. `reason` in UPPER_SNAKE_CASE.
absl::Status WithReason(absl::Status status, absl::string_view reason);

// Attaches a google.rpc.RetryInfo: try again after so many milliseconds.
absl::Status WithRetryAfter(absl::Status status, int milliseconds);

}  // namespace perennial
