// WatchMembership as its callers see it.

#include <gmock/gmock.h>

#include "tests/segments/process_fixture.h"

namespace perennial::segments {
namespace {

using ::testing::SizeIs;
using testing::ProcessTest;

using WatchMembershipTest = ProcessTest;

TEST_F(WatchMembershipTest, WatchesFromAnyRevisionWithoutGaps) {
  ASSERT_TRUE(Create("big", "mrr > 100").ok());
  ASSERT_TRUE(Create("small", "mrr <= 100").ok());
  for (int i = 0; i < 20; ++i) {
    upstream_.Put("acme", {{"mrr", i % 2 == 0 ? 200.0 : 50.0}});
    upstream_.SetScored();
    ASSERT_THAT(MembersAt("big", upstream_.revision()), SizeIs(i % 2 == 0 ? 2 : 1));
  }
  const Watched all = Watch(0);
  ASSERT_EQ(all.events.size(), 42U);
  for (std::size_t i = 0; i < all.events.size(); ++i) {
    EXPECT_EQ(all.events[i].revision(), static_cast<std::int64_t>(i + 1));
  }
  EXPECT_EQ(all.progress, 42);
  const Watched rest = Watch(40);
  ASSERT_EQ(rest.events.size(), 2U);
  EXPECT_EQ(rest.events[0].SerializeAsString(), all.events[40].SerializeAsString());
  const Watched small = Watch(0, "segments/small");
  EXPECT_EQ(small.events.size(), 21U);
  EXPECT_EQ(small.progress, 42);
  EXPECT_EQ(Watch(42, "segments/small").events.size(), 0U);
}

TEST_F(WatchMembershipTest, SendsEventsAsTheyHappen) {
  ASSERT_TRUE(Create("big", "mrr > 100").ok());
  v1::WatchMembershipRequest request;
  request.set_start_revision(1);
  grpc::ClientContext context;
  SetDeadline(context);
  const auto reader = segments_->WatchMembership(&context, request);
  v1::WatchMembershipResponse message;
  // The first message comes although there is nothing to tell.
  ASSERT_TRUE(reader->Read(&message));
  EXPECT_EQ(message.events_size(), 0);
  EXPECT_TRUE(message.caught_up());
  EXPECT_EQ(message.progress_revision(), 1);
  upstream_.Put("acme", {{"mrr", 200.0}});
  upstream_.SetScored();
  do {
    ASSERT_TRUE(reader->Read(&message));
  } while (message.events().empty());
  EXPECT_EQ(message.events(0).account(), "accounts/acme");
  EXPECT_EQ(message.events(0).segment(), "segments/big");
  EXPECT_EQ(message.events(0).kind(), v1::MEMBERSHIP_EVENT_KIND_ENTERED);
  EXPECT_EQ(message.events(0).cause(), v1::MEMBERSHIP_CAUSE_DATA);
  EXPECT_EQ(message.events(0).revision(), 2);
}

TEST_F(WatchMembershipTest, RefusesAWatchThatCannotBe) {
  EXPECT_EQ(Watch(1).status.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(Watch(-1, "big").status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Watch(0, "segments/none").status.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(WatchMembershipTest, ResumesOnlyTheFeedThatTheRevisionCameFrom) {
  ASSERT_TRUE(Create("big", "mrr > 100").ok());
  const auto first = [this](const std::string& feed_id, v1::WatchMembershipResponse* message) {
    v1::WatchMembershipRequest request;
    request.set_feed_id(feed_id);
    grpc::ClientContext context;
    SetDeadline(context);
    const auto reader = segments_->WatchMembership(&context, request);
    if (!reader->Read(message)) return reader->Finish();
    context.TryCancel();
    (void)reader->Finish();
    return grpc::Status::OK;
  };
  v1::WatchMembershipResponse message;
  ASSERT_TRUE(first("", &message).ok());
  const std::string feed_id = message.feed_id();
  EXPECT_EQ(feed_id.size(), 16U);
  Restart();
  ASSERT_TRUE(first(feed_id, &message).ok());
  EXPECT_EQ(message.feed_id(), feed_id);
  EXPECT_EQ(first("another", &message).error_code(), grpc::StatusCode::OUT_OF_RANGE);
}

}  // namespace
}  // namespace perennial::segments
