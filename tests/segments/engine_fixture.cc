#include "tests/segments/engine_fixture.h"

#include <cstdlib>
#include <filesystem>
#include <utility>

#include "tests/testing/status_matchers.h"

namespace perennial::segments::testing {

using perennial::testing::IsOk;

TempFolder::TempFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "segments_test.XXXXXX").string();
  path_ = mkdtemp(pattern.data());
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void EngineTest::Restart(const std::vector<SegmentRecord>& shipped) {
  segments.reset();
  engine.reset();
  store.reset();
  auto opened = SqliteSegmentStore::Open(folder.path() + "/segments.db");
  ASSERT_THAT(opened, IsOk());
  store = std::make_unique<FlakyStore>(*std::move(opened));
  auto started = SegmentEngine::Open(*store, clock, shipped, [] {});
  ASSERT_THAT(started, IsOk());
  engine = *std::move(started);
  segments = std::make_unique<Segments>(*engine);
}

absl::Status EngineTest::SyncScores() {
  scores.SetFactsRevision(accounts.revision());
  return engine->Apply(scores.Since(engine->scores_resume()));
}

absl::Status EngineTest::SyncValues() {
  values.SetFactsRevision(accounts.revision());
  return engine->Apply(values.Since(engine->values_resume(0)));
}

void EngineTest::Sync() {
  ASSERT_THAT(SyncFacts(), IsOk());
  ASSERT_THAT(SyncScores(), IsOk());
  ASSERT_THAT(SyncValues(), IsOk());
}

v1::CreateSegmentRequest EngineTest::CreateRequest(const std::string& id, const std::string& filter) {
  v1::CreateSegmentRequest request;
  request.set_segment_id(id);
  request.mutable_segment()->set_display_name("The " + id);
  request.mutable_segment()->set_filter(filter);
  return request;
}

v1::Segment EngineTest::Create(const std::string& id, const std::string& filter) {
  const auto created = segments->Create(CreateRequest(id, filter));
  EXPECT_THAT(created, IsOk()) << created.status();
  return created.ok() ? created->segment() : v1::Segment();
}

absl::StatusOr<v1::UpdateSegmentResponse> EngineTest::SetFilter(const std::string& id, const std::string& filter) {
  v1::UpdateSegmentRequest request;
  request.mutable_segment()->set_name("segments/" + id);
  request.mutable_segment()->set_filter(filter);
  return segments->Update(request);
}

absl::Status EngineTest::Delete(const std::string& id) {
  v1::DeleteSegmentRequest request;
  request.set_name("segments/" + id);
  return segments->Delete(request).status();
}

MembersBySegment EngineTest::AllMembers() {
  return engine->Read([](const SegmentView& view) {
    MembersBySegment all;
    for (const auto& [id, segment] : view.segments) {
      for (const facts::RowId row : segment.members) all[id].insert(view.facts.table().account_id(row));
    }
    return all;
  });
}

Members EngineTest::MembersOf(const std::string& id) { return AllMembers()[id]; }

std::vector<EventRecord> EngineTest::Events(std::int64_t after) {
  auto events = store->Events(after, 1'000'000'000, "");
  EXPECT_THAT(events, IsOk());
  return events.ok() ? *std::move(events) : std::vector<EventRecord>();
}

MembersBySegment EngineTest::Replayed() {
  MembersBySegment members;
  std::int64_t revision = 0;
  for (const EventRecord& event : Events()) {
    EXPECT_EQ(event.revision, ++revision);
    Members& segment = members[event.segment_id];
    const bool fits = event.entered ? segment.insert(event.account_id).second : segment.erase(event.account_id) == 1;
    EXPECT_TRUE(fits) << "event " << event.revision;
    if (segment.empty()) members.erase(event.segment_id);
  }
  return members;
}

}  // namespace perennial::segments::testing
