#include "accounts-svc/facts.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "accounts-svc/account_messages.h"
#include "accounts-svc/check_fields.h"
#include "accounts-svc/facts/compute_facts.h"
#include "accounts-svc/learn_facts.h"
#include "accounts-svc/paging.h"
#include "common/base/error_details.h"
#include "common/base/hash.h"
#include "common/base/random_id.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "common/facts/packed_facts.h"
#include "common/filter/filter.h"
#include "common/filter/filter_reading.h"

namespace perennial::accounts {
namespace {
constexpr int kRowsAMessage = 500;
constexpr std::size_t kMostBytes = 1 << 20;  // of rows in a message; clients take 4 MiB by default
constexpr int kMostShards = 1024;
constexpr absl::string_view kFeedId = "feed_id";  // a setting; `perennial restore` removes it
}  // namespace

absl::StatusOr<v1::GetFactsResponse> Facts::Get(const v1::GetFactsRequest& request) {
  const absl::Time now = clock_.Now();
  BadRequest bad;
  const auto id = IdOf(request.name(), "accounts");
  bad.AddIfError("name", id.status());
  const absl::Time as_of = ReadAsOf(request, now, bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  v1::GetFactsResponse response;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, LiveAccount(transaction, *id));
    auto history = transaction.LoadHistory(account, as_of);
    if (absl::IsNotFound(history.status())) return NoSuch(absl::StrCat(request.name(), " as of then"));
    PERENNIAL_RETURN_IF_ERROR(history.status());
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<Metric> metrics, transaction.ListMetrics());
    PERENNIAL_ASSIGN_OR_RETURN(const Computed computed, ComputeFacts(*history, metrics, as_of, numbering_));
    numbering_.WithCatalogue([&](const facts::FactCatalogue& catalogue) {
      for (const auto& [fact, value] : computed.facts.values()) {
        *response.add_facts() = facts::ToProto(catalogue.Get(fact), value);
      }
    });
    PERENNIAL_ASSIGN_OR_RETURN(const auto row, transaction.FindFacts(account.no));
    if (row.has_value()) response.set_revision(row->revision);
    return absl::OkStatus();
  }));
  std::sort(response.mutable_facts()->begin(), response.mutable_facts()->end(),
            [](const v1::Fact& a, const v1::Fact& b) { return a.name() < b.name(); });
  response.set_name(request.name());
  SetTimestamp(as_of, response.mutable_as_of());
  return response;
}

absl::StatusOr<std::unique_ptr<FactsCursor>> Facts::Watch(const v1::WatchFactsRequest& request) {
  BadRequest bad;
  const int shards = std::max(request.shard_count(), 1);
  if (request.start_revision() < 0) bad.Add("start_revision", "must not be negative");
  if (request.shard_count() < 0 || request.shard_count() > kMostShards) {
    bad.Add("shard_count", absl::StrCat("must be 0 to ", kMostShards));
  }
  if (request.shard_index() < 0 || request.shard_index() >= shards) {
    bad.Add("shard_index", "must be at least 0 and less than shard_count");
  }
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  return std::make_unique<FactsCursor>(store_, clock_, request.feed_id(), request.start_revision(),
                                       static_cast<std::uint64_t>(request.shard_index()),
                                       static_cast<std::uint64_t>(shards));
}

absl::Status EnsureFeedId(Store& store) {
  const std::string id = RandomFeedId();
  return store
      .Write([&](WriteTransaction& transaction) -> absl::Status {
        PERENNIAL_ASSIGN_OR_RETURN(const std::string stored, transaction.GetSetting(kFeedId));
        return stored.empty() ? transaction.PutSetting(kFeedId, id) : absl::OkStatus();
      })
      .status();
}

absl::StatusOr<std::string> CheckFeedId(ReadTransaction& transaction, absl::string_view known) {
  PERENNIAL_ASSIGN_OR_RETURN(std::string feed_id, transaction.GetSetting(kFeedId));
  if (known.empty() || known == feed_id) return feed_id;
  return WithReason(absl::OutOfRangeError("this is another feed than the one that feed_id names; start from 0"),
                    "OTHER_FEED");
}

absl::Status CheckGivenOut(std::int64_t start_revision, std::int64_t last) {
  if (start_revision <= last) return absl::OkStatus();
  return WithReason(absl::OutOfRangeError(absl::StrCat("start_revision ", start_revision,
                                                       " was never given out; the newest is ", last, "; start from 0")),
                    "FUTURE_REVISION");
}

absl::StatusOr<std::optional<v1::WatchFactsResponse>> FactsCursor::Next() {
  v1::WatchFactsResponse message;
  bool more = false;
  // One snapshot: a row is never seen without the definitions that it uses.
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    if (announced_ == 0) {
      PERENNIAL_ASSIGN_OR_RETURN(*message.mutable_feed_id(), CheckFeedId(transaction, feed_id_));
    }
    PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t last, transaction.LastRevision());
    PERENNIAL_RETURN_IF_ERROR(CheckGivenOut(revision_, last));
    PERENNIAL_ASSIGN_OR_RETURN(const auto definitions, transaction.ListFactDefinitions(announced_));
    for (const auto& definition : definitions) *message.add_definitions() = facts::ToProto(announced_++, definition);
    PERENNIAL_ASSIGN_OR_RETURN(std::vector<FeedRow> rows, transaction.ListFeed(revision_, kRowsAMessage));
    std::size_t bytes = 0;
    more = rows.size() == kRowsAMessage;
    for (FeedRow& row : rows) {
      if (bytes >= kMostBytes) {
        more = true;
        break;
      }
      revision_ = row.revision;
      if (shard_count_ > 1 && Fnv1a64(row.account_id) % shard_count_ != shard_index_) continue;
      bytes += row.payload.size();
      v1::PackedFacts* out = message.add_rows();
      if (!out->ParseFromString(row.payload)) return absl::DataLossError("stored facts cannot be read");
      out->set_account_id(std::move(row.account_id));
      out->set_revision(row.revision);
      out->set_deleted(row.deleted);
      SetTimestamp(row.as_of, out->mutable_as_of());
    }
    return absl::OkStatus();
  }));
  if (!more && caught_up_at_ == revision_ && message.definitions().empty()) return std::nullopt;
  message.set_progress_revision(revision_);
  message.set_caught_up(!more);
  SetTimestamp(clock_.Now(), message.mutable_server_time());
  if (!more) caught_up_at_ = revision_;
  return message;
}

absl::StatusOr<v1::ListFactDefinitionsResponse> Facts::ListDefinitions(const v1::ListFactDefinitionsRequest& request) {
  BadRequest bad;
  const Page page(request, "definitions", bad, 1000, 10'000);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  // As the store numbers them: so do the rows of the feed.
  std::vector<v1::FactDefinition> definitions;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const auto stored, transaction.ListFactDefinitions(0));
    for (std::size_t id = 0; id < stored.size(); ++id) {
      if (stored[id].name > page.cursor()) definitions.push_back(facts::ToProto(static_cast<facts::FactId>(id), stored[id]));
    }
    return absl::OkStatus();
  }));
  std::sort(definitions.begin(), definitions.end(),
            [](const v1::FactDefinition& a, const v1::FactDefinition& b) { return a.name() < b.name(); });
  v1::ListFactDefinitionsResponse response;
  PERENNIAL_RETURN_IF_ERROR(page.Fill(
      definitions, response, [](const v1::FactDefinition& definition) { return definition.name(); },
      [&](v1::FactDefinition& definition) {
        *response.add_definitions() = std::move(definition);
        return absl::OkStatus();
      }));
  return response;
}

absl::StatusOr<v1::ValidateFilterResponse> Facts::ValidateFilter(const v1::ValidateFilterRequest& request) {
  if (request.filter().empty()) {
    BadRequest bad;
    bad.Add("filter", "is required");
    return bad.ToStatus();
  }
  PERENNIAL_RETURN_IF_ERROR(LearnFacts(store_, numbering_));
  v1::ValidateFilterResponse response;
  const auto filter = numbering_.WithCatalogue(
      [&](const facts::FactCatalogue& catalogue) { return filter::Filter::Compile(request.filter(), catalogue); });
  response.set_valid(filter.ok());
  if (filter.ok()) {
    *response.mutable_reading() = filter::ToProto(*filter);
  } else {
    response.set_error(std::string(filter.status().message()));
  }
  return response;
}

}  // namespace perennial::accounts
