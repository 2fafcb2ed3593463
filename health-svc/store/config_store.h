#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/storage/sqlite.h"

namespace perennial::health {

// A revision of something that people configure (a scorecard, a flag rule). Revisions never change.
struct ConfigRevision {
  // What it is, for example "scorecard".
  std::string kind;
  std::string id;
  std::int64_t revision = 0;
  // To the microsecond.
  absl::Time time;
  std::string author = {};
  std::string note = {};
  bool shipped = false;
  bool deleted = false;
  // The message, serialized.
  std::string body = {};

  bool operator==(const ConfigRevision&) const = default;
};

// Keeps revisions of the configuration, in the file of SqliteHealthStore, which must have been opened before. Safe for
// many threads.
//
// Errors besides those named: UNAVAILABLE (try again), RESOURCE_EXHAUSTED (disk full), INTERNAL.
class ConfigStore {
 public:
  static absl::StatusOr<std::unique_ptr<ConfigStore>> Open(const std::string& path);

  // Stores all or none; OK means that they are on disk. ALREADY_EXISTS when one of the revisions is taken.
  absl::Status Append(const std::vector<ConfigRevision>& revisions);
  // The newest revision of each id, by id; those that say deleted, too.
  absl::StatusOr<std::vector<ConfigRevision>> Newest(absl::string_view kind);
  // NOT_FOUND when there is no such revision.
  absl::StatusOr<ConfigRevision> Get(absl::string_view kind, absl::string_view id, std::int64_t revision);
  // Revisions below `before`, newest first, at most `limit`.
  absl::StatusOr<std::vector<ConfigRevision>> List(absl::string_view kind, absl::string_view id, std::int64_t before,
                                                   int limit);

 private:
  ConfigStore(const std::string& path, std::unique_ptr<sqlite::Connection> writer);

  Mutex mu_;
  const std::unique_ptr<sqlite::Connection> writer_ ABSL_PT_GUARDED_BY(mu_);
  sqlite::ReaderPool readers_;
};

// Kinds of configuration.
constexpr const char* kScorecardKind = "scorecard";
constexpr const char* kFlagRuleKind = "flag-rule";

}  // namespace perennial::health
