// Thousands of accounts, hundreds of segments, some of segments, lists and decisions by hand; changes, clock steps,
// definition edits, failing disks and restarts in any order: after each, membership is what a full evaluation from
// nothing gives, and so are the events applied to an empty set.
//
// The short version runs always; the full one of 10,000 accounts and 300 segments with PERENNIAL_LONG set.

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>

#include "segment-svc/member_decisions.h"
#include "tests/segments/engine_fixture.h"
#include "tests/segments/membership_model.h"
#include "tests/testing/status_matchers.h"

namespace perennial::segments {
namespace {

using perennial::testing::IsOk;
using testing::EngineTest;
using testing::MembershipModel;
using testing::TestTime;

struct Size {
  int accounts = 300;
  int segments = 60;
  int nested = 12;
  int rounds = 60;
};

Size SizeOfRun() {
  if (std::getenv("PERENNIAL_LONG") == nullptr) return {};
  return {.accounts = 10'000, .segments = 300, .nested = 30, .rounds = 40};
}

class MembershipModelTest : public EngineTest, public ::testing::WithParamInterface<int> {
 protected:
  using Marks = MembershipModel::Marks;

  int Random(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }
  static std::string AccountId(int i) { return absl::StrCat("a", i); }
  static std::string SegmentId(int i) { return absl::StrCat("s", i); }

  // The last `nested` segments call others, of smaller numbers, some of those nested themselves.
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
    MembershipModel::Segment segment = RandomSegment(number);
    segment.is_static = segment.called.empty() && Random(20) == 0;
    v1::CreateSegmentRequest request;
    request.set_segment_id(SegmentId(number));
    request.mutable_segment()->set_display_name("x");
    if (segment.is_static) {
      request.mutable_segment()->set_kind(v1::SEGMENT_KIND_STATIC);
    } else {
      request.mutable_segment()->set_filter(segment.Filter());
    }
    ASSERT_THAT(segments->Create(request), IsOk());
    model_.segments[SegmentId(number)] = segment;
  }
  void ChangeDefinition() {
    const int number = Random(size_.segments);
    const std::string id = SegmentId(number);
    const auto found = model_.segments.find(id);
    if (found == model_.segments.end()) return CreateSegment(number);
    const bool called = std::any_of(model_.segments.begin(), model_.segments.end(),
                                    [&](const auto& other) { return other.second.called == id; });
    if (!called && Random(4) == 0) {
      ASSERT_THAT(Delete(id), IsOk());
      model_.segments.erase(found);
    } else if (!found->second.is_static) {
      MembershipModel::Segment segment = RandomSegment(number);
      segment.added = found->second.added;
      segment.removed = found->second.removed;
      ASSERT_THAT(SetFilter(id, segment.Filter()), IsOk());
      found->second = segment;
    }
  }
  void DecideByHand() {
    const auto at = std::next(model_.segments.begin(), Random(static_cast<int>(model_.segments.size())));
    MembershipModel::Segment& segment = at->second;
    const int i = Random(size_.accounts);
    if (!model_.accounts[static_cast<std::size_t>(i)].live) return;
    MemberDecisions decisions(*engine, *store);
    const auto request = [&](auto empty) {
      empty.set_parent("segments/" + at->first);
      empty.add_accounts("accounts/" + AccountId(i));
      return empty;
    };
    const int what = Random(3);
    segment.added.erase(i);
    segment.removed.erase(i);
    if (what == 0) {
      ASSERT_THAT(decisions.Add(request(v1::AddMemberRequest())), IsOk());
      segment.added.insert(i);
    } else if (what == 1) {
      ASSERT_THAT(decisions.Remove(request(v1::RemoveMemberRequest())), IsOk());
      if (!segment.is_static) segment.removed.insert(i);
    } else {
      ASSERT_THAT(decisions.Reset(request(v1::ResetMemberRequest())), IsOk());
    }
  }
  void ChangeAccount() {
    const int i = Random(size_.accounts);
    MembershipModel::Account& account = model_.accounts[static_cast<std::size_t>(i)];
    if (account.live && Random(8) == 0) {
      account = {};
      accounts.Delete(AccountId(i), clock.Now());
      scores.Delete(AccountId(i));
      return;
    }
    account.live = true;
    testing::Values values;
    account.mrr = Random(6) == 0 ? std::nullopt : std::optional<double>(Random(100));
    account.plan = Random(6) == 0 ? std::nullopt : std::optional<int>(Random(5));
    account.last_seen = Random(6) == 0 ? std::nullopt
                                       : std::optional(clock.Now() - absl::Hours(Random(24 * 100)));
    if (account.mrr.has_value()) values["mrr"] = *account.mrr;
    if (account.plan.has_value()) values["plan"] = absl::StrCat("plan-", *account.plan);
    if (account.last_seen.has_value()) values["last_seen"] = *account.last_seen;
    accounts.Put(AccountId(i), values, clock.Now());
  }
  void ChangeScore() {
    const int i = Random(size_.accounts);
    MembershipModel::Account& account = model_.accounts[static_cast<std::size_t>(i)];
    if (!account.live) return;
    account.score = Random(6) == 0 ? std::nullopt : std::optional<double>(Random(100));
    scores.Put(AccountId(i), {.score = account.score, .facts_revision = accounts.revision()}, clock.Now());
  }
  void Step() {
    switch (Random(10)) {
      case 0: return Restart();
      case 1:
        clock.Advance(absl::Hours(Random(72)));
        return;
      case 2:
        store->failing = true;
        SyncFacts().IgnoreError();  // fails when there is something to store
        SyncScores().IgnoreError();
        engine->Sweep().IgnoreError();
        store->failing = false;
        return;
      case 3:
        Sync();
        return ChangeDefinition();
      case 4:
        Sync();
        return DecideByHand();
      case 5:
        for (int i = Random(20); i >= 0; --i) ChangeScore();
        return;
      case 6: ASSERT_THAT(SyncFacts(), IsOk()); return;
      case 7: return Sync();
      default:
        for (int i = Random(20); i >= 0; --i) ChangeAccount();
    }
  }

  [[nodiscard]] Marks Present() const {
    return engine->Read([&](const SegmentView& view) {
      Marks marks;
      for (const auto& [id, segment] : view.segments) {
        std::vector<bool>& members = marks[id];
        members.resize(model_.accounts.size());
        for (const facts::RowId row : segment.members) {
          members[std::stoul(view.facts.table().account_id(row).substr(1))] = true;
        }
      }
      return marks;
    });
  }
  // Applies events that came since the last time.
  void Replay() {
    for (const EventRecord& event : Events(replayed_to_)) {
      ASSERT_EQ(event.revision, ++replayed_to_);
      std::vector<bool>& members = replayed_[event.segment_id];
      members.resize(model_.accounts.size());
      const std::size_t account = std::stoul(event.account_id.substr(1));
      ASSERT_NE(members[account], event.entered) << "event " << event.revision;
      members[account] = event.entered;
    }
    // A deleted segment is empty.
    for (auto& [id, members] : replayed_) {
      if (model_.segments.contains(id)) continue;
      ASSERT_EQ(std::count(members.begin(), members.end(), true), 0) << id;
    }
    for (const auto& [id, segment] : model_.segments) replayed_[id].resize(model_.accounts.size());
    std::erase_if(replayed_, [&](const auto& entry) { return !model_.segments.contains(entry.first); });
  }

  const Size size_ = SizeOfRun();
  MembershipModel model_{size_.accounts};
  std::mt19937 random_{static_cast<std::mt19937::result_type>(GetParam())};
  Marks replayed_;
  std::int64_t replayed_to_ = 0;
};

TEST_P(MembershipModelTest, IsAlwaysWhatAFullEvaluationGivesAndWhatTheEventsAddUpTo) {
  accounts.Define("mrr", facts::FactType::kNumber);
  accounts.Define("plan", facts::FactType::kString);
  accounts.Define("last_seen", facts::FactType::kTime);
  for (int i = 0; i < size_.accounts; ++i) ChangeAccount();
  Sync();
  for (int i = 0; i < size_.segments; ++i) CreateSegment(i);
  ASSERT_FALSE(HasFailure());
  for (int round = 0; round < size_.rounds; ++round) {
    for (int i = 0; i < 12; ++i) Step();
    ASSERT_FALSE(HasFailure());
    Sync();
    ASSERT_THAT(engine->Sweep(), IsOk());
    const Marks expected = model_.Evaluate(clock.Now());
    // Not EXPECT_EQ, whose message would be megabytes.
    ASSERT_TRUE(Present() == expected) << "round " << round;
    Replay();
    ASSERT_FALSE(HasFailure());
    ASSERT_TRUE(replayed_ == expected) << "events, round " << round;
  }
  EXPECT_GT(replayed_to_, 1000);
}

INSTANTIATE_TEST_SUITE_P(Seeds, MembershipModelTest, ::testing::Range(1, 4));

}  // namespace
}  // namespace perennial::segments
