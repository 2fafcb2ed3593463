// The rules for definitions: what is accepted, what is refused and how.

#include "segment-svc/segments.h"

#include <gmock/gmock.h>

#include "google/rpc/error_details.pb.h"
#include "segment-svc/preview.h"
#include "tests/segments/engine_fixture.h"
#include "tests/testing/status_matchers.h"

namespace perennial::segments {
namespace {

using perennial::testing::HasCode;
using perennial::testing::IsOk;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::EngineTest;
using testing::Members;
using testing::TestTime;

// Fields that an error names.
std::vector<std::string> FieldsOf(const absl::Status& status) {
  google::rpc::BadRequest detail;
  const auto payload = status.GetPayload("type.googleapis.com/google.rpc.BadRequest");
  if (payload.has_value()) detail.ParseFromString(std::string(*payload));
  std::vector<std::string> fields;
  for (const auto& violation : detail.field_violations()) fields.push_back(violation.field());
  return fields;
}

std::string ReasonOf(const absl::Status& status) {
  google::rpc::ErrorInfo detail;
  const auto payload = status.GetPayload("type.googleapis.com/google.rpc.ErrorInfo");
  if (payload.has_value()) detail.ParseFromString(std::string(*payload));
  return detail.reason();
}

class SegmentsTest : public EngineTest {
 protected:
  SegmentsTest() {
    accounts.Put("acme", {{"mrr", 50.0}});
    accounts.Put("beta", {{"mrr", 500.0}});
    accounts.Put("core", {{"mrr", 0.1}});
    Sync();
  }
  absl::StatusOr<v1::Segment> Get(const std::string& name) {
    v1::GetSegmentRequest request;
    request.set_name(name);
    auto got = segments->Get(request);
    if (!got.ok()) return got.status();
    return got->segment();
  }
  // An update of "big" that `change` fills in.
  template <class Change>
  absl::StatusOr<v1::UpdateSegmentResponse> Update(Change change) {
    v1::UpdateSegmentRequest request;
    request.mutable_segment()->set_name("segments/big");
    change(request);
    return segments->Update(request);
  }
};

TEST_F(SegmentsTest, AnswersWhatItStored) {
  v1::CreateSegmentRequest request = CreateRequest("big", "mrr > 100 AND mrr < 1000 OR mrr > 5000");
  request.mutable_segment()->set_description("Who pays a lot");
  request.mutable_segment()->set_name("segments/ignored");
  request.mutable_segment()->set_member_count(99);
  const auto created = segments->Create(request);
  ASSERT_THAT(created, IsOk());
  const v1::Segment& segment = created->segment();
  EXPECT_EQ(segment.name(), "segments/big");
  EXPECT_EQ(segment.display_name(), "The big");
  EXPECT_EQ(segment.description(), "Who pays a lot");
  EXPECT_EQ(segment.definition_revision(), 1);
  EXPECT_EQ(segment.member_count(), 1);
  EXPECT_EQ(segment.create_time().seconds(), absl::ToUnixSeconds(TestTime()));
  EXPECT_FALSE(segment.etag().empty());
  // OR binds tighter, and the answer says so.
  EXPECT_EQ(segment.canonical_filter(), created->filter_reading().canonical());
  EXPECT_THAT(created->filter_reading().canonical(), HasSubstr("(mrr < 1000 OR mrr > 5000)"));
  EXPECT_EQ(created->filter_reading().warnings_size(), 1);
  EXPECT_THAT(created->filter_reading().facts(), ElementsAre("mrr"));
  EXPECT_EQ(Get("segments/big")->SerializeAsString(), segment.SerializeAsString());
  Restart();
  EXPECT_EQ(Get("segments/big")->SerializeAsString(), segment.SerializeAsString());
}

TEST_F(SegmentsTest, NamesEveryBadFieldOfACreateAtOnce) {
  v1::CreateSegmentRequest request;
  request.set_segment_id("Big ones");
  request.mutable_segment()->set_display_name(std::string(129, 'x'));
  request.mutable_segment()->set_description(std::string(2049, 'x'));
  request.mutable_segment()->set_filter("mrrr > 1");
  const absl::Status status = segments->Create(request).status();
  EXPECT_THAT(status, HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(FieldsOf(status),
              ElementsAre("segment_id", "segment.display_name", "segment.description", "segment.filter"));
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("'mrrr'"), HasSubstr("1:1"), HasSubstr("'mrr'")));
}

TEST_F(SegmentsTest, NamesEveryRequiredFieldOfAnEmptyCreate) {
  const absl::Status status = segments->Create({}).status();
  EXPECT_THAT(status, HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(FieldsOf(status), ElementsAre("segment_id", "segment.display_name", "segment.filter"));
}

TEST_F(SegmentsTest, RefusesFiltersThatAreBlankTooLongOrBroken) {
  for (const std::string& filter : {std::string("  \t\n"), std::string(4097, 'x'), std::string("mrr >"),
                                    std::string("mrr > \"much\""), std::string("usage.never.sum_30d > 1")}) {
    const absl::Status status = segments->Create(CreateRequest("a", filter)).status();
    EXPECT_THAT(status, HasCode(absl::StatusCode::kInvalidArgument)) << filter;
    EXPECT_THAT(FieldsOf(status), ElementsAre("segment.filter")) << filter;
  }
  EXPECT_THAT(AllMembers(), IsEmpty());
}

TEST_F(SegmentsTest, RefusesASecondOfTheSameId) {
  Create("big", "mrr > 100");
  EXPECT_THAT(segments->Create(CreateRequest("big", "mrr > 1")), HasCode(absl::StatusCode::kAlreadyExists));
  EXPECT_EQ(Get("segments/big")->filter(), "mrr > 100");
}

TEST_F(SegmentsTest, ChecksWithoutStoring) {
  v1::CreateSegmentRequest request = CreateRequest("big", "mrr > 100");
  request.set_validate_only(true);
  const auto checked = segments->Create(request);
  ASSERT_THAT(checked, IsOk());
  EXPECT_EQ(checked->segment().member_count(), 1);
  EXPECT_THAT(Get("segments/big"), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(Events(), IsEmpty());
  EXPECT_EQ(Create("big", "mrr > 100").definition_revision(), 1);

  const auto update = Update([](auto& update) {
    update.mutable_segment()->set_filter("mrr > 10");
    update.set_validate_only(true);
  });
  ASSERT_THAT(update, IsOk());
  EXPECT_EQ(update->segment().member_count(), 2);
  EXPECT_EQ(update->segment().definition_revision(), 2);
  EXPECT_EQ(Get("segments/big")->member_count(), 1);
  EXPECT_EQ(Get("segments/big")->definition_revision(), 1);
  EXPECT_EQ(Events().size(), 1U);
  accounts.Put("acme", {{"mrr", 60.0}});
  Sync();
  EXPECT_EQ(MembersOf("big"), (Members{"beta"}));
}

TEST_F(SegmentsTest, RefusesNamesThatAreNone) {
  for (const char* name : {"", "big", "segments/", "segments/Big", "accounts/big", "segments/big/x", "segments/b_g"}) {
    EXPECT_THAT(Get(name), HasCode(absl::StatusCode::kInvalidArgument)) << name;
    v1::DeleteSegmentRequest remove;
    remove.set_name(name);
    EXPECT_THAT(segments->Delete(remove), HasCode(absl::StatusCode::kInvalidArgument)) << name;
    v1::UpdateSegmentRequest update;
    update.mutable_segment()->set_name(name);
    EXPECT_THAT(FieldsOf(segments->Update(update).status()), ElementsAre("segment.name")) << name;
  }
}

TEST_F(SegmentsTest, AnswersNotFoundForWhatIsNotThere) {
  EXPECT_THAT(Get("segments/big"), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(Delete("big"), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(SetFilter("big", "mrr > 1"), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(SegmentsTest, ListsByIdInPages) {
  for (const char* id : {"c", "a", "b"}) Create(id, "mrr > 1");
  v1::ListSegmentsRequest request;
  request.set_page_size(2);
  const auto first = segments->List(request);
  ASSERT_THAT(first, IsOk());
  ASSERT_EQ(first->segments_size(), 2);
  EXPECT_EQ(first->segments(1).name(), "segments/b");
  // A token survives what is written between the pages.
  Create("bb", "mrr > 1");
  request.set_page_token(first->next_page_token());
  const auto second = segments->List(request);
  ASSERT_THAT(second, IsOk());
  ASSERT_EQ(second->segments_size(), 2);
  EXPECT_EQ(second->segments(0).name(), "segments/bb");
  EXPECT_TRUE(second->next_page_token().empty());
}

TEST_F(SegmentsTest, EndsAFullLastPageWithoutAToken) {
  for (const char* id : {"a", "b"}) Create(id, "mrr > 1");
  v1::ListSegmentsRequest request;
  request.set_page_size(2);
  const auto page = segments->List(request);
  ASSERT_THAT(page, IsOk());
  EXPECT_EQ(page->segments_size(), 2);
  EXPECT_TRUE(page->next_page_token().empty());
}

TEST_F(SegmentsTest, RefusesABadPage) {
  v1::ListSegmentsRequest request;
  request.set_page_size(-1);
  request.set_page_token("garbage");
  EXPECT_THAT(FieldsOf(segments->List(request).status()), ElementsAre("page_size", "page_token"));
}

TEST_F(SegmentsTest, ChangesWhatIsSetWithoutAMask) {
  Create("big", "mrr > 100");
  clock.Advance(absl::Minutes(1));
  const auto updated = Update([](auto& update) { update.mutable_segment()->set_display_name("Bigger"); });
  ASSERT_THAT(updated, IsOk());
  EXPECT_EQ(updated->segment().display_name(), "Bigger");
  EXPECT_EQ(updated->segment().filter(), "mrr > 100");
  EXPECT_EQ(updated->segment().definition_revision(), 1);
  EXPECT_EQ(updated->segment().member_count(), 1);
  EXPECT_EQ(updated->segment().update_time().seconds(), updated->segment().create_time().seconds() + 60);
  EXPECT_EQ(updated->filter_reading().canonical(), updated->segment().canonical_filter());
}

TEST_F(SegmentsTest, ChangesOnlyWhatTheMaskNames) {
  Create("big", "mrr > 100");
  const auto updated = Update([](auto& update) {
    update.mutable_segment()->set_filter("mrr > 10");
    update.mutable_segment()->set_display_name("Not this");
    for (const char* path : {"filter", "description", "member_count", "name", "etag"}) {
      update.mutable_update_mask()->add_paths(path);
    }
  });
  ASSERT_THAT(updated, IsOk());
  EXPECT_EQ(updated->segment().display_name(), "The big");
  EXPECT_EQ(updated->segment().definition_revision(), 2);
  EXPECT_EQ(updated->segment().member_count(), 2);
}

TEST_F(SegmentsTest, ReplacesEverythingForAStar) {
  Create("big", "mrr > 100");
  ASSERT_THAT(Update([](auto& update) { update.mutable_segment()->set_description("Old words"); }), IsOk());
  const auto updated = Update([](auto& update) {
    update.mutable_segment()->set_filter("mrr > 100");
    update.mutable_segment()->set_display_name("New name");
    update.mutable_update_mask()->add_paths("*");
  });
  ASSERT_THAT(updated, IsOk());
  EXPECT_EQ(updated->segment().description(), "");
  EXPECT_EQ(updated->segment().definition_revision(), 1);
  const absl::Status emptied =
      Update([](auto& update) { update.mutable_update_mask()->add_paths("*"); }).status();
  EXPECT_THAT(FieldsOf(emptied), ElementsAre("segment.display_name", "segment.filter"));
}

TEST_F(SegmentsTest, NamesPathsThatAreNoFields) {
  Create("big", "mrr > 100");
  const absl::Status status = Update([](auto& update) {
                                for (const char* path : {"filter", "colour", "filter.text"}) {
                                  update.mutable_update_mask()->add_paths(path);
                                }
                              }).status();
  EXPECT_THAT(FieldsOf(status), ElementsAre("update_mask", "update_mask"));
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("'colour'"), HasSubstr("'filter.text'")));
  EXPECT_THAT(FieldsOf(Update([](auto& update) {
                         update.mutable_update_mask()->add_paths("*");
                         update.mutable_update_mask()->add_paths("filter");
                       }).status()),
              ElementsAre("update_mask"));
}

TEST_F(SegmentsTest, ChangesNothingWhenNothingChanges) {
  const v1::Segment created = Create("big", "mrr > 100");
  clock.Advance(absl::Minutes(1));
  const auto updated = SetFilter("big", "mrr > 100");
  ASSERT_THAT(updated, IsOk());
  EXPECT_EQ(updated->segment().SerializeAsString(), created.SerializeAsString());
}

TEST_F(SegmentsTest, AbortsOnAStaleEtag) {
  const v1::Segment created = Create("big", "mrr > 100");
  ASSERT_THAT(SetFilter("big", "mrr > 200"), IsOk());
  const absl::Status status = Update([&](auto& update) {
                                update.mutable_segment()->set_filter("mrr > 300");
                                update.mutable_segment()->set_etag(created.etag());
                              }).status();
  EXPECT_THAT(status, HasCode(absl::StatusCode::kAborted));
  EXPECT_EQ(ReasonOf(status), "STALE_ETAG");
  v1::DeleteSegmentRequest remove;
  remove.set_name("segments/big");
  remove.set_etag(created.etag());
  EXPECT_THAT(segments->Delete(remove), HasCode(absl::StatusCode::kAborted));
  remove.set_etag(Get("segments/big")->etag());
  EXPECT_THAT(segments->Delete(remove), IsOk());
}

TEST_F(SegmentsTest, GivesALaterSegmentOfTheSameIdAnotherEtag) {
  const std::string etag = Create("big", "mrr > 100").etag();
  ASSERT_THAT(Delete("big"), IsOk());
  const v1::Segment again = Create("big", "mrr > 100");
  EXPECT_NE(again.etag(), etag);
  EXPECT_EQ(again.definition_revision(), 1);
}

TEST_F(SegmentsTest, RefusesCyclesAndNamesThem) {
  Create("a", "mrr > 1");
  Create("b", "segment(\"a\")");
  Create("c", "segment(\"b\")");
  const absl::Status status = SetFilter("a", "segment(\"c\")").status();
  EXPECT_THAT(status, HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(std::string(status.message()), HasSubstr("a -> c -> b -> a"));
  EXPECT_THAT(std::string(segments->Create(CreateRequest("d", "segment(\"d\")")).status().message()),
              HasSubstr("d -> d"));
}

TEST_F(SegmentsTest, RefusesCallsOfUnknownSegmentsWithTheNearestName) {
  Create("at-risk", "mrr > 1");
  const absl::Status status = segments->Create(CreateRequest("b", "segment(\"at-rsk\")")).status();
  EXPECT_THAT(FieldsOf(status), ElementsAre("segment.filter"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("at-risk"));
}

TEST_F(SegmentsTest, RefusesToDeleteWhatOthersCallAndNamesThem) {
  Create("a", "mrr > 1");
  Create("b", "segment(\"a\")");
  Create("c", "NOT segment(\"a\")");
  const absl::Status status = Delete("a");
  EXPECT_THAT(status, HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(ReasonOf(status), "SEGMENT_IN_USE");
  EXPECT_THAT(std::string(status.message()), HasSubstr("b, c"));
  Restart();
  Sync();
  EXPECT_THAT(Delete("a"), HasCode(absl::StatusCode::kFailedPrecondition));
}

TEST_F(SegmentsTest, LetsMembersLeaveADeletedSegment) {
  Create("big", "mrr > 10");
  ASSERT_THAT(Delete("big"), IsOk());
  EXPECT_THAT(AllMembers(), IsEmpty());
  const auto events = Events();
  ASSERT_EQ(events.size(), 4U);
  EXPECT_FALSE(events[3].entered);
  EXPECT_EQ(events[3].cause, Cause::kDefinition);
  Restart();
  EXPECT_THAT(Get("segments/big"), HasCode(absl::StatusCode::kNotFound));
}

class PreviewTest : public SegmentsTest {
 protected:
  absl::StatusOr<v1::PreviewSegmentResponse> Run(const std::string& filter, const std::string& compare_to = "",
                                                 int sample_size = 0) {
    v1::PreviewSegmentRequest request;
    request.set_filter(filter);
    request.set_compare_to(compare_to);
    request.set_sample_size(sample_size);
    return Preview(*engine, "EUR").Run(request);
  }
};

TEST_F(PreviewTest, CountsAndAddsUpExactly) {
  accounts.Put("dime", {{"mrr", 0.2}});
  Sync();
  const auto preview = Run("mrr < 100");
  ASSERT_THAT(preview, IsOk());
  EXPECT_EQ(preview->count(), 3);
  EXPECT_EQ(preview->mrr().amount(), "50.3");
  EXPECT_EQ(preview->mrr().currency_code(), "EUR");
  EXPECT_THAT(preview->sample(), ElementsAre("accounts/acme", "accounts/dime", "accounts/core"));
  EXPECT_EQ(preview->filter_reading().canonical(), "mrr < 100");
  EXPECT_EQ(preview->facts_revision(), accounts.revision());
  EXPECT_THAT(Events(), IsEmpty());
}

TEST_F(PreviewTest, ComparesWithASegment) {
  Create("big", "mrr > 100");
  const auto preview = Run("mrr < 100", "segments/big", 1);
  ASSERT_THAT(preview, IsOk());
  EXPECT_EQ(preview->entering_count(), 2);
  EXPECT_EQ(preview->leaving_count(), 1);
  EXPECT_THAT(preview->entering_sample(), ElementsAre("accounts/acme"));
  EXPECT_THAT(preview->leaving_sample(), ElementsAre("accounts/beta"));
}

TEST_F(PreviewTest, ReadsOtherSegments) {
  Create("big", "mrr > 100");
  EXPECT_EQ(Run("NOT segment(\"big\")")->count(), 2);
}

TEST_F(PreviewTest, NamesEveryBadField) {
  EXPECT_THAT(FieldsOf(Run("", "big", -1).status()), ElementsAre("filter", "compare_to", "sample_size"));
  EXPECT_THAT(FieldsOf(Run("mrr ~ 1").status()), ElementsAre("filter"));
  EXPECT_THAT(Run("mrr > 1", "segments/nobody"), HasCode(absl::StatusCode::kNotFound));
  Restart();
  EXPECT_THAT(Run("mrr > 1"), HasCode(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace perennial::segments
