// The real process, killed with SIGKILL again and again while facts, scores and definitions change and the clock steps:
// after each restart membership is what a full evaluation from nothing gives, and so are the events, resumed where the
// watcher stood.
//
// The short version runs always; the full one of 10,000 accounts and 300 segments with PERENNIAL_LONG set, and another run of
// events with another PERENNIAL_SEED.

#include <gmock/gmock.h>

#include <cstdlib>
#include <memory>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/server/server.h"
#include "perennial/segments/v1/portfolio_service.grpc.pb.h"
#include "perennial/segments/v1/segment_service.grpc.pb.h"
#include "tests/segments/fake_upstream.h"
#include "tests/segments/membership_model.h"
#include "tests/testing/process.h"

namespace perennial::segments {
namespace {

using perennial::testing::Process;
using perennial::testing::ReadFile;
using perennial::testing::TemporaryFolder;
using testing::MembershipModel;

constexpr std::chrono::seconds kPatience{60};

struct Size {
  int accounts = 300;
  int segments = 40;
  int nested = 8;
  int rounds = 8;
};

Size SizeOfRun() {
  if (std::getenv("PERENNIAL_LONG") == nullptr) return {};
  return {.accounts = 10'000, .segments = 300, .nested = 30, .rounds = 60};
}

unsigned SeedOfRun() {
  const char* seed = std::getenv("PERENNIAL_SEED");
  return seed == nullptr ? 17 : static_cast<unsigned>(std::atoi(seed));
}

class KillModelTest : public ::testing::Test {
 protected:
  using Marks = MembershipModel::Marks;

  int Random(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }
  static std::string AccountId(int i) { return absl::StrCat("a", i); }
  static std::string SegmentId(int i) { return absl::StrCat("s", i); }

  static void SetDeadline(grpc::ClientContext& context) {
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
  }
  template <class Stub, class Request, class Response>
  static grpc::Status Call(Stub& stub,
                           grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                           const std::type_identity_t<Request>& request, Response* response) {
    grpc::ClientContext context;
    SetDeadline(context);
    return (stub.*method)(&context, request, response);
  }
  template <class Condition>
  static bool Eventually(Condition holds) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
  }

  // Starts the process with the clock fixed at now_, and waits until it has evaluated everything.
  void Start() {
    const std::string port_file = absl::StrCat(folder_.path(), "/port.", ++starts_);
    process_ = std::make_unique<Process>(
        std::vector<std::string>{
            absl::StrCat(PERENNIAL_BINARY_DIR, "/segment-svc"),
            absl::StrCat("--data=", folder_.path(), "/data"), "--port=0",
            absl::StrCat("--port_file=", port_file), absl::StrCat("--accounts=", upstream_.address()),
            absl::StrCat("--health=", upstream_.address()),
            absl::StrCat("--now=", absl::FormatTime(absl::RFC3339_full, now_, absl::UTCTimeZone()))},
        folder_.path() + "/log");
    ASSERT_TRUE(Eventually([&] { return !ReadFile(port_file).empty(); })) << ReadFile(folder_.path() + "/log");
    const auto channel = MakeChannel(ReadFile(port_file));
    segments_ = v1::SegmentService::NewStub(channel);
    portfolio_ = v1::PortfolioService::NewStub(channel);
    ASSERT_TRUE(Eventually([&] {
      v1::GetPortfolioReportResponse report;
      grpc::ClientContext context;
      SetDeadline(context);
      context.set_wait_for_ready(true);
      return portfolio_->GetPortfolioReport(&context, {}, &report).ok();
    })) << ReadFile(folder_.path() + "/log");
  }

  MembershipModel::Segment RandomSegment(int number) {
    MembershipModel::Segment segment;
    segment.reads = static_cast<MembershipModel::Reads>(Random(4));
    segment.bound = Random(100);
    segment.negated = Random(4) == 0;
    if (number >= size_.segments - size_.nested) {
      const std::string called = SegmentId(Random(number));
      if (model_.segments.contains(called)) segment.called = called;
      segment.called_negated = Random(3) == 0;
    }
    return segment;
  }
  void CreateSegment(int number) {
    const MembershipModel::Segment segment = RandomSegment(number);
    v1::CreateSegmentRequest request;
    request.set_segment_id(SegmentId(number));
    request.mutable_segment()->set_display_name("x");
    request.mutable_segment()->set_filter(segment.Filter());
    v1::CreateSegmentResponse response;
    const grpc::Status status = Call(*segments_, &v1::SegmentService::Stub::CreateSegment, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    model_.segments[SegmentId(number)] = segment;
  }
  // Edits a definition, and kills the process meanwhile when told so: then the edit is stored, or it is not.
  void ChangeDefinition(bool kill) {
    const int number = Random(size_.segments);
    const std::string id = SegmentId(number);
    MembershipModel::Segment changed = RandomSegment(number);
    MembershipModel::Segment& present = model_.segments.at(id);
    changed.added = present.added;
    changed.removed = present.removed;
    v1::UpdateSegmentRequest request;
    request.mutable_segment()->set_name("segments/" + id);
    request.mutable_segment()->set_filter(changed.Filter());
    request.mutable_update_mask()->add_paths("filter");
    v1::UpdateSegmentResponse response;
    grpc::Status status;
    std::thread caller(
        [&] { status = Call(*segments_, &v1::SegmentService::Stub::UpdateSegment, request, &response); });
    if (kill) {
      std::this_thread::sleep_for(std::chrono::microseconds(Random(4000)));
      process_->Kill();
    }
    caller.join();
    if (kill) {
      ASSERT_NO_FATAL_FAILURE(Start());
      v1::GetSegmentRequest get;
      get.set_name("segments/" + id);
      v1::GetSegmentResponse got;
      ASSERT_TRUE(Call(*segments_, &v1::SegmentService::Stub::GetSegment, get, &got).ok());
      const std::string& stored = got.segment().filter();
      ASSERT_TRUE(stored == changed.Filter() || (!status.ok() && stored == present.Filter())) << stored;
      if (stored == changed.Filter()) present = changed;
    } else {
      ASSERT_TRUE(status.ok()) << status.error_message();
      present = changed;
    }
  }
  void DecideByHand() {
    const int i = Random(size_.accounts);
    if (!model_.accounts[static_cast<std::size_t>(i)].live) return;
    const std::string id = SegmentId(Random(size_.segments));
    // Facts that came just now may not be in yet: the account must be known.
    ASSERT_NO_FATAL_FAILURE(CatchUp());
    v1::AddMemberRequest request;
    request.set_parent("segments/" + id);
    request.add_accounts("accounts/" + AccountId(i));
    v1::AddMemberResponse response;
    const grpc::Status status = Call(*segments_, &v1::SegmentService::Stub::AddMember, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    model_.segments.at(id).removed.erase(i);
    model_.segments.at(id).added.insert(i);
  }
  void ChangeAccount() {
    const int i = Random(size_.accounts);
    MembershipModel::Account& account = model_.accounts[static_cast<std::size_t>(i)];
    if (account.live && Random(8) == 0) {
      account = {};
      upstream_.Delete(AccountId(i));
      upstream_.DeleteScore(AccountId(i));
      return;
    }
    account.live = true;
    testing::Values values;
    account.mrr = Random(6) == 0 ? std::nullopt : std::optional<double>(Random(100));
    account.plan = Random(6) == 0 ? std::nullopt : std::optional<int>(Random(5));
    account.last_seen = Random(6) == 0 ? std::nullopt : std::optional(now_ - absl::Hours(Random(24 * 100)));
    if (account.mrr.has_value()) values["mrr"] = *account.mrr;
    if (account.plan.has_value()) values["plan"] = absl::StrCat("plan-", *account.plan);
    if (account.last_seen.has_value()) values["last_seen"] = *account.last_seen;
    upstream_.Put(AccountId(i), values);
  }
  void ChangeScore() {
    const int i = Random(size_.accounts);
    MembershipModel::Account& account = model_.accounts[static_cast<std::size_t>(i)];
    if (!account.live) return;
    account.score = Random(6) == 0 ? std::nullopt : std::optional<double>(Random(100));
    upstream_.PutScore(AccountId(i), {.score = account.score, .facts_revision = upstream_.revision()});
  }
  void ChangeData(int changes) {
    for (int i = 0; i < changes; ++i) {
      if (Random(3) == 0) {
        ChangeScore();
      } else {
        ChangeAccount();
      }
    }
    upstream_.SetScored();
  }

  // Takes events, from where it stands, until all facts there are have been evaluated.
  void CatchUp() {
    v1::WatchMembershipRequest request;
    request.set_start_revision(replayed_to_);
    grpc::ClientContext context;
    SetDeadline(context);
    const auto reader = segments_->WatchMembership(&context, request);
    v1::WatchMembershipResponse message;
    bool complete = false;
    while (!complete && reader->Read(&message)) {
      for (const v1::MembershipEvent& event : message.events()) {
        ASSERT_EQ(event.revision(), ++replayed_to_);
        std::vector<bool>& members = replayed_[event.segment().substr(event.segment().find('/') + 1)];
        members.resize(model_.accounts.size());
        const std::size_t account = std::stoul(event.account().substr(event.account().find('/') + 2));
        const bool entered = event.kind() == v1::MEMBERSHIP_EVENT_KIND_ENTERED;
        ASSERT_NE(members[account], entered) << "event " << event.revision();
        members[account] = entered;
      }
      complete = message.caught_up() && message.facts_revision() >= upstream_.revision();
    }
    ASSERT_TRUE(complete) << reader->Finish().error_message();
    context.TryCancel();
    (void)reader->Finish();
  }
  [[nodiscard]] std::vector<bool> Listed(const std::string& id) {
    std::vector<bool> members(model_.accounts.size());
    v1::ListMembersRequest request;
    request.set_parent("segments/" + id);
    request.set_page_size(1000);
    v1::ListMembersResponse response;
    do {
      response.Clear();
      const grpc::Status status = Call(*segments_, &v1::SegmentService::Stub::ListMembers, request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      for (const auto& member : response.members()) {
        members[std::stoul(member.account().substr(member.account().find('/') + 2))] = true;
      }
      request.set_page_token(response.next_page_token());
    } while (!response.next_page_token().empty());
    return members;
  }
  void Check(int segments_to_list) {
    ASSERT_NO_FATAL_FAILURE(CatchUp());
    const Marks expected = model_.Evaluate(now_);
    for (const auto& [id, members] : expected) {
      std::vector<bool>& replayed = replayed_[id];
      replayed.resize(members.size());
      ASSERT_TRUE(replayed == members) << "events of " << id << ": " << model_.segments.at(id).Filter();
    }
    for (int i = 0; i < segments_to_list; ++i) {
      const std::string id = SegmentId(segments_to_list == size_.segments ? i : Random(size_.segments));
      ASSERT_TRUE(Listed(id) == expected.at(id)) << id;
    }
  }

  const Size size_ = SizeOfRun();
  const TemporaryFolder folder_;
  testing::FakeUpstream upstream_;
  MembershipModel model_{size_.accounts};
  std::mt19937 random_{SeedOfRun()};
  absl::Time now_ = testing::TestTime();
  int starts_ = 0;
  std::unique_ptr<Process> process_;
  std::unique_ptr<v1::SegmentService::Stub> segments_;
  std::unique_ptr<v1::PortfolioService::Stub> portfolio_;
  Marks replayed_;
  std::int64_t replayed_to_ = 0;
};

TEST_F(KillModelTest, MembershipAndEventsOutliveSigkill) {
  upstream_.Define("mrr", facts::FactType::kNumber);
  upstream_.Define("plan", facts::FactType::kString);
  upstream_.Define("last_seen", facts::FactType::kTime);
  for (int i = 0; i < size_.accounts; ++i) ChangeAccount();
  upstream_.SetScored();
  ASSERT_NO_FATAL_FAILURE(Start());
  for (int i = 0; i < size_.segments; ++i) ASSERT_NO_FATAL_FAILURE(CreateSegment(i));
  ASSERT_NO_FATAL_FAILURE(Check(size_.segments));
  for (int round = 0; round < size_.rounds; ++round) {
    SCOPED_TRACE(absl::StrCat("round ", round));
    for (int i = Random(3); i >= 0; --i) ASSERT_NO_FATAL_FAILURE(ChangeDefinition(false));
    for (int i = Random(3); i >= 0; --i) ASSERT_NO_FATAL_FAILURE(DecideByHand());
    if (round % 2 == 0) {
      // While it evaluates and stores.
      ChangeData(size_.accounts / 20);
      std::this_thread::sleep_for(std::chrono::microseconds(Random(20'000)));
      process_->Kill();
      ChangeData(size_.accounts / 50);
      if (Random(2) == 0) now_ += absl::Hours(Random(72));
      ASSERT_NO_FATAL_FAILURE(Start());
    } else {
      ChangeData(size_.accounts / 50);
      ASSERT_NO_FATAL_FAILURE(ChangeDefinition(true));
    }
    ASSERT_NO_FATAL_FAILURE(Check(5));
  }
  ASSERT_NO_FATAL_FAILURE(Check(size_.segments));
  EXPECT_GT(replayed_to_, 1000);
}

}  // namespace
}  // namespace perennial::segments
