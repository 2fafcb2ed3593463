// A running `watch`: where it begins, what it tells, how it resumes and how it ends.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <mutex>
#include <ostream>
#include <streambuf>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/watch_session.h"
#include "common/base/time_util.h"
#include "tests/cli/views_fake_gateway.h"
#include "tests/cli/views_sample.h"

namespace perennial::cli {
namespace {

using perennial::health::v1::WatchHealthScoresResponse;
using perennial::segments::v1::WatchMembershipResponse;
using testing::FakeGateway;
using ::testing::HasSubstr;
using testing::Moment;
using ::testing::Not;

constexpr std::chrono::seconds kPatience(60);

// Text that one thread writes and another waits for.
class SharedText final : public std::streambuf {
 public:
  // Whether `part` appears in time.
  bool WaitFor(const std::string& part) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return absl::StrContains(text_, part); });
  }
  std::string text() {
    const std::scoped_lock lock(mutex_);
    return text_;
  }

 protected:
  std::streamsize xsputn(const char* bytes, std::streamsize count) override {
    const std::scoped_lock lock(mutex_);
    text_.append(bytes, static_cast<std::size_t>(count));
    changed_.notify_all();
    return count;
  }
  int_type overflow(int_type byte) override {
    const char one = static_cast<char>(byte);
    xsputn(&one, 1);
    return byte;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string text_;
};

WatchHealthScoresResponse Score(const std::string& account, std::int64_t revision, double score,
                                const std::string& band, const std::vector<std::string>& flags = {}) {
  WatchHealthScoresResponse message;
  auto* update = message.add_updates();
  update->set_account_id(account);
  update->set_revision(revision);
  update->mutable_health_score()->set_score(score);
  update->mutable_health_score()->set_band(band);
  *update->mutable_health_score()->mutable_as_of() = Moment();
  for (const std::string& flag : flags) update->mutable_health_score()->add_open_flags(flag);
  message.set_progress_revision(revision);
  message.set_progress_token(absl::StrCat(revision));
  message.set_caught_up(true);
  return message;
}

WatchMembershipResponse Membership(const std::string& account, std::int64_t revision, bool entered) {
  WatchMembershipResponse message;
  auto* event = message.add_events();
  event->set_revision(revision);
  event->set_segment("segments/at-risk");
  event->set_account("accounts/" + account);
  event->set_kind(entered ? perennial::segments::v1::MEMBERSHIP_EVENT_KIND_ENTERED
                          : perennial::segments::v1::MEMBERSHIP_EVENT_KIND_LEFT);
  *event->mutable_event_time() = Moment();
  message.set_progress_revision(revision);
  message.set_caught_up(true);
  return message;
}

class WatchTest : public ::testing::Test {
 protected:
  WatchTest() : out_stream_(&out_), err_stream_(&err_) {
    perennial::accounts::v1::Account account;
    account.set_name("accounts/nw-1");
    account.set_display_name("Northwind Traders");
    fake_.accounts.push_back(account);
    options_.gateway = fake_.address();
    options_.out = &out_stream_;
    options_.err = &err_stream_;
    // What had happened before: a flag was raised, an account had entered.
    fake_.scores.Send(Score("nw-1", 5, 50, "yellow", {"old"}));
    fake_.memberships.Send(Membership("nw-1", 3, true));
  }

  ~WatchTest() override { EXPECT_TRUE(Stop().ok()); }

  // Begins to watch and waits until it is at "now".
  void Start(const std::string& segment = "") {
    client_ = std::make_unique<Client>(options_);
    session_ = std::make_unique<WatchSession>(options_, *client_, segment);
    thread_ = std::thread([this] { status_ = session_->Run(); });
    ASSERT_TRUE(err_.WaitFor("from now on")) << err_.text();
  }

  absl::Status Stop() {
    if (thread_.joinable()) {
      session_->Stop();
      thread_.join();
    }
    return status_;
  }

  FakeGateway fake_;
  SharedText out_;
  SharedText err_;
  std::ostream out_stream_;
  std::ostream err_stream_;
  GlobalOptions options_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<WatchSession> session_;
  std::thread thread_;
  absl::Status status_;
};

TEST_F(WatchTest, TellsOnlyWhatComesAfterItsStart) {
  Start();
  fake_.scores.Send(Score("nw-1", 6, 38, "red", {"new"}));
  fake_.memberships.Send(Membership("nw-1", 4, false));
  EXPECT_TRUE(out_.WaitFor("Northwind Traders            50.0 →  38.0  ▼ 12  yellow → red\n")) << out_.text();
  EXPECT_TRUE(out_.WaitFor("raised ⚑ new\n"));
  EXPECT_TRUE(out_.WaitFor("cleared ⚑ old\n"));
  EXPECT_TRUE(out_.WaitFor("left at-risk\n"));
  EXPECT_THAT(out_.text(), Not(HasSubstr("entered")));
  EXPECT_THAT(out_.text(), Not(HasSubstr("\x1b")));
}

TEST_F(WatchTest, JsonIsOneObjectALine) {
  options_.json = true;
  Start();
  fake_.scores.Send(Score("nw-1", 6, 38, "red", {"old"}));
  ASSERT_TRUE(out_.WaitFor("\n"));
  const auto json = nlohmann::json::parse(out_.text());
  EXPECT_EQ(json.at("event"), "score_changed");
  EXPECT_EQ(json.at("display_name"), "Northwind Traders");
  EXPECT_EQ(json.at("before").at("score"), 50.0);
  EXPECT_EQ(json.at("after").at("band"), "red");
}

TEST_F(WatchTest, ResumesFromWhereItWasWhenTheConnectionBreaks) {
  Start();
  fake_.scores.BreakOff({grpc::StatusCode::UNAVAILABLE, "draining"});
  ASSERT_TRUE(err_.WaitFor("watch resumes by itself")) << err_.text();
  fake_.scores.Send(Score("nw-1", 6, 38, "red", {"old"}));
  ASSERT_TRUE(out_.WaitFor("50.0 →  38.0")) << out_.text();
  EXPECT_TRUE(err_.WaitFor("the connection is back"));
  EXPECT_THAT(fake_.scores.starts(), ::testing::ElementsAre(0, 5));
  EXPECT_EQ(fake_.memberships.starts().size(), 1U) << "the other stream went on";
}

TEST_F(WatchTest, BeginsAnewWhenTheServerForgotItsRevisions) {
  Start();
  fake_.scores.Restart();
  fake_.scores.Send(Score("nw-1", 1, 60, "yellow"));
  fake_.scores.Send(Score("nw-1", 2, 70, "yellow"));
  EXPECT_TRUE(out_.WaitFor("60.0 →  70.0")) << out_.text() << err_.text();
  EXPECT_THAT(out_.text(), Not(HasSubstr("50.0"))) << "scores of the old data are no 'before'";
  EXPECT_THAT(fake_.scores.starts(), ::testing::ElementsAre(0, 5, 0));
}

TEST_F(WatchTest, ASegmentHidesOtherAccounts) {
  Start("segments/at-risk");
  fake_.scores.Send(Score("other", 6, 10, "red"));
  fake_.scores.Send(Score("nw-1", 7, 38, "red", {"old"}));
  EXPECT_TRUE(out_.WaitFor("50.0 →  38.0")) << out_.text();
  fake_.memberships.Send(Membership("other", 4, true));
  EXPECT_TRUE(out_.WaitFor("entered at-risk"));
  fake_.scores.Send(Score("other", 8, 20, "red"));
  EXPECT_TRUE(out_.WaitFor("10.0 →  20.0")) << "a member from now on";
  EXPECT_THAT(out_.text(), Not(HasSubstr("new, red")));
}

TEST_F(WatchTest, AnErrorThatCannotBeWaitedOutEndsIt) {
  Start();
  fake_.memberships.BreakOff({grpc::StatusCode::NOT_FOUND, "segments/at-risk does not exist"});
  thread_.join();
  EXPECT_EQ(status_.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(status_.message(), "cannot watch the segments: segments/at-risk does not exist");
  status_ = absl::OkStatus();
}

TEST_F(WatchTest, CtrlCEndsTheProgramWithSuccess) {
  int errors[2];
  ASSERT_EQ(pipe2(errors, O_CLOEXEC), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, errors[1], STDERR_FILENO);
  const std::string program = absl::StrCat(PERENNIAL_BINARY_DIR, "/perennial");
  const char* arguments[] = {"perennial", "watch", "-g", fake_.address().c_str(), nullptr};
  pid_t child = 0;
  ASSERT_EQ(posix_spawn(&child, program.c_str(), &actions, nullptr, const_cast<char**>(arguments), environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  close(errors[1]);
  std::string said;
  char byte = 0;
  while (!absl::StrContains(said, "\n") && read(errors[0], &byte, 1) == 1) said += byte;
  EXPECT_THAT(said, HasSubstr("watching all accounts from now on; Ctrl-C ends"));
  kill(child, SIGINT);
  int state = 0;
  ASSERT_EQ(waitpid(child, &state, 0), child);
  close(errors[0]);
  EXPECT_TRUE(WIFEXITED(state));
  EXPECT_EQ(WEXITSTATUS(state), 0);
}

}  // namespace
}  // namespace perennial::cli
