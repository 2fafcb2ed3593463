// LifecycleService over the wire: what is kept of moves by hand that were taken back or replaced.
#include <gmock/gmock.h>

#include "perennial/accounts/v1/record_service.grpc.pb.h"
#include "tests/accounts/lifecycle_fixture.h"

namespace perennial::accounts::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class MoveTraceTest : public LifecycleFixture {
 protected:
  void SetUp() override {
    LifecycleFixture::SetUp();
    Subscribe(Ago(50));
  }
  grpc::Status List(const v1::ListPhaseMovesRequest& request, v1::ListPhaseMovesResponse* response) {
    response->Clear();
    return Send(*lifecycle_, &v1::LifecycleService::Stub::ListPhaseMoves, request, response);
  }
  // "SUCCESS 10 they said so ann", and "undone 0 bob a mistake" behind it.
  std::string Line(const v1::PhaseMove& move) {
    const auto days = [&](const google::protobuf::Timestamp& time) {
      return (clock_.Now() - ToTime(time)) / absl::Hours(24);
    };
    std::string line = absl::StrCat(v1::LifecyclePhase_Name(move.phase()).substr(16), " ", days(move.effective_time()), " ",
                                    move.reason(), " ", move.author());
    if (!move.has_undo_time()) return line;
    return absl::StrCat(line, " undone ", days(move.undo_time()), " ", move.undo_author(), " ", move.undo_reason());
  }
  std::vector<std::string> Moves(bool undone) {
    v1::ListPhaseMovesRequest request;
    request.set_parent("accounts/acme");
    request.set_show_undone(undone);
    v1::ListPhaseMovesResponse response;
    const grpc::Status status = List(request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.next_page_token(), "");
    std::vector<std::string> lines;
    for (const v1::PhaseMove& move : response.phase_moves()) {
      EXPECT_EQ(move.account(), "accounts/acme");
      lines.push_back(Line(move));
    }
    return lines;
  }
  v1::MoveAccountPhaseRequest UndoneElsewhere() {
    v1::MoveAccountPhaseRequest request = MoveOf(v1::LIFECYCLE_PHASE_SUCCESS, Ago(10));
    SetTimestamp(Ago(3), request.mutable_undone()->mutable_undo_time());
    request.mutable_undone()->set_undo_author("bob");
    request.mutable_undone()->set_undo_reason("a mistake");
    return request;
  }
};

TEST_F(MoveTraceTest, AMoveThatWasTakenBackStaysListedWithWhoWhenAndWhy) {
  ASSERT_TRUE(Move(MoveOf(v1::LIFECYCLE_PHASE_SUCCESS, Ago(10))).ok());
  ASSERT_TRUE(Undo(Ago(10), "bob", "a mistake").ok());
  EXPECT_THAT(Moves(false), IsEmpty());
  EXPECT_THAT(Moves(true), ElementsAre("SUCCESS 10 they said so ann undone 0 bob a mistake"));
  EXPECT_EQ(Phases(), "ONBOARDING 50");
}

TEST_F(MoveTraceTest, TheSameMomentCanBeMovedAndUndoneAgainAndAgain) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(Move(MoveOf(v1::LIFECYCLE_PHASE_SUCCESS, Ago(10))).ok());
    ASSERT_TRUE(Undo(Ago(10)).ok());
  }
  ASSERT_TRUE(Move(MoveOf(v1::LIFECYCLE_PHASE_TRIAL, Ago(10))).ok());
  EXPECT_EQ(Moves(true).size(), 4U);
  EXPECT_THAT(Moves(false), ElementsAre("TRIAL 10 they said so ann"));
}

TEST_F(MoveTraceTest, AMoveThatIsReplacedIsUndoneByTheAuthorOfTheOther) {
  ASSERT_TRUE(Move(MoveOf(v1::LIFECYCLE_PHASE_SUCCESS, Ago(10))).ok());
  v1::MoveAccountPhaseRequest other = MoveOf(v1::LIFECYCLE_PHASE_TRIAL, Ago(10));
  other.set_author("zoe");
  ASSERT_TRUE(Move(other).ok());
  EXPECT_THAT(Moves(true), ElementsAre("TRIAL 10 they said so zoe",
                                       "SUCCESS 10 they said so ann undone 0 zoe replaced by a move to TRIAL"));
  EXPECT_EQ(Phases(), "ONBOARDING 50, TRIAL 10");
}

TEST_F(MoveTraceTest, TheSameMoveOnceMoreIsNoOtherMove) {
  ASSERT_TRUE(Move(MoveOf(v1::LIFECYCLE_PHASE_SUCCESS, Ago(10))).ok());
  ASSERT_TRUE(Move(MoveOf(v1::LIFECYCLE_PHASE_SUCCESS, Ago(10))).ok());
  EXPECT_THAT(Moves(true), ElementsAre("SUCCESS 10 they said so ann"));
}

TEST_F(MoveTraceTest, AreListedPageByPageTheOneMadeLastFirst) {
  for (int days = 20; days > 15; --days) {
    const bool even = days % 2 == 0;
    ASSERT_TRUE(Move(MoveOf(even ? v1::LIFECYCLE_PHASE_SUCCESS : v1::LIFECYCLE_PHASE_TRIAL, Ago(days))).ok());
  }
  ASSERT_TRUE(Undo(Ago(18)).ok());
  v1::ListPhaseMovesRequest request;
  request.set_parent("accounts/acme");
  request.set_page_size(3);
  v1::ListPhaseMovesResponse page;
  ASSERT_TRUE(List(request, &page).ok());
  std::vector<std::int64_t> days;
  const auto read = [&] {
    for (const v1::PhaseMove& move : page.phase_moves()) {
      days.push_back((clock_.Now() - ToTime(move.effective_time())) / absl::Hours(24));
    }
  };
  read();
  request.set_page_token(page.next_page_token());
  ASSERT_TRUE(List(request, &page).ok());
  read();
  EXPECT_EQ(page.next_page_token(), "");
  EXPECT_THAT(days, ElementsAre(16, 17, 19, 20));
  request.set_show_undone(true);
  EXPECT_EQ(BadFields(List(request, &page)), std::vector<std::string>{"page_token"}) << "a token of another list";
}

TEST_F(MoveTraceTest, AMoveThatWasUndoneElsewhereIsKeptAndMovesNothing) {
  ASSERT_TRUE(Move(UndoneElsewhere()).ok());
  EXPECT_EQ(Text(moved_.phase_changes()), "ONBOARDING 50");
  EXPECT_THAT(Moves(true), ElementsAre("SUCCESS 10 they said so ann undone 3 bob a mistake"));
  ASSERT_TRUE(Move(UndoneElsewhere()).ok());
  EXPECT_EQ(Moves(true).size(), 1U) << "it is known";
  v1::MoveAccountPhaseRequest another = UndoneElsewhere();
  another.mutable_undone()->set_undo_reason("another");
  another.set_validate_only(true);
  ASSERT_TRUE(Move(another).ok());
  EXPECT_EQ(Moves(true).size(), 1U);
  another.set_validate_only(false);
  ASSERT_TRUE(Move(another).ok());
  EXPECT_EQ(Moves(true).size(), 2U);
  EXPECT_EQ(Phases(), "ONBOARDING 50");
}

TEST_F(MoveTraceTest, TheExportTellsOfStandingMovesFirstAndThenOfUndoneOnes) {
  ASSERT_TRUE(Move(MoveOf(v1::LIFECYCLE_PHASE_SUCCESS, Ago(10))).ok());
  ASSERT_TRUE(Undo(Ago(10), "bob", "a mistake").ok());
  ASSERT_TRUE(Move(MoveOf(v1::LIFECYCLE_PHASE_TRIAL, Ago(5))).ok());
  v1::ExportRecordsRequest request;
  request.set_parent("accounts/acme");
  Call call;
  const auto records = v1::RecordService::NewStub(channel_);
  const auto reader = records->ExportRecords(&call.context, request);
  v1::ExportRecordsResponse part;
  std::vector<std::string> lines;
  while (reader->Read(&part)) {
    for (const v1::PhaseMove& move : part.phase_moves()) lines.push_back(Line(move));
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_THAT(lines, ElementsAre("TRIAL 5 they said so ann", "SUCCESS 10 they said so ann undone 0 bob a mistake"));
}

TEST_F(MoveTraceTest, NamesEveryBadField) {
  v1::ListPhaseMovesRequest list;
  list.set_parent("acme");
  list.set_page_size(-1);
  list.set_page_token("x");
  v1::ListPhaseMovesResponse page;
  EXPECT_EQ(BadFields(List(list, &page)), (std::vector<std::string>{"page_size", "page_token", "parent"}));
  list = {};
  list.set_parent("accounts/nobody");
  EXPECT_EQ(List(list, &page).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(BadFields(Undo(Ago(1), std::string(129, 'a'), std::string(1001, 'a'))),
            (std::vector<std::string>{"author", "reason"}));
  v1::MoveAccountPhaseRequest move = UndoneElsewhere();
  SetTimestamp(clock_.Now() + absl::Hours(1), move.mutable_undone()->mutable_undo_time());
  move.mutable_undone()->set_undo_author(std::string(129, 'a'));
  move.mutable_undone()->set_undo_reason("\x01");
  EXPECT_EQ(BadFields(Move(move)),
            (std::vector<std::string>{"undone.undo_author", "undone.undo_reason", "undone.undo_time"}));
  move = UndoneElsewhere();
  move.set_name("accounts/nobody");
  EXPECT_EQ(Move(move).error_code(), grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace perennial::accounts::testing
