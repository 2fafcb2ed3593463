#include "cli/watch_session.h"

#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/json_output.h"

namespace perennial::cli {

using perennial::health::v1::WatchHealthScoresRequest;
using perennial::health::v1::WatchHealthScoresResponse;
using perennial::segments::v1::WatchMembershipRequest;
using perennial::segments::v1::WatchMembershipResponse;

namespace {

constexpr int kStreams = 2;

}  // namespace

WatchSession::WatchSession(const GlobalOptions& options, const Client& client, std::string segment)
    : options_(options),
      client_(client),
      segment_(std::move(segment)),
      terminal_(DetectTerminal(options)),
      names_(client) {}

absl::Status WatchSession::Run() {
  // The first call, which has a deadline: a gateway that isn't there is told at once.
  absl::StatusOr<FlagRules> rules = ReadFlagRules(client_);
  if (!rules.ok()) return rules.status();
  rules_ = *std::move(rules);
  absl::Status memberships;
  std::thread thread([this, &memberships] {
    memberships = FollowMemberships();
    if (!memberships.ok()) Stop();
  });
  const absl::Status scores = FollowScores();
  if (!scores.ok()) Stop();
  thread.join();
  return scores.ok() ? memberships : scores;
}

template <class Response>
absl::Status WatchSession::FollowAndNote(Following<Response> following) {
  bool broken = false;
  following.take = [this, &broken, take = std::move(following.take)](const Response& response) {
    if (std::exchange(broken, false)) Note("the connection is back, nothing is lost");
    take(response);
  };
  following.interrupted = [this, &broken](const absl::Status& status) {
    // Advice that follows the reason is not for those who only have to wait.
    const absl::string_view reason = status.message().substr(0, status.message().find("; "));
    if (!std::exchange(broken, true)) Note(absl::StrCat(reason, "; watch resumes by itself"));
  };
  return Follow(client_, stop_, following);
}

absl::Status WatchSession::FollowMemberships() {
  Following<WatchMembershipResponse> following;
  following.what = "watch the segments";
  following.open = [this](grpc::ClientContext* context, std::int64_t revision) {
    WatchMembershipRequest request;
    request.set_start_revision(revision);
    request.set_segment(segment_);
    request.set_feed_id(memberships_feed_id_);
    return client_.segments->WatchMembership(context, request);
  };
  following.take = [this](const WatchMembershipResponse& response) { TakeMemberships(response); };
  following.reset = [this] {
    memberships_feed_id_.clear();
    memberships_ready_ = false;
    const MutexLock lock(mutex_);
    members_.clear();
  };
  return FollowAndNote(std::move(following));
}

absl::Status WatchSession::FollowScores() {
  Following<WatchHealthScoresResponse> following;
  following.what = "watch the scores";
  following.open = [this](grpc::ClientContext* context, std::int64_t) {
    WatchHealthScoresRequest request;
    request.set_start_token(scores_token_);  // several replicas have no revision in common
    return client_.scores->WatchHealthScores(context, request);
  };
  following.take = [this](const WatchHealthScoresResponse& response) { TakeScores(response); };
  following.reset = [this] {
    scores_token_.clear();
    scores_ready_ = false;
    scores_.Clear();
  };
  return FollowAndNote(std::move(following));
}

void WatchSession::TakeMemberships(const WatchMembershipResponse& response) {
  if (!response.feed_id().empty()) memberships_feed_id_ = response.feed_id();
  std::vector<WatchEvent> events;
  for (const auto& event : response.events()) {
    WatchEvent change = MembershipChange(event);
    if (!segment_.empty()) {
      const MutexLock lock(mutex_);
      if (change.kind == WatchKind::kSegmentEntered) {
        members_.insert(change.account);
      } else {
        members_.erase(change.account);
      }
    }
    if (memberships_ready_) events.push_back(std::move(change));
  }
  Tell(events);
  if (response.caught_up()) CatchUp(&memberships_ready_);
}

void WatchSession::TakeScores(const WatchHealthScoresResponse& response) {
  scores_token_ = response.progress_token();
  std::vector<WatchEvent> events;
  for (const auto& update : response.updates()) {
    for (WatchEvent& event : scores_.Apply(update)) {
      if (scores_ready_ && IsWatched(event.account)) events.push_back(std::move(event));
    }
  }
  Tell(events);
  if (response.caught_up()) CatchUp(&scores_ready_);
}

bool WatchSession::IsWatched(const std::string& account) {
  if (segment_.empty()) return true;
  const MutexLock lock(mutex_);
  return members_.contains(account);
}

void WatchSession::CatchUp(bool* ready) {
  if (std::exchange(*ready, true)) return;
  bool first_time = false;
  {
    const MutexLock lock(mutex_);
    first_time = ++streams_ready_ == kStreams;
  }
  if (first_time) {
    Note(absl::StrCat("watching ", segment_.empty() ? "all accounts" : segment_, " from now on; Ctrl-C ends"));
  }
}

void WatchSession::Tell(const std::vector<WatchEvent>& events) {
  if (events.empty()) return;
  std::vector<std::string> accounts;
  accounts.reserve(events.size());
  for (const WatchEvent& event : events) accounts.push_back(event.account);
  names_.Load(accounts);
  std::string lines;
  for (const WatchEvent& event : events) {
    const std::string name = names_.Of(event.account);
    if (options_.json) {
      absl::StrAppend(&lines, OneLine(EventJson(event, name)), "\n");
    } else if (IsVisible(event)) {
      absl::StrAppend(&lines, RenderEvent(event, name, rules_, terminal_.width).Render(terminal_.colour), "\n");
    }
  }
  const MutexLock lock(mutex_);
  last_note_.clear();
  *options_.out << lines << std::flush;
}

void WatchSession::Note(const std::string& message) {
  const MutexLock lock(mutex_);
  if (message == last_note_) return;
  last_note_ = message;
  *options_.err << "perennial: " << message << std::endl;
}

}  // namespace perennial::cli
