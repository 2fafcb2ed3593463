#include "health-svc/score_cache.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"

namespace perennial::health {
namespace {

constexpr std::size_t kGenerationSize = 16;
constexpr std::size_t kRevisionSize = 19;
constexpr std::size_t kChecksumSize = 16;
constexpr std::size_t kHeaderSize = kGenerationSize + kRevisionSize + kChecksumSize;
constexpr std::size_t kScoresAtOnce = 256;
constexpr std::size_t kScoresACommand = 32;  // a script runs without a break: other clients wait for it
constexpr std::chrono::milliseconds kRetry{200};

// A day, and up to a fifth more by account, so that what was written together does not expire together.
constexpr std::int64_t kLifetimeMs = std::int64_t{24} * 3600 * 1000;
std::int64_t LifetimeMs(absl::string_view account_id) {
  return kLifetimeMs + static_cast<std::int64_t>(Fnv1a64(account_id) % static_cast<std::uint64_t>(kLifetimeMs / 5));
}

// Sets each value, with its lifetime, unless one of the same generation with the same or a greater revision is there. A
// value that is none of ours, or of another store, is replaced. Only the head of what is there is looked at.
constexpr const char* kSetIfNewer = R"lua(
for i = 1, #KEYS do
  local new = ARGV[2 * i - 1]
  local old = redis.pcall('GETRANGE', KEYS[i], 0, 34)
  local keep = false
  if type(old) == 'string' and #old == 35 and string.sub(old, 1, 16) == string.sub(new, 1, 16) then
    local revision = string.sub(old, 17, 35)
    keep = revision >= string.sub(new, 17, 35) and string.find(revision, '%D') == nil
  end
  if not keep then redis.call('SET', KEYS[i], new, 'PX', ARGV[2 * i]) end
end
return #KEYS
)lua";

std::string Checksum(absl::string_view account_id, absl::string_view header, absl::string_view body) {
  return absl::StrFormat("%016x", Fnv1a64(body, Fnv1a64(header, Fnv1a64(account_id))));
}

}  // namespace

std::string CacheKey(absl::string_view account_id) {
  return absl::StrCat("perennial:health:v1:score:{", account_id, "}");
}

std::string EncodeCached(const StoredScore& score, absl::string_view generation) {
  const std::string header = absl::StrCat(generation, absl::StrFormat("%019d", score.revision));
  const std::string body = score.deleted ? std::string() : score.score.SerializeAsString();
  return absl::StrCat(header, Checksum(score.account_id, header, body), body);
}

std::optional<StoredScore> DecodeCached(absl::string_view account_id, absl::string_view generation,
                                        absl::string_view bytes) {
  if (bytes.size() < kHeaderSize || bytes.substr(0, kGenerationSize) != generation) return std::nullopt;
  const absl::string_view header = bytes.substr(0, kGenerationSize + kRevisionSize);
  const absl::string_view body = bytes.substr(kHeaderSize);
  if (bytes.substr(header.size(), kChecksumSize) != Checksum(account_id, header, body)) return std::nullopt;
  StoredScore out{.account_id = std::string(account_id), .deleted = body.empty()};
  if (!absl::SimpleAtoi(header.substr(kGenerationSize), &out.revision)) return std::nullopt;
  if (!out.score.ParseFromArray(body.data(), static_cast<int>(body.size()))) return std::nullopt;
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
  auto score = DecodeCached(account_id, any ? absl::string_view(reply.text).substr(0, kGenerationSize) : generation_,
                            reply.text);
  if (score.has_value()) {
    ++counts_.hits;
    return score;
  }
  // Another store's value is not ours to delete.
  if (!any && reply.text.size() >= kHeaderSize && !absl::StartsWith(reply.text, generation_)) {
    ++counts_.stale;
    return std::nullopt;
  }
  ++counts_.poisoned;
  damaged.push_back({"DEL", CacheKey(account_id)});
  return std::nullopt;
}

ScoreCacheWriter::ScoreCacheWriter(std::unique_ptr<RedisClient> client, const Portfolio& portfolio,
                                   std::string generation, Owns owns)
    : client_(std::move(client)),
      portfolio_(portfolio),
      owns_(std::move(owns)),
      put_(*client_, std::move(generation)),
      thread_([this] { Loop(); }) {}

ScoreCacheWriter::~ScoreCacheWriter() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  changed_.notify_all();
}

void ScoreCacheWriter::Wake() {
  {
    MutexLock lock(mu_);
    woken_ = true;
  }
  changed_.notify_one();
}

std::int64_t ScoreCacheWriter::written_revision() {
  MutexLock lock(mu_);
  return written_;
}

void ScoreCacheWriter::Loop() {
  for (;;) {
    {
      MutexLock lock(mu_);
      // Also without being woken: Redis may be back.
      if (!woken_ && !stopping_) (void)lock.WaitFor(changed_, kRetry);
      if (stopping_) return;
      woken_ = false;
    }
    while (WriteSome()) {
      MutexLock lock(mu_);
      if (stopping_) return;
    }
  }
}

std::vector<StoredScore> ScoreCacheWriter::Next(std::int64_t after, std::int64_t& last) const {
  std::vector<StoredScore> scores;
  const ReadLock read(portfolio_.lock());
  const auto& rows = portfolio_.by_revision();
  for (auto at = rows.upper_bound(after); at != rows.end() && scores.size() < kScoresAtOnce; ++at) {
    last = at->first;
    if (!owns_(portfolio_.table().account_id(at->second))) continue;
    StoredScore score{.account_id = portfolio_.table().account_id(at->second),
                      .revision = at->first,
                      .deleted = portfolio_.entry(at->second).deleted};
    if (!score.deleted) portfolio_.GetScore(at->second, &score.score);
    scores.push_back(std::move(score));
  }
  return scores;
}

bool ScoreCacheWriter::WriteSome() {
  const std::int64_t after = written_revision();
  std::int64_t last = after;
  const std::vector<StoredScore> scores = Next(after, last);
  if (last == after) return false;
  const absl::Status status = put_.Write(scores);
  if (status.ok()) {
    counts_.written += static_cast<std::int64_t>(scores.size());
  } else {
    ++counts_.write_errors;
  }
  if (failing_ == status.ok()) {
    failing_ = !status.ok();
    Log(failing_ ? LogLevel::kWarning : LogLevel::kInfo, failing_ ? "scores are not written to Redis" : "Redis is back",
        {{"status", status.ToString()}});
  }
  MutexLock lock(mu_);
  const bool another_connection = connection_ > 0 && client_->connections() > connection_;
  connection_ = client_->connections();
  if (another_connection) {
    written_ = 0;  // what was written before may be gone with the server that had it
  } else if (status.ok()) {
    written_ = last;
  }
  return status.ok();
}

absl::Status ScoreCachePut::LoadScript() {
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<RedisReply> replies, client_.Run({{"SCRIPT", "LOAD", kSetIfNewer}}));
  if (replies.size() != 1 || replies[0].type != RedisReply::Type::kText) {
    return absl::UnavailableError("Redis did not take the script");
  }
  script_ = replies[0].text;
  return absl::OkStatus();
}

absl::Status ScoreCachePut::Write(const std::vector<StoredScore>& scores) {
  if (scores.empty()) return absl::OkStatus();
  if (script_.empty()) PERENNIAL_RETURN_IF_ERROR(LoadScript());
  std::vector<RedisCommand> commands;
  for (std::size_t begin = 0; begin < scores.size(); begin += kScoresACommand) {
    const std::size_t end = std::min(begin + kScoresACommand, scores.size());
    RedisCommand& command = commands.emplace_back();
    command.reserve(3 + 3 * (end - begin));
    command = {"EVALSHA", script_, absl::StrCat(end - begin)};
    for (std::size_t i = begin; i < end; ++i) command.push_back(CacheKey(scores[i].account_id));
    for (std::size_t i = begin; i < end; ++i) {
      command.push_back(EncodeCached(scores[i], generation_));
      command.push_back(absl::StrCat(LifetimeMs(scores[i].account_id)));
    }
  }
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<RedisReply> replies, client_.Run(commands));
  for (const RedisReply& reply : replies) {
    if (reply.type != RedisReply::Type::kError) continue;
    // The script is gone, memory is full, the server is loading or read-only: try again later.
    script_.clear();
    return absl::UnavailableError(reply.text);
  }
  return absl::OkStatus();
}

}  // namespace perennial::health
