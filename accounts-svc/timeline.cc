#include "accounts-svc/timeline.h"

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "accounts-svc/account_messages.h"
#include "accounts-svc/check_fields.h"
#include "accounts-svc/paging.h"
#include "accounts-svc/tasks.h"
#include "common/base/error_details.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::accounts {
namespace {

using Kind = v1::TimelineEntryKind;

static_assert(static_cast<int>(RecordKind::kTicket) == v1::TIMELINE_ENTRY_KIND_TICKET &&
                  static_cast<int>(RecordKind::kChurnReport) == v1::TIMELINE_ENTRY_KIND_CHURN_REPORT,
              "entries of records are ordered by the kinds of the store");

// Where an entry stands: the timeline is in descending order of places.
struct Place {
  absl::Time time;
  int kind = 0;
  std::string id = {};

  auto operator<=>(const Place& other) const {
    return std::tie(time, kind, id) <=> std::tie(other.time, other.kind, other.id);
  }
};

struct Entry {
  Place place;
  v1::TimelineEntry message;
};

std::string CursorOf(const Place& place) {
  return absl::StrCat(absl::ToUnixMicros(place.time), "/", place.kind, "/", place.id);
}

absl::StatusOr<std::optional<Place>> ReadCursor(const std::string& cursor) {
  if (cursor.empty()) return std::nullopt;
  const std::vector<std::string> parts = absl::StrSplit(cursor, absl::MaxSplits('/', 2));
  std::int64_t micros = 0;
  Place place;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &micros) || !absl::SimpleAtoi(parts[1], &place.kind)) {
    return absl::InvalidArgumentError("is damaged");
  }
  place.time = absl::FromUnixMicros(micros);
  place.id = parts[2];
  return place;
}

// Gathers the newest entries after a place, of every kind that is asked for.
class Gatherer {
 public:
  Gatherer(ReadTransaction& transaction, const AccountRecord& account, std::set<int> kinds, absl::Time begin,
           absl::Time end, std::optional<Place> after, int limit)
      : transaction_(transaction),
        account_(account),
        kinds_(std::move(kinds)),
        begin_(begin),
        end_(end),
        after_(std::move(after)),
        limit_(limit) {}

  absl::Status AddRecords() {
    TimelineQuery query = QueryFor(v1::TIMELINE_ENTRY_KIND_CHURN_REPORT);
    for (const int kind : kinds_) {
      if (kind <= v1::TIMELINE_ENTRY_KIND_CHURN_REPORT) query.kinds.insert(static_cast<RecordKind>(kind));
    }
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<StoredRecord> records, transaction_.ListTimelineRecords(query));
    for (const StoredRecord& record : records) {
      Entry entry{.place = {record.time, static_cast<int>(record.kind), record.record_id}, .message = {}};
      if (!entry.message.mutable_record()->ParseFromString(record.payload)) {
        return absl::DataLossError("a stored record cannot be read");
      }
      Add(std::move(entry));
    }
    return absl::OkStatus();
  }

  absl::Status AddTasks() {
    if (!kinds_.contains(v1::TIMELINE_ENTRY_KIND_TASK)) return absl::OkStatus();
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<TaskRecord> tasks,
                               transaction_.ListTimelineTasks(QueryFor(v1::TIMELINE_ENTRY_KIND_TASK)));
    for (const TaskRecord& task : tasks) {
      Entry entry{.place = {task.entry_time, v1::TIMELINE_ENTRY_KIND_TASK, task.id}, .message = {}};
      PERENNIAL_ASSIGN_OR_RETURN(*entry.message.mutable_task(), ToProto(task));
      Add(std::move(entry));
    }
    return absl::OkStatus();
  }

  absl::Status AddPhases() {
    if (!kinds_.contains(v1::TIMELINE_ENTRY_KIND_PHASE_CHANGE)) return absl::OkStatus();
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<PhaseChange> changes, transaction_.ListPhaseChanges(account_.no));
    int number = 0;
    for (const PhaseChange& change : changes) {
      // Numbers of one length, so that they are in order as texts too.
      Entry entry{.place = {change.time, v1::TIMELINE_ENTRY_KIND_PHASE_CHANGE, absl::StrFormat("%09d", number++)},
                  .message = {}};
      *entry.message.mutable_phase_change() = ToProto(change);
      Add(std::move(entry));
    }
    return absl::OkStatus();
  }

  absl::Status AddMovements(absl::string_view currency) {
    if (!kinds_.contains(v1::TIMELINE_ENTRY_KIND_REVENUE_MOVEMENT)) return absl::OkStatus();
    PERENNIAL_ASSIGN_OR_RETURN(
        const std::vector<AccountMovement> movements,
        transaction_.ListMovements({.account = account_.no, .begin = begin_, .end = end_, .limit = -1}));
    for (const AccountMovement& movement : movements) {
      // An account has one movement a moment.
      Entry entry{.place = {movement.movement.time, v1::TIMELINE_ENTRY_KIND_REVENUE_MOVEMENT, ""}, .message = {}};
      v1::RevenueMovement* out = entry.message.mutable_movement();
      out->set_account(absl::StrCat("accounts/", account_.id));
      SetTimestamp(movement.movement.time, out->mutable_effective_time());
      out->set_kind(static_cast<v1::MovementKind>(movement.movement.kind));
      *out->mutable_amount() = ToMoney(movement.movement.amount, currency);
      *out->mutable_mrr_after() = ToMoney(movement.movement.mrr_after, currency);
      Add(std::move(entry));
    }
    return absl::OkStatus();
  }

  // The newest first, at most the limit.
  std::vector<Entry> Finish() && {
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return a.place > b.place; });
    if (entries_.size() > static_cast<std::size_t>(limit_)) entries_.resize(static_cast<std::size_t>(limit_));
    return std::move(entries_);
  }

 private:
  // What the store is asked for entries of `kind`, or of kinds up to it for records, which the store orders by kind
  // itself.
  [[nodiscard]] TimelineQuery QueryFor(int kind) const {
    TimelineQuery query{.account = account_.no, .begin = begin_, .end = end_, .limit = limit_};
    if (!after_.has_value()) return query;
    query.after_time = after_->time;
    query.after_kind = after_->kind;
    query.after_id = after_->id;
    const bool records = kind <= v1::TIMELINE_ENTRY_KIND_CHURN_REPORT;
    if (records || after_->kind == kind) return query;
    // At the time of the place itself, entries of a smaller kind follow it, and those of a greater one came before it.
    if (after_->kind > kind) query.after_time = after_->time + absl::Microseconds(1);
    query.after_id.clear();
    return query;
  }

  void Add(Entry entry) {
    if (entry.place.time < begin_ || entry.place.time >= end_) return;
    if (after_.has_value() && entry.place >= *after_) return;
    entries_.push_back(std::move(entry));
  }

  ReadTransaction& transaction_;
  const AccountRecord& account_;
  const std::set<int> kinds_;
  const absl::Time begin_;
  const absl::Time end_;
  const std::optional<Place> after_;
  const int limit_;
  std::vector<Entry> entries_;
};

std::set<int> CheckKinds(const v1::ListTimelineRequest& request, BadRequest& bad) {
  std::set<int> kinds;
  for (int i = 0; i < request.kinds_size(); ++i) {
    if (request.kinds(i) == v1::TIMELINE_ENTRY_KIND_UNSPECIFIED || !v1::TimelineEntryKind_IsValid(request.kinds(i))) {
      bad.Add(absl::StrCat("kinds[", i, "]"), "is no kind");
      if (i >= v1::TimelineEntryKind_ARRAYSIZE) break;  // enough said
    }
    kinds.insert(request.kinds(i));
  }
  if (!kinds.empty()) return kinds;
  for (int kind = v1::TIMELINE_ENTRY_KIND_TICKET; kind <= v1::TimelineEntryKind_MAX; ++kind) kinds.insert(kind);
  return kinds;
}

}  // namespace

absl::StatusOr<v1::ListTimelineResponse> Timeline::List(const v1::ListTimelineRequest& request) {
  BadRequest bad;
  v1::ListTimelineRequest same = request;
  same.clear_page_size();
  same.clear_page_token();
  const auto account_id = IdOf(request.parent(), "accounts");
  bad.AddIfError("parent", account_id.status());
  const Page page(request, absl::StrCat("timeline\n", same.SerializeAsString()), bad);
  const auto after = ReadCursor(page.cursor());
  bad.AddIfError("page_token", after.status());
  const std::set<int> kinds = CheckKinds(request, bad);
  const absl::Time ever = absl::InfiniteFuture();
  CheckTime("start_time", request.has_start_time(), request.start_time(), false, ever, bad);
  CheckTime("end_time", request.has_end_time(), request.end_time(), false, ever, bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  const absl::Time begin = request.has_start_time() ? ToTime(request.start_time()) : absl::InfinitePast();
  // What is dated ahead has not happened yet.
  absl::Time end = absl::FromUnixMicros(absl::ToUnixMicros(clock_.Now()) + 1);
  if (request.has_end_time()) end = std::min(end, ToTime(request.end_time()));
  v1::ListTimelineResponse response;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, LiveAccount(transaction, *account_id));
    Gatherer gatherer(transaction, account, kinds, begin, end, *after, page.limit());
    PERENNIAL_RETURN_IF_ERROR(gatherer.AddRecords());
    PERENNIAL_RETURN_IF_ERROR(gatherer.AddTasks());
    PERENNIAL_RETURN_IF_ERROR(gatherer.AddPhases());
    PERENNIAL_RETURN_IF_ERROR(gatherer.AddMovements(currency_));
    std::vector<Entry> entries = std::move(gatherer).Finish();
    const auto cursor_of = [](const Entry& entry) { return CursorOf(entry.place); };
    return page.Fill(entries, response, cursor_of, [&](Entry& entry) {
      v1::TimelineEntry* out = response.add_entries();
      *out = std::move(entry.message);
      SetTimestamp(entry.place.time, out->mutable_time());
      out->set_kind(static_cast<Kind>(entry.place.kind));
      out->set_summary(SummaryOf(*out));
      return absl::OkStatus();
    });
  }));
  return response;
}

}  // namespace perennial::accounts
