#include "gateway/identity/authenticator.h"

#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"

namespace perennial::gateway {
namespace {

constexpr std::size_t kMostVerified = 4096;
constexpr absl::string_view kScheme = "bearer ";

absl::Status Unauthenticated() {
  return WithReason(absl::UnauthenticatedError("send valid credentials: one header \"authorization: Bearer <token>\""),
                    "UNAUTHENTICATED");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Authenticator>> Authenticator::Load(const IdentityOptions& options) {
  auto authenticator = absl::WrapUnique(new Authenticator(options));
  Authenticator* const raw = authenticator.get();
  const auto watch = [&](const std::string& path, const FileWatcher::Take& take) -> absl::Status {
    if (path.empty()) return absl::OkStatus();
    PERENNIAL_ASSIGN_OR_RETURN(std::string content, ReadFile(path));
    const absl::Status status = take({content});
    if (!status.ok()) {
      return absl::FailedPreconditionError(absl::StrCat(path, " ", std::string(status.message())));
    }
    authenticator->watchers_.push_back(std::make_unique<FileWatcher>(
        std::vector<std::string>{path}, std::vector<std::string>{std::move(content)}, options.reload_interval, take));
    return absl::OkStatus();
  };
  PERENNIAL_RETURN_IF_ERROR(watch(options.tokens, [raw](const auto& contents) { return raw->TakeTokens(contents); }));
  PERENNIAL_RETURN_IF_ERROR(watch(options.key_set, [raw](const auto& contents) { return raw->TakeKeys(contents); }));
  return authenticator;
}

absl::Status Authenticator::TakeTokens(const std::vector<std::string>& contents) {
  PERENNIAL_ASSIGN_OR_RETURN(TokenList tokens, TokenList::Parse(contents[0]));
  MutexLock lock(mu_);
  auto next = std::make_shared<Known>(*known_);
  next->tokens = std::move(tokens);
  known_ = std::move(next);
  return absl::OkStatus();
}

absl::Status Authenticator::TakeKeys(const std::vector<std::string>& contents) {
  PERENNIAL_ASSIGN_OR_RETURN(KeySet keys, KeySet::Parse(contents[0]));
  MutexLock lock(mu_);
  auto next = std::make_shared<Known>(*known_);
  next->keys = std::make_shared<KeySet>(std::move(keys));
  known_ = std::move(next);
  verified_.clear();
  return absl::OkStatus();
}

std::shared_ptr<const Authenticator::Known> Authenticator::known() const {
  MutexLock lock(mu_);
  return known_;
}

absl::StatusOr<Caller> Authenticator::Authenticate(const std::vector<absl::string_view>& authorization,
                                                   absl::Time now) {
  if (authorization.size() != 1 || !absl::StartsWithIgnoreCase(authorization[0], kScheme)) return Unauthenticated();
  const absl::string_view token = authorization[0].substr(kScheme.size());
  if (token.empty() || token.size() > kLargestWebToken) return Unauthenticated();
  if (const std::optional<Caller> caller = known()->tokens.Find(token, now)) return *caller;
  return AuthenticateWebToken(token, now);
}

absl::StatusOr<Caller> Authenticator::AuthenticateWebToken(absl::string_view token, absl::Time now) {
  const std::shared_ptr<const Known> known = this->known();
  if (known->keys == nullptr) return Unauthenticated();
  const std::string digest = Sha256().Add(token).Digest();
  {
    MutexLock lock(mu_);
    const auto found = verified_.find(digest);
    if (found != verified_.end()) {
      if (found->second.expiry > now) return found->second.caller;
      verified_.erase(found);
    }
  }
  auto verified = VerifyWebToken(token, *known->keys, rules_, now);
  if (!verified.ok()) return Unauthenticated();
  MutexLock lock(mu_);
  if (known_->keys == known->keys) {  // else the token may be one of a key that has been withdrawn meanwhile
    if (verified_.size() >= kMostVerified) verified_.clear();
    verified_.emplace(digest, *verified);
  }
  return verified->caller;
}

std::int64_t Authenticator::refused_files() const {
  std::int64_t refused = 0;
  for (const auto& watcher : watchers_) refused += watcher->refused();
  return refused;
}

}  // namespace perennial::gateway
