#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
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

// A revision and its place in the order in which all were stored.
struct LoggedRevision {
  std::int64_t sequence = 0;
  ConfigRevision revision;
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

  // What other replicas follow: revisions of scorecards and flag rules after a place in the order in which they were stored, at
  // most `limit`.
  absl::StatusOr<std::vector<LoggedRevision>> Log(std::int64_t after, int limit);
  // The greatest place given out, of any kind. Does not block.
  [[nodiscard]] std::int64_t last_sequence() const { return last_sequence_; }
  // How far this store has followed the configuration of another replica; empty when it never did.
  absl::StatusOr<std::string> SourcePosition();
  // Stores what was followed, and how far that is, all or nothing; with `anew` in place of all scorecards and flag rules there are.
  absl::Status AppendFollowed(const std::vector<ConfigRevision>& revisions, const std::string& position, bool anew);
  // This store is followed by others from now on.
  absl::Status ForgetSource();

 private:
  ConfigStore(const std::string& path, std::unique_ptr<sqlite::Connection> writer);
  // Within a transaction; `sequence` becomes the greatest place given out.
  absl::Status Insert(const std::vector<ConfigRevision>& revisions, std::int64_t& sequence)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Mutex mu_;
  const std::unique_ptr<sqlite::Connection> writer_ ABSL_PT_GUARDED_BY(mu_);
  sqlite::ReaderPool readers_;
  std::atomic<std::int64_t> last_sequence_ = 0;
};

// Kinds of configuration.
constexpr const char* kScorecardKind = "scorecard";
constexpr const char* kFlagRuleKind = "flag-rule";

}  // namespace perennial::health
