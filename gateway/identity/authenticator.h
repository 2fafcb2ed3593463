#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/server/file_watcher.h"
#include "gateway/identity/caller.h"
#include "gateway/identity/key_set.h"
#include "gateway/identity/token_list.h"
#include "gateway/identity/web_token.h"

namespace perennial::gateway {

// Whom a gateway believes. Both files are read again when they change; one that does not do never replaces what was read
// before.
struct IdentityOptions {
  // File of token hashes, see TokenList; empty for none.
  std::string tokens = {};
  // File with a JWKS, see KeySet; empty for none.
  std::string key_set = {};
  WebTokenRules web_tokens = {};
  std::chrono::milliseconds reload_interval{1000};

  // Without either, everybody may do everything.
  [[nodiscard]] bool required() const { return !tokens.empty() || !key_set.empty(); }
};

// Tells who calls by the credentials that come with a call. Safe to use from many threads.
class Authenticator {
 public:
  // Reads the files. FAILED_PRECONDITION with a sentence that names the file.
  static absl::StatusOr<std::unique_ptr<Authenticator>> Load(const IdentityOptions& options);

  // `authorization` are the values of all headers of that name: exactly one "Bearer ..." is taken. UNAUTHENTICATED with the same
  // answer whatever is wrong with it.
  [[nodiscard]] absl::StatusOr<Caller> Authenticate(const std::vector<absl::string_view>& authorization, absl::Time now);

  // How often changed files were refused.
  [[nodiscard]] std::int64_t refused_files() const;

 private:
  // What the files say.
  struct Known {
    TokenList tokens;
    std::shared_ptr<const KeySet> keys;  // null without a file
  };

  explicit Authenticator(const IdentityOptions& options) : rules_(options.web_tokens) {}
  absl::Status TakeTokens(const std::vector<std::string>& contents);
  absl::Status TakeKeys(const std::vector<std::string>& contents);
  [[nodiscard]] std::shared_ptr<const Known> known() const;
  absl::StatusOr<Caller> AuthenticateWebToken(absl::string_view token, absl::Time now);

  const WebTokenRules rules_;
  mutable Mutex mu_;
  std::shared_ptr<const Known> known_ ABSL_GUARDED_BY(mu_) = std::make_shared<Known>();
  // Tokens whose signature was found good, by hash: a signature takes a while to check. Forgotten when keys change.
  absl::flat_hash_map<std::string, VerifiedToken> verified_ ABSL_GUARDED_BY(mu_);
  std::vector<std::unique_ptr<FileWatcher>> watchers_;  // last: they use all of the above
};

}  // namespace perennial::gateway
