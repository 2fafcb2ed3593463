#include "health-svc/score_cache.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace perennial::health {
namespace {

CacheEntry EntryOf(const StoredScore& score) {
  return {.key = CacheKey(score.account_id),
          .account_id = score.account_id,
          .revision = score.revision,
          .body = score.deleted ? std::string() : score.score.SerializeAsString()};
}

}  // namespace

std::string CacheKey(absl::string_view account_id) {
  return absl::StrCat("perennial:health:v1:score:{", account_id, "}");
}

std::string EncodeCached(const StoredScore& score, absl::string_view generation) {
  return EncodeEntry(EntryOf(score), generation);
}

std::optional<StoredScore> DecodeCached(absl::string_view account_id, absl::string_view generation,
                                        absl::string_view bytes) {
  const auto entry = DecodeEntry(account_id, generation, bytes);
  if (!entry.has_value()) return std::nullopt;
  StoredScore out{.account_id = std::string(account_id), .revision = entry->revision, .deleted = entry->body.empty()};
  if (!out.score.ParseFromArray(entry->body.data(), static_cast<int>(entry->body.size()))) return std::nullopt;
  return out;
}

std::optional<StoredScore> ScoreCacheReader::Get(absl::string_view account_id) {
  return std::move(GetAll({std::string(account_id)}).front());
}

std::vector<std::optional<StoredScore>> ScoreCacheReader::GetAll(const std::vector<std::string>& account_ids) {
  std::vector<std::optional<StoredScore>> out(account_ids.size());
  std::vector<RedisCommand> gets;
  gets.reserve(account_ids.size());
  for (const std::string& account : account_ids) gets.push_back({"GET", CacheKey(account)});
  MutexLock lock(mu_);
  const auto replies = client_->Run(gets);
  if (!replies.ok() || replies->size() != account_ids.size()) {
    counts_.errors += static_cast<std::int64_t>(account_ids.size());
    return out;
  }
  std::vector<RedisCommand> damaged;
  for (std::size_t i = 0; i < account_ids.size(); ++i) out[i] = Decode(account_ids[i], (*replies)[i], damaged);
  if (!damaged.empty()) (void)client_->Run(damaged);
  return out;
}

std::optional<StoredScore> ScoreCacheReader::Decode(const std::string& account_id, const RedisReply& reply,
                                                    std::vector<RedisCommand>& damaged) {
  if (reply.type == RedisReply::Type::kNil) {
    ++counts_.misses;
    return std::nullopt;
  }
  if (reply.type != RedisReply::Type::kText) {
    ++(absl::StartsWith(reply.text, "WRONGTYPE") ? counts_.poisoned : counts_.errors);
    return std::nullopt;
  }
  const bool any = generation_.empty();
  auto score = DecodeCached(account_id, any ? GenerationOf(reply.text) : absl::string_view(generation_), reply.text);
  if (score.has_value()) {
    ++counts_.hits;
    return score;
  }
  // Another store's value is not ours to delete.
  if (!any && !GenerationOf(reply.text).empty() && GenerationOf(reply.text) != generation_) {
    ++counts_.stale;
    return std::nullopt;
  }
  ++counts_.poisoned;
  damaged.push_back({"DEL", CacheKey(account_id)});
  return std::nullopt;
}

ScoreCacheWriter::ScoreCacheWriter(std::unique_ptr<RedisClient> client, const Portfolio& portfolio,
                                   std::string generation, Owns owns)
    : CacheWriter(std::move(client), std::move(generation), "scores",
                  [&portfolio, owns = std::move(owns)](std::int64_t after, std::size_t most, std::int64_t& last) {
                    std::vector<CacheEntry> entries;
                    const ReadLock read(portfolio.lock());
                    const auto& rows = portfolio.by_revision();
                    for (auto at = rows.upper_bound(after); at != rows.end() && entries.size() < most; ++at) {
                      last = at->first;
                      if (!owns(portfolio.table().account_id(at->second))) continue;
                      StoredScore score{.account_id = portfolio.table().account_id(at->second),
                                        .revision = at->first,
                                        .deleted = portfolio.entry(at->second).deleted};
                      if (!score.deleted) portfolio.GetScore(at->second, &score.score);
                      entries.push_back(EntryOf(score));
                    }
                    return entries;
                  }) {}

absl::Status ScoreCachePut::Write(const std::vector<StoredScore>& scores) {
  std::vector<CacheEntry> entries;
  entries.reserve(scores.size());
  for (const StoredScore& score : scores) entries.push_back(EntryOf(score));
  return put_.Write(entries);
}

}  // namespace perennial::health
