#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "cli/account_names.h"
#include "cli/client.h"
#include "cli/flag_rules.h"
#include "cli/global_options.h"
#include "cli/terminal.h"
#include "cli/watch_events.h"
#include "cli/watch_state.h"
#include "cli/watch_streams.h"
#include "common/base/mutex.h"
#include "perennial/segments/v1/segment_service.pb.h"

namespace perennial::cli {

// One run of `perennial watch`: two streams, of scores and of memberships, told as one list of events from now on.
class WatchSession {
 public:
  // `segment`: "segments/{segment}" to tell only its members' scores and flags, and who enters and leaves it; empty for
  // all.
  WatchSession(const GlobalOptions& options, const Client& client, std::string segment);

  // Runs until Stop() and returns OK then, or the first error that can't be waited out.
  absl::Status Run();

  // From any thread.
  void Stop() { stop_.Stop(); }

 private:
  absl::Status FollowMemberships();
  absl::Status FollowScores();
  void TakeMemberships(const perennial::segments::v1::WatchMembershipResponse& response);
  void TakeScores(const perennial::health::v1::WatchHealthScoresResponse& response);

  // Follows a stream; tells once that it broke off, and once that it is back.
  template <class Response>
  absl::Status FollowAndNote(Following<Response> following);
  // One stream has seen everything up to now and tells its events from here on.
  void CatchUp(bool* ready);
  void Tell(const std::vector<WatchEvent>& events);
  // A line for the person who watches, on standard error; not twice in a row.
  void Note(const std::string& message);
  bool IsWatched(const std::string& account);

  const GlobalOptions& options_;
  const Client& client_;
  const std::string segment_;
  const Terminal terminal_;
  FlagRules rules_;
  AccountNames names_;
  StopToken stop_;

  ScoreState scores_;  // used by the thread of scores only
  bool scores_ready_ = false;
  std::string scores_token_;
  bool memberships_ready_ = false;  // used by the thread of memberships only
  std::string memberships_feed_id_;  // so is this

  Mutex mutex_;
  absl::flat_hash_set<std::string> members_ ABSL_GUARDED_BY(mutex_);
  int streams_ready_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string last_note_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace perennial::cli
