#include "health-svc/cache_writer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"

namespace perennial::health {
namespace {

constexpr std::size_t kGenerationSize = 16;
constexpr std::size_t kRevisionSize = 19;
constexpr std::size_t kChecksumSize = 16;
constexpr std::size_t kHeaderSize = kGenerationSize + kRevisionSize + kChecksumSize;
constexpr std::size_t kEntriesAtOnce = 256;
constexpr std::size_t kEntriesACommand = 32;  // a script runs without a break: other clients wait for it
constexpr std::chrono::milliseconds kRetry{200};

// A day, and up to a fifth more by account, so that what was written together does not expire together.
constexpr std::int64_t kLifetimeMs = std::int64_t{24} * 3600 * 1000;
std::int64_t LifetimeMs(absl::string_view account_id) {
  return kLifetimeMs + static_cast<std::int64_t>(Fnv1a64(account_id) % static_cast<std::uint64_t>(kLifetimeMs / 5));
}

// Sets each value, with its lifetime, unless one of the same generation with the same or a greater revision is there. A
// value that is none of ours, or of another store, is replaced. All that is there is read with one command, for which
// what is no string is absent.
constexpr const char* kSetIfNewer = R"lua(
local present = redis.call('MGET', unpack(KEYS))
for i = 1, #KEYS do
  local new = ARGV[2 * i - 1]
  local old = present[i]
  local keep = false
  if old and #old >= 35 and string.sub(old, 1, 16) == string.sub(new, 1, 16) then
    local revision = string.sub(old, 17, 35)
    keep = revision >= string.sub(new, 17, 35) and string.find(revision, '%D') == nil
  end
  if not keep then redis.call('SET', KEYS[i], new, 'PX', ARGV[2 * i]) end
end
return #KEYS
)lua";

std::string Checksum(absl::string_view account_id, absl::string_view header, absl::string_view body) {
  return absl::StrCat(absl::Hex(Fnv1a64(body, Fnv1a64(header, Fnv1a64(account_id))), absl::kZeroPad16));
}

}  // namespace

std::string EncodeEntry(const CacheEntry& entry, absl::string_view generation) {
  const std::string header = absl::StrCat(generation, absl::Dec(entry.revision, absl::kZeroPad19));
  return absl::StrCat(header, Checksum(entry.account_id, header, entry.body), entry.body);
}

absl::string_view GenerationOf(absl::string_view bytes) {
  return bytes.size() < kHeaderSize ? absl::string_view() : bytes.substr(0, kGenerationSize);
}

std::optional<DecodedEntry> DecodeEntry(absl::string_view account_id, absl::string_view generation,
                                        absl::string_view bytes) {
  if (bytes.size() < kHeaderSize || bytes.substr(0, kGenerationSize) != generation) return std::nullopt;
  const absl::string_view header = bytes.substr(0, kGenerationSize + kRevisionSize);
  DecodedEntry out{.body = bytes.substr(kHeaderSize)};
  if (bytes.substr(header.size(), kChecksumSize) != Checksum(account_id, header, out.body)) return std::nullopt;
  if (!absl::SimpleAtoi(header.substr(kGenerationSize), &out.revision)) return std::nullopt;
  return out;
}

CacheWriter::CacheWriter(std::unique_ptr<RedisClient> client, std::string generation, std::string what, Next next)
    : client_(std::move(client)),
      what_(std::move(what)),
      next_(std::move(next)),
      put_(*client_, std::move(generation)),
      thread_([this] { Loop(); }) {}

CacheWriter::~CacheWriter() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  changed_.notify_all();
}

void CacheWriter::Wake() {
  {
    MutexLock lock(mu_);
    woken_ = true;
  }
  changed_.notify_one();
}

std::int64_t CacheWriter::written_revision() {
  MutexLock lock(mu_);
  return written_;
}

void CacheWriter::Loop() {
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

bool CacheWriter::WriteSome() {
  const std::int64_t after = written_revision();
  std::int64_t last = after;
  const std::vector<CacheEntry> entries = next_(after, kEntriesAtOnce, last);
  if (last == after) return false;
  const absl::Status status = put_.Write(entries);
  if (status.ok()) {
    counts_.written += static_cast<std::int64_t>(entries.size());
  } else {
    ++counts_.write_errors;
  }
  if (failing_ == status.ok()) {
    failing_ = !status.ok();
    Log(failing_ ? LogLevel::kWarning : LogLevel::kInfo,
        failing_ ? absl::StrCat(what_, " are not written to Redis") : std::string("Redis is back"),
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

absl::Status CachePut::LoadScript() {
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<RedisReply> replies, client_.Run({{"SCRIPT", "LOAD", kSetIfNewer}}));
  if (replies.size() != 1 || replies[0].type != RedisReply::Type::kText) {
    return absl::UnavailableError("Redis did not take the script");
  }
  script_ = replies[0].text;
  return absl::OkStatus();
}

absl::Status CachePut::Write(const std::vector<CacheEntry>& entries) {
  if (entries.empty()) return absl::OkStatus();
  if (script_.empty()) PERENNIAL_RETURN_IF_ERROR(LoadScript());
  RedisCommand command;
  const auto make = [&](std::size_t at) -> const RedisCommand& {
    const std::size_t begin = at * kEntriesACommand;
    const std::size_t end = std::min(begin + kEntriesACommand, entries.size());
    command = {"EVALSHA", script_, absl::StrCat(end - begin)};
    for (std::size_t i = begin; i < end; ++i) command.push_back(entries[i].key);
    for (std::size_t i = begin; i < end; ++i) {
      command.push_back(EncodeEntry(entries[i], generation_));
      command.push_back(absl::StrCat(LifetimeMs(entries[i].account_id)));
    }
    return command;
  };
  const std::size_t count = (entries.size() + kEntriesACommand - 1) / kEntriesACommand;
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<RedisReply> replies, client_.Run(count, make));
  for (const RedisReply& reply : replies) {
    if (reply.type != RedisReply::Type::kError) continue;
    // The script is gone, memory is full, the server is loading or read-only: try again later.
    script_.clear();
    return absl::UnavailableError(reply.text);
  }
  return absl::OkStatus();
}

}  // namespace perennial::health
