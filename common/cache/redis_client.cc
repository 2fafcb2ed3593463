#include "common/cache/redis_client.h"

#include <hiredis/hiredis.h>

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace perennial {
namespace {

// Deeper answers than any command used here gives are cut off.
constexpr int kMostDepth = 8;
// So many bytes are sent without waiting for the commands after.
constexpr std::size_t kWorthSending = 8192;

timeval ToTimeval(std::chrono::milliseconds time) {
  return {.tv_sec = static_cast<time_t>(time.count() / 1000),
          .tv_usec = static_cast<suseconds_t>(time.count() % 1000 * 1000)};
}

struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};

RedisReply ToReply(const redisReply& reply, int depth) {
  RedisReply out;
  switch (reply.type) {
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      out.type = RedisReply::Type::kText;
      out.text.assign(reply.str, reply.len);
      break;
    case REDIS_REPLY_ERROR:
      out.type = RedisReply::Type::kError;
      out.text.assign(reply.str, reply.len);
      break;
    case REDIS_REPLY_INTEGER:
      out.type = RedisReply::Type::kInteger;
      out.integer = reply.integer;
      break;
    case REDIS_REPLY_ARRAY:
      out.type = RedisReply::Type::kArray;
      for (std::size_t i = 0; depth > 0 && i < reply.elements; ++i) {
        out.array.push_back(ToReply(*reply.element[i], depth - 1));
      }
      break;
    default: break;
  }
  return out;
}

}  // namespace

void RedisClient::Free::operator()(redisContext* context) const { redisFree(context); }

absl::StatusOr<std::unique_ptr<RedisClient>> RedisClient::Create(RedisOptions options) {
  const auto colon = options.address.rfind(':');
  int port = 0;
  if (colon == std::string::npos || colon == 0 || !absl::SimpleAtoi(options.address.substr(colon + 1), &port) ||
      port < 1 || port > 65535) {
    return absl::InvalidArgumentError("must look like host:port");
  }
  std::string host = options.address.substr(0, colon);
  return std::unique_ptr<RedisClient>(new RedisClient(std::move(options), std::move(host), port));
}

RedisClient::RedisClient(RedisOptions options, std::string host, int port)
    : options_(std::move(options)), host_(std::move(host)), port_(port) {}
RedisClient::~RedisClient() = default;

absl::Status RedisClient::Connect() {
  const timeval timeout = ToTimeval(options_.timeout);
  context_.reset(redisConnectWithTimeout(host_.c_str(), port_, timeout));
  // redisReconnect() would drop the timeout: a lost connection is always replaced by a new context.
  if (context_ == nullptr || context_->err != 0 || redisSetTimeout(context_.get(), timeout) != REDIS_OK) {
    context_.reset();
    return absl::UnavailableError("cannot connect to Redis");
  }
  ++connections_;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<RedisReply>> RedisClient::Exchange(std::size_t count, Make make) {
  if (context_ == nullptr) PERENNIAL_RETURN_IF_ERROR(Connect());
  std::vector<const char*> arguments;
  std::vector<std::size_t> sizes;
  std::size_t kept_back = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const RedisCommand& command = make(i);
    arguments.clear();
    sizes.clear();
    for (const std::string& argument : command) {
      arguments.push_back(argument.data());
      sizes.push_back(argument.size());
      kept_back += argument.size();
    }
    if (redisAppendCommandArgv(context_.get(), static_cast<int>(command.size()), arguments.data(), sizes.data()) !=
        REDIS_OK) {
      return absl::UnavailableError("cannot write to Redis");
    }
    if (kept_back < kWorthSending) continue;
    kept_back = 0;
    for (int sent = 0; sent == 0;) {
      if (redisBufferWrite(context_.get(), &sent) != REDIS_OK) return absl::UnavailableError("cannot write to Redis");
    }
  }
  std::vector<RedisReply> replies;
  for (std::size_t i = 0; i < count; ++i) {
    void* reply = nullptr;
    if (redisGetReply(context_.get(), &reply) != REDIS_OK || reply == nullptr) {
      return absl::UnavailableError("Redis did not answer");
    }
    const std::unique_ptr<redisReply, FreeReply> owned(static_cast<redisReply*>(reply));
    replies.push_back(ToReply(*owned, kMostDepth));
  }
  return replies;
}

absl::StatusOr<std::vector<RedisReply>> RedisClient::Run(const std::vector<RedisCommand>& commands) {
  return Run(commands.size(), [&](std::size_t i) -> const RedisCommand& { return commands[i]; });
}

absl::StatusOr<std::vector<RedisReply>> RedisClient::Run(std::size_t count, Make make) {
  const auto now = std::chrono::steady_clock::now();
  if (now < closed_until_) {
    ++counts_.refused;
    return absl::UnavailableError("Redis failed lately; not tried");
  }
  ++counts_.exchanges;
  auto replies = Exchange(count, make);
  if (replies.ok()) {
    failures_ = 0;
    counts_.open = false;
    return replies;
  }
  ++counts_.failures;
  // A late answer would be read as that of the next command.
  context_.reset();
  if (++failures_ >= options_.most_failures) {
    closed_until_ = std::chrono::steady_clock::now() + options_.pause;
    counts_.open = true;
  }
  return replies;
}

}  // namespace perennial
