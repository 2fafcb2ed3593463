#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "cli/client.h"
#include "common/base/mutex.h"

namespace perennial::cli {

// What people call accounts, fetched when first needed and kept. Thread-safe.
class AccountNames {
 public:
  // `client` must outlive this.
  explicit AccountNames(const Client& client) : client_(client) {}

  // Fetches those of `accounts` ("accounts/{account}") that are not known yet, in few calls. What can't be read stays
  // unknown: names are decoration, and no reason to fail.
  void Load(const std::vector<std::string>& accounts);

  // The name, or the id of the account when it is unknown.
  [[nodiscard]] std::string Of(const std::string& account) const;

 private:
  void LoadBatch(const std::vector<std::string>& accounts);

  const Client& client_;
  mutable Mutex mutex_;
  absl::flat_hash_map<std::string, std::string> names_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace perennial::cli
