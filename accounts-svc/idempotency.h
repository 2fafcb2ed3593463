#pragma once

#include <google/protobuf/message.h>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "accounts-svc/store/store.h"
#include "common/base/error_details.h"

// A mutation that a client may send again under the same request_id without it taking effect twice:
//
//   CheckRequestId(request.request_id(), bad);          // with all other fields; not when validate_only
//   ...
//   store_.Write([&](WriteTransaction& transaction) -> absl::Status {
//     PERENNIAL_ASSIGN_OR_RETURN(const bool first, BeginOnce(transaction, request, now));
//     if (!first) return ...;                           // read the present state for the answer, and change nothing
//     ...                                               // checks and changes
//   });
//
// What is noted is stored with the change or not at all: a request that fails, or whose commit does, may be sent again.
namespace perennial::accounts {

// How long the id of a request counts.
constexpr absl::Duration kRequestLifetime = absl::Hours(24);

// Names "request_id" unless `id` is empty or has at most 128 characters, all of them printable ASCII.
void CheckRequestId(absl::string_view id, BadRequest& bad);

// Whether `request` is to be carried out: false when it already was, in the last 24 hours, under its request_id. Always
// true for one without. `request` has a string field request_id; the etags in it do not tell it from another, since they
// are stale once it was carried out. INVALID_ARGUMENT (REQUEST_ID_REUSED) when the id was used for another request to the
// same method.
absl::StatusOr<bool> BeginOnce(WriteTransaction& transaction, const google::protobuf::Message& request, absl::Time now);

}  // namespace perennial::accounts
