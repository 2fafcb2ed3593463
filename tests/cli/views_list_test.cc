// The small views: segments, members, previews, flags, facts, checked filters.
#include <gmock/gmock.h>

#include "cli/list_views.h"
#include "tests/cli/views_sample.h"

namespace perennial::cli {
namespace {

using testing::At;
using testing::Usd;

std::string Seen(const Page& page) { return Render(page, false); }

std::string CallIt(const std::string& account) { return account == "accounts/nw-1" ? "Northwind Traders" : "?"; }

TEST(SegmentsView, ShowsFilterAndMembers) {
  perennial::segments::v1::ListSegmentsResponse answer;
  EXPECT_EQ(Seen(RenderSegments(answer, 60)), "  No segments are defined.\n");
  auto* segment = answer.add_segments();
  segment->set_name("segments/at-risk");
  segment->set_display_name("At risk");
  segment->set_description("Look at these first.");
  segment->set_filter("health.band = \"red\"");
  segment->set_member_count(1234);
  EXPECT_EQ(Seen(RenderSegments(answer, 60)), R"(
Segments ───────────────────────────────────────── 1 segment
  At risk  at-risk                            1,234 accounts
    Look at these first.
    health.band = "red"
)" + 1);
}

TEST(MembersView, SaysHowManyMoreThereAre) {
  perennial::segments::v1::ListMembersResponse answer;
  EXPECT_EQ(Seen(RenderMembers(answer, CallIt, 60)), "  No account is in it now.\n");
  auto* member = answer.add_members();
  member->set_segment("segments/at-risk");
  member->set_account("accounts/nw-1");
  *member->mutable_enter_time() = At("2024-12-20T00:00:00Z");
  answer.set_total_size(3);
  EXPECT_EQ(Seen(RenderMembers(answer, CallIt, 60)), R"(
Members of at-risk ────────────────────────────── 3 accounts
  account                                   id    since
  Northwind Traders                         nw-1  2024-12-20

  and 2 more; --limit 0 lists all
)" + 1);
}

TEST(PreviewView, ShowsHowTheFilterWasReadAndWhoWouldMove) {
  perennial::segments::v1::PreviewSegmentResponse answer;
  answer.set_count(1);
  *answer.mutable_mrr() = Usd("2786.5");
  answer.mutable_filter_reading()->set_canonical("(mrr > 1) AND (seats > 2)");
  answer.mutable_filter_reading()->add_warnings("OR binds tighter than AND");
  answer.mutable_filter_reading()->add_facts("mrr");
  answer.mutable_filter_reading()->add_facts("seats");
  answer.add_entering_sample("accounts/nw-1");
  answer.set_entering_count(1);
  EXPECT_EQ(Seen(RenderPreview(answer, CallIt, 60)), R"(
  1 account matches, MRR USD 2,786.50
  read as (mrr > 1) AND (seats > 2)
  ! OR binds tighter than AND
  facts: mrr, seats

Would enter: 1 ─────────────────────────────────────────────
  Northwind Traders                                     nw-1
)" + 1);
}

TEST(FlagsView, ListsAccountsRulesAndSeverity) {
  perennial::health::v1::ListFlagsResponse answer;
  EXPECT_EQ(Seen(RenderFlags(answer, CallIt, 70)), "  No flag is raised.\n");
  auto* flag = answer.add_flags();
  flag->set_name("accounts/nw-1/flags/usage-falling");
  flag->set_rule("usage-falling");
  flag->set_display_name("Usage falling");
  flag->set_severity(perennial::health::v1::FLAG_SEVERITY_HIGH);
  *flag->mutable_raise_time() = At("2024-12-20T00:00:00Z");
  answer.set_total_size(1);
  EXPECT_EQ(Seen(RenderFlags(answer, CallIt, 70)), R"(
Flags raised ────────────────────────────────────────────────── 1 flag
     account                       flag           severity  since
  ⚑  Northwind Traders             Usage falling  high      2024-12-20
)" + 1);
}

TEST(FactsView, ShowsValuesWithTheirUnits) {
  perennial::accounts::v1::GetFactsResponse answer;
  answer.set_name("accounts/nw-1");
  *answer.mutable_as_of() = At("2024-12-31T23:59:59Z");
  auto* fact = answer.add_facts();
  fact->set_name("tenure_days");
  fact->set_number(700);
  perennial::accounts::v1::ListFactDefinitionsResponse catalogue;
  auto* definition = catalogue.add_definitions();
  definition->set_name("tenure_days");
  definition->set_unit("days");
  EXPECT_EQ(Seen(RenderFacts(answer, catalogue, 70)), R"(
Facts of nw-1 ──────────────── as of 2024-12-31 23:59:59 UTC · 1 known
  fact                                                     value  unit
  tenure_days                                                700  days
)" + 1);
}

TEST(ValidationView, TellsErrorsAndReadings) {
  perennial::accounts::v1::ValidateFilterResponse answer;
  answer.set_error("unknown fact 'mmr' at 1:1; did you mean 'mrr'?");
  EXPECT_EQ(Seen(RenderValidation(answer, 80)), "  ✗ unknown fact 'mmr' at 1:1; did you mean 'mrr'?\n");
  answer.set_valid(true);
  answer.mutable_reading()->set_canonical("mrr > 5");
  EXPECT_EQ(Seen(RenderValidation(answer, 80)), "  ✓ The filter can be used.\n  read as mrr > 5\n");
}

}  // namespace
}  // namespace perennial::cli
