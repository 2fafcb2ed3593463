#include "accounts-svc/audit.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "accounts-svc/check_fields.h"
#include "common/base/error_details.h"
#include "common/base/page_token.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::accounts {
namespace {

constexpr int kMostEntries = 1000;
constexpr std::size_t kLongestId = 128;
constexpr std::size_t kLongestName = 1024;

// A time in an entry or a query: a real one, in the store's precision.
absl::Time StoredAuditTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixMicros(absl::ToUnixMicros(ToTime(time)));
}

std::string SealOf(const v1::ListAuditEntriesRequest& request) {
  v1::ListAuditEntriesRequest same = request;
  same.clear_page_size();
  same.clear_page_token();
  return absl::StrCat("audit/", same.SerializeAsString());
}

absl::StatusOr<AuditQuery> QueryOf(const v1::ListAuditEntriesRequest& request) {
  BadRequest bad;
  const auto size = PageSize(request.page_size());
  const auto cursor = ReadPageToken(request.page_token(), SealOf(request));
  bad.AddIfError("page_size", size.status());
  bad.AddIfError("page_token", cursor.status());
  CheckText("resource", request.resource(), 0, kLongestName, bad);
  CheckText("caller", request.caller(), 0, kLongestName, bad);
  if (request.has_start_time() && !IsValidTimestamp(request.start_time())) bad.Add("start_time", "is no time");
  if (request.has_end_time() && !IsValidTimestamp(request.end_time())) bad.Add("end_time", "is no time");
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  AuditQuery query{.resource = request.resource(), .caller = request.caller(), .limit = *size + 1};
  if (request.has_start_time()) query.begin = ToTime(request.start_time());
  if (request.has_end_time()) query.end = ToTime(request.end_time());
  if (cursor->empty()) return query;
  const std::vector<std::string> place = absl::StrSplit(*cursor, absl::MaxSplits('/', 1));
  std::int64_t micros = 0;
  if (place.size() != 2 || !absl::SimpleAtoi(place[0], &micros)) return BadField("page_token", "is damaged");
  query.before_time = absl::FromUnixMicros(micros);
  query.before_id = place[1];
  return query;
}

v1::AuditEntry ToProto(const AuditedChange& change) {
  v1::AuditEntry entry;
  entry.set_id(change.id);
  SetTimestamp(change.time, entry.mutable_event_time());
  entry.set_caller(change.caller);
  entry.set_method(change.method);
  entry.set_resource(change.resource);
  entry.set_old_value(change.old_value);
  entry.set_new_value(change.new_value);
  entry.set_trace_id(change.trace_id);
  return entry;
}

void CheckEntry(const std::string& field, const v1::AuditEntry& entry, BadRequest& bad) {
  const auto check = [&](const char* name, const std::string& text, std::size_t least, std::size_t most) {
    CheckText(absl::StrCat(field, ".", name), text, least, most, bad);
  };
  check("id", entry.id(), 1, kLongestId);
  check("caller", entry.caller(), 1, kLongestName);
  check("method", entry.method(), 1, kLongestName);
  check("resource", entry.resource(), 0, kLongestName);
  check("trace_id", entry.trace_id(), 0, kLongestId);
  for (const auto& [name, value] : {std::pair("old_value", &entry.old_value()),
                                    std::pair("new_value", &entry.new_value())}) {
    if (value->size() > kMostAuditedBytes) bad.Add(absl::StrCat(field, ".", name), "must have at most 65,536 bytes");
    if (value->find('\0') != std::string::npos) bad.Add(absl::StrCat(field, ".", name), "must not have a NUL");
  }
  if (!entry.has_event_time() || !IsValidTimestamp(entry.event_time())) {
    bad.Add(absl::StrCat(field, ".event_time"), "is required");
  }
}

// Whether an entry that comes late is about an account that was purged since. One that was created anew has entries of its own.
absl::StatusOr<bool> IsOfPurged(ReadTransaction& transaction, const v1::AuditEntry& entry) {
  const std::vector<std::string> parts = absl::StrSplit(entry.resource(), absl::MaxSplits('/', 2));
  if (parts.size() < 2 || parts[0] != "accounts") return false;
  PERENNIAL_ASSIGN_OR_RETURN(const auto tombstone, transaction.FindTombstone(parts[1]));
  if (!tombstone.has_value()) return false;
  PERENNIAL_ASSIGN_OR_RETURN(const auto account, transaction.FindAccount(parts[1]));
  return !account.has_value() || StoredAuditTime(entry.event_time()) < account->create_time;
}

}  // namespace

absl::StatusOr<v1::ListAuditEntriesResponse> Audit::List(const v1::ListAuditEntriesRequest& request) {
  PERENNIAL_ASSIGN_OR_RETURN(const AuditQuery query, QueryOf(request));
  v1::ListAuditEntriesResponse response;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<AuditedChange> entries, transaction.ListAuditEntries(query));
    for (const AuditedChange& entry : entries) {
      if (response.entries_size() == query.limit - 1) {
        const AuditedChange& last = entries[static_cast<std::size_t>(query.limit) - 2];
        response.set_next_page_token(
            MakePageToken(absl::StrCat(absl::ToUnixMicros(last.time), "/", last.id), SealOf(request)));
        break;
      }
      *response.add_entries() = ToProto(entry);
    }
    return absl::OkStatus();
  }));
  return response;
}

absl::StatusOr<v1::WriteAuditEntriesResponse> Audit::Write(const v1::WriteAuditEntriesRequest& request) {
  BadRequest bad;
  if (request.entries().empty() || request.entries_size() > kMostEntries) {
    bad.Add("entries", absl::StrCat("must be 1 to ", kMostEntries));
    return bad.ToStatus();
  }
  for (int i = 0; i < request.entries_size(); ++i) CheckEntry(absl::StrCat("entries[", i, "]"), request.entries(i), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  const auto written = store_.Write([&](WriteTransaction& transaction) -> absl::Status {
    for (const v1::AuditEntry& entry : request.entries()) {
      PERENNIAL_ASSIGN_OR_RETURN(const bool purged, IsOfPurged(transaction, entry));
      PERENNIAL_RETURN_IF_ERROR(transaction.PutAuditEntry({.id = entry.id(),
                                                           .time = StoredAuditTime(entry.event_time()),
                                                           .caller = entry.caller(),
                                                           .method = entry.method(),
                                                           .resource = entry.resource(),
                                                           .old_value = purged ? "" : entry.old_value(),
                                                           .new_value = purged ? "" : entry.new_value(),
                                                           .trace_id = entry.trace_id()}));
    }
    return absl::OkStatus();
  });
  if (!written.ok()) return written.status();
  return v1::WriteAuditEntriesResponse();
}

}  // namespace perennial::accounts
