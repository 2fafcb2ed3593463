// What is exported and imported again gives the same facts for every account, at every moment.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/export_run.h"
#include "cli/import_run.h"
#include "cli/mapping_parser.h"
#include "perennial/accounts/v1/exchange_rate_service.grpc.pb.h"
#include "perennial/accounts/v1/lifecycle_service.grpc.pb.h"
#include "tests/accounts/records_fixture.h"

namespace perennial::cli {
namespace {

namespace fs = std::filesystem;
namespace v1 = accounts::v1;
using accounts::AccountsServer;
using accounts::testing::At;
using accounts::testing::DatabaseFor;
using accounts::testing::Facts;
using accounts::testing::RecordsTest;
using accounts::testing::TempFolder;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// What CSV, lists and blanks could spoil.
constexpr char kNasty[] = " \"Quoted\", comma;\tsemicolon \\; back\\slash\r\nnew\nline, naïve 株式会社 🙂 ";

std::string ReadFile(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

class ExportTest : public RecordsTest {
 protected:
  absl::StatusOr<ExportSummary> ExportTo(const std::string& folder, const std::string& parent = "accounts/-") {
    std::ostringstream out;
    Progress progress(out, {}, absl::UnixEpoch());
    ExportRun run(*records_, {.folder = folder, .parent = parent}, progress);
    return run.Run();
  }
  // Imports into the server behind `channel`; so many rows must be refused.
  static ImportSummary Import(const std::string& folder, const std::shared_ptr<grpc::Channel>& channel,
                              const std::string& rejects_path, std::int64_t refused = 0) {
    auto mapping = LoadMapping("canonical");
    EXPECT_TRUE(mapping.ok()) << mapping.status();
    std::ostringstream out;
    Progress progress(out, {}, absl::UnixEpoch());
    RejectsFile rejects(rejects_path);
    ImportOptions options;
    options.folder = folder;
    ImportRun run(*std::move(mapping), options, channel, progress, rejects, [] { return false; });
    ImportSummary summary = run.Run();
    EXPECT_TRUE(summary.status.ok()) << summary.status;
    EXPECT_EQ(summary.Total().refused_rows, refused) << ReadFile(rejects_path);
    return summary;
  }

  std::string out_ = folder_.path() + "/export";
};

// A second service, empty, with the same clock.
class RoundTripTest : public ExportTest {
 protected:
  void SetUp() override {
    ExportTest::SetUp();
    auto other =
        AccountsServer::Start({.data = other_folder_.path(), .database = DatabaseFor(other_folder_.path())}, clock_);
    ASSERT_TRUE(other.ok()) << other.status();
    other_ = *std::move(other);
  }
  // What is no record, in every state and with earlier versions.
  void WriteRatesAndRules() {
    for (const char* rate : {"1.25", "1.5"}) {
      v1::SetExchangeRateRequest request;
      request.mutable_exchange_rate()->set_currency_code("EUR");
      request.mutable_exchange_rate()->set_rate(rate);
      SetTimestamp(rate[2] == '2' ? start_ : start_ + absl::Hours(500),
                   request.mutable_exchange_rate()->mutable_effective_time());
      Ok<v1::SetExchangeRateResponse>(*v1::ExchangeRateService::NewStub(channel_),
                                      &v1::ExchangeRateService::Stub::SetExchangeRate, request);
    }
    for (const char* steps : {"first_value", "go_live"}) {
      v1::UpdateLifecycleRulesRequest request;
      request.mutable_rules()->add_adoption_at_steps(steps);
      request.mutable_rules()->add_adoption_at_steps("signed");
      request.mutable_rules()->set_success_after_days(200);
      request.set_author("zoe");
      request.set_note(kNasty);
      Ok<v1::UpdateLifecycleRulesResponse>(*v1::LifecycleService::NewStub(channel_),
                                           &v1::LifecycleService::Stub::UpdateLifecycleRules, request);
    }
  }
  template <class Response, class Stub, class Request>
  static void Ok(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                 const Request& request) {
    Response response;
    const grpc::Status status = Send(stub, method, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
  void WriteContactsAndGoals() {
    v1::CreateContactRequest contact = ContactOf("ann");
    contact.mutable_contact()->set_title(kNasty);
    contact.mutable_contact()->set_email("ann@example.com");
    contact.mutable_contact()->set_role(v1::CONTACT_ROLE_DECISION_MAKER);
    contact.mutable_contact()->set_departed(true);
    SetTimestamp(start_, contact.mutable_effective_time());
    EXPECT_TRUE(Add(contact).ok());
    EXPECT_TRUE(Add(ContactOf("bob")).ok());
    v1::UpdateContactRequest change;
    change.mutable_contact()->set_name("accounts/acme/contacts/bob");
    change.mutable_contact()->set_phone(" 1 ");
    Ok<v1::UpdateContactResponse>(*accounts_, &v1::AccountService::Stub::UpdateContact, change);
    v1::CreateGoalRequest words = GoalOf("words");
    words.mutable_goal()->set_measure(kNasty);
    words.mutable_goal()->set_current_value(0.1 + 0.2);
    SetTimestamp(clock_.Now() + absl::Hours(9), words.mutable_goal()->mutable_due_time());
    EXPECT_TRUE(Add(words).ok());
    v1::CreateGoalRequest reached = GoalOf("reached");
    reached.mutable_goal()->set_current_value(11);
    SetTimestamp(start_, reached.mutable_effective_time());
    EXPECT_TRUE(Add(reached).ok());
    v1::UpdateGoalRequest retitle;
    retitle.mutable_goal()->set_name("accounts/acme/goals/reached");
    retitle.mutable_goal()->set_title("changed after it was reached");
    Ok<v1::UpdateGoalResponse>(*goals_, &v1::GoalService::Stub::UpdateGoal, retitle);
    v1::CreateGoalRequest fact = GoalOf("fact");
    fact.mutable_goal()->clear_measure();
    fact.mutable_goal()->set_fact("usage.m0.sum_90d");
    fact.mutable_goal()->set_target_value(1e6);
    EXPECT_TRUE(Add(fact).ok());
    v1::CreateGoalRequest given_up = GoalOf("given-up");
    given_up.mutable_goal()->set_state(v1::GOAL_STATE_CANCELLED);
    EXPECT_TRUE(Add(given_up).ok());
  }
  void WriteTasksAndMoves() {
    for (const char* id : {"open", "done", "cancelled"}) {
      v1::CreateTaskRequest task = TaskOf(id);
      task.mutable_task()->set_description(kNasty);
      v1::ChecklistItem* item = task.mutable_task()->add_checklist();
      item->set_title(kNasty);
      item->set_done(id[0] == 'd');
      if (id[0] == 'o') SetTimestamp(clock_.Now() + absl::Hours(9), task.mutable_task()->mutable_due_time());
      EXPECT_TRUE(Add(task).ok());
    }
    clock_.Advance(absl::Microseconds(5));
    EXPECT_TRUE(Complete("done", nullptr, kNasty).ok());
    v1::UpdateTaskRequest cancel;
    cancel.mutable_task()->set_name("accounts/acme/tasks/cancelled");
    cancel.mutable_task()->set_state(v1::TASK_STATE_CANCELLED);
    cancel.mutable_task()->set_outcome("no longer needed");
    Ok<v1::UpdateTaskResponse>(*tasks_, &v1::TaskService::Stub::UpdateTask, cancel);
    for (const auto phase : {v1::LIFECYCLE_PHASE_ADOPTION, v1::LIFECYCLE_PHASE_SUCCESS}) {
      v1::MoveAccountPhaseRequest move;
      move.set_name("accounts/beta");
      move.set_phase(phase);
      move.set_reason(kNasty);
      move.set_author("zoe");
      SetTimestamp(start_ + absl::Hours(100 * phase), move.mutable_effective_time());
      Ok<v1::MoveAccountPhaseResponse>(*v1::LifecycleService::NewStub(channel_),
                                       &v1::LifecycleService::Stub::MoveAccountPhase, move);
      v1::UndoPhaseMoveRequest undo;
      undo.set_name("accounts/beta");
      undo.set_author("ann");
      undo.set_reason(kNasty);
      *undo.mutable_effective_time() = move.effective_time();
      if (phase == v1::LIFECYCLE_PHASE_ADOPTION) {
        Ok<v1::UndoPhaseMoveResponse>(*v1::LifecycleService::NewStub(channel_),
                                      &v1::LifecycleService::Stub::UndoPhaseMove, undo);
      }
    }
  }

  // Calls `use` with the stubs of the other service in the place of this one's.
  template <class Use>
  auto WithOther(Use use) {
    auto facts = v1::FactService::NewStub(other_->InProcessChannel());
    auto records = v1::RecordService::NewStub(other_->InProcessChannel());
    std::swap(facts_, facts);
    std::swap(records_, records);
    auto result = use();
    std::swap(facts_, facts);
    std::swap(records_, records);
    return result;
  }

  // A state of an account with texts that are hard to keep.
  v1::Record AccountState(const std::string& id, absl::Time since, const std::string& owner) {
    v1::Record record = RecordOf(id, "");
    SetTimestamp(since, record.mutable_event_time());
    v1::Account& account = *record.mutable_account_state();
    account.set_display_name(absl::StrCat(kNasty, id));
    account.set_owner(owner);
    SetTimestamp(start_, account.mutable_customer_since());
    for (const char* tag : {"a;b", "c\\d", " e ", "f\\;", "\\"}) account.add_tags(tag);
    auto& attributes = *account.mutable_attributes();
    attributes["note"].set_text(id == "beta" ? "" : kNasty);
    attributes["plain"].set_text("plain");
    attributes["ratio"].set_number(0.1 + 0.2);
    attributes["partner"].set_flag(id == "beta");
    SetTimestamp(since - absl::Microseconds(1), attributes["founded"].mutable_time());
    if (id == "child") account.set_parent("accounts/parent");
    return record;
  }
  v1::Record SubscriptionState(const std::string& id, absl::Time since, const std::string& mrr,
                               const std::string& currency = "USD") {
    v1::Record record = RecordOf("beta", "");
    SetTimestamp(since, record.mutable_event_time());
    v1::Subscription& subscription = *record.mutable_subscription_state();
    subscription = SubscriptionOf("beta", id, mrr).subscription();
    subscription.set_name("accounts/beta/subscriptions/" + id);
    subscription.mutable_mrr()->set_currency_code(currency);
    subscription.set_plan(kNasty);
    subscription.set_seats(7);
    SetTimestamp(start_ + absl::Hours(24), subscription.mutable_start_time());
    SetTimestamp(clock_.Now() + absl::Hours(999), subscription.mutable_renewal_time());
    subscription.set_auto_renew(true);
    return record;
  }
  // Histories of several versions; the child is older than its parent.
  void WriteStates() {
    const absl::Time later = start_ + absl::Hours(1000);
    Write({AccountState("beta", start_, "ann"), AccountState("beta", later, "bob"),
           AccountState("beta", later + absl::Hours(1), "ann"), AccountState("parent", start_ + absl::Hours(5), "zoe"),
           AccountState("child", start_, " "), SubscriptionState("s1", start_ + absl::Hours(24), "99.999999"),
           SubscriptionState("s1", later, "120.5"), SubscriptionState("s1", later + absl::Hours(30), "99.999999"),
           SubscriptionState("s2", start_ + absl::Hours(24), "10.5", "EUR")});
  }
  // Records of two accounts, after metrics got their numbers: sums of doubles depend on the order of metrics.
  void WriteRandomRecords() {
    Write({Usage("acme", "0", "m0"), Usage("acme", "1", "m1"), Usage("acme", "2", "m2")});
    std::mt19937 random(7);
    const auto up_to = [&](int most) { return static_cast<int>(random() % static_cast<unsigned>(most + 1)); };
    for (int i = 0; i < 300; ++i) {
      v1::Record record = RecordOf(i % 2 == 0 ? "beta" : "child", absl::StrCat(" \"r,", i, "\" "));
      SetTimestamp(start_ + absl::Minutes(up_to(24 * 60 * 100)) + absl::Microseconds(up_to(999'999)),
                   record.mutable_event_time());
      switch (up_to(5)) {
        case 0: FillTicket(record, up_to); break;
        case 1:
          record.mutable_touchpoint()->set_channel(static_cast<v1::TouchpointChannel>(1 + up_to(5)));
          record.mutable_touchpoint()->set_direction(static_cast<v1::TouchpointDirection>(1 + up_to(1)));
          record.mutable_touchpoint()->set_sentiment(static_cast<v1::TouchpointSentiment>(up_to(3)));
          record.mutable_touchpoint()->set_summary(kNasty);
          for (const char* name : {"ann@x.com", "Bob; the \\ man", " eve "}) {
            record.mutable_touchpoint()->add_participants(name);
          }
          break;
        case 2:
          record.mutable_survey()->set_kind(v1::SURVEY_KIND_PULSE);
          record.mutable_survey()->set_score(up_to(100) / 3.0);
          record.mutable_survey()->set_comment(kNasty);
          break;
        case 3:
          record.mutable_milestone()->set_step("first_value");
          if (up_to(1) == 0) record.mutable_milestone()->set_progress(up_to(10) / 10.0);
          break;
        case 4:
          record.mutable_churn_report()->set_reason("a,b");
          record.mutable_churn_report()->set_feedback(kNasty);
          record.mutable_churn_report()->set_reactivation(up_to(1) == 0);
          break;
        default:
          record.mutable_usage()->set_metric(absl::StrCat("m", up_to(2)));
          record.mutable_usage()->set_value(up_to(9) / 4.0);
          record.mutable_usage()->set_user(up_to(1) == 0 ? "" : kNasty);
          break;
      }
      Change(record, up_to);
    }
  }
  template <class UpTo>
  void FillTicket(v1::Record& record, UpTo up_to) {
    v1::Ticket& ticket = *record.mutable_ticket();
    ticket.set_topic(kNasty);
    ticket.set_priority(static_cast<v1::TicketPriority>(up_to(4)));
    ticket.set_escalated(up_to(1) == 0);
    const absl::Time opened = ToTime(record.event_time());
    SetTimestamp(opened + absl::Hours(48), ticket.mutable_resolve_due_time());
    if (up_to(1) == 0) SetTimestamp(opened + absl::Hours(3), ticket.mutable_first_response_time());
    SetTimestamp(opened + absl::Hours(4), ticket.mutable_update_time());
  }
  // Writes the record, and then a newer state, a correction or a deletion of it.
  template <class UpTo>
  void Change(v1::Record record, UpTo up_to) {
    Write({record});
    const int choice = up_to(9);
    if (record.has_ticket() && choice < 6) {
      SetTimestamp(ToTime(record.event_time()) + absl::Hours(90), record.mutable_ticket()->mutable_update_time());
      SetTimestamp(ToTime(record.event_time()) + absl::Hours(80), record.mutable_ticket()->mutable_resolve_time());
      record.mutable_ticket()->set_satisfaction(4);
      Write({record});
    } else if (choice == 7) {
      SetTimestamp(start_ + absl::Hours(up_to(2000)), record.mutable_event_time());
      if (record.has_ticket()) record.mutable_ticket()->clear_update_time();
      if (record.has_ticket()) record.mutable_ticket()->clear_first_response_time();
      if (record.has_ticket()) record.mutable_ticket()->clear_resolve_due_time();
      Correct(record);
    } else if (choice == 8) {
      v1::DeleteRecordRequest request = DeletionOf(KindNumber(record), record.record_id());
      request.set_account(record.account());
      v1::DeleteRecordResponse response;
      EXPECT_TRUE(Delete(request, &response).ok());
    }
  }
  static v1::RecordKind KindNumber(const v1::Record& record) {
    // Both enumerations are in one order, from usage on.
    return static_cast<v1::RecordKind>(record.kind_case() - v1::Record::kUsage + v1::RECORD_KIND_USAGE);
  }

  std::map<std::string, Facts> FactsAsOf(absl::Time as_of) {
    std::map<std::string, Facts> all;
    for (const char* id : {"acme", "beta", "parent", "child"}) {
      all[id] = FactsOf(id, as_of);
      // Of goals only what they are now is exported.
      if (as_of != clock_.Now()) std::erase_if(all[id], [](const auto& fact) { return fact.first.starts_with("goals."); });
    }
    return all;
  }

  const absl::Time start_ = At("2024-02-01T12:00:00.123456Z");
  TempFolder other_folder_;
  std::unique_ptr<AccountsServer> other_;
};

TEST_F(RoundTripTest, GivesTheSameFactsAtEveryMomentAndTheSameExportAgain) {
  WriteRatesAndRules();
  WriteStates();
  WriteRandomRecords();
  WriteContactsAndGoals();
  WriteTasksAndMoves();
  const auto exported = ExportTo(out_);
  ASSERT_TRUE(exported.ok()) << exported.status();
  EXPECT_EQ(exported->accounts, 4);
  EXPECT_EQ(exported->without_parent, 0);
  clock_.Advance(absl::Hours(1));  // what the server stamps by itself is no part of an export
  const ImportSummary imported = Import(out_, other_->InProcessChannel(), folder_.path() + "/rejects.csv");
  std::int64_t rows = 0;
  for (const ExportSummary::File& file : exported->files) rows += file.rows;
  EXPECT_EQ(imported.Total().rows, rows);
  for (absl::Time time = start_ - absl::Hours(30); time <= clock_.Now(); time += absl::Hours(73)) {
    const auto here = FactsAsOf(time);
    EXPECT_EQ(here, WithOther([&] { return FactsAsOf(time); }))
        << "as of " << absl::FormatTime(time, absl::UTCTimeZone());
  }
  const auto now = FactsAsOf(clock_.Now());
  EXPECT_EQ(now, WithOther([&] { return FactsAsOf(clock_.Now()); }));
  EXPECT_EQ(now.at("acme").at("goals.achieved"), "number: 1");
  const std::string again = folder_.path() + "/again";
  ASSERT_TRUE(WithOther([&] { return ExportTo(again); }).ok());
  for (const ExportSummary::File& file : exported->files) {
    EXPECT_GT(file.rows, 0) << file.name;
    EXPECT_EQ(ReadFile(out_ + "/" + file.name), ReadFile(again + "/" + file.name)) << file.name;
  }
  const ImportSummary second = Import(out_, other_->InProcessChannel(), folder_.path() + "/rejects.csv");
  EXPECT_EQ(second.Total().stored + second.Total().replaced, 0) << "a second import changes nothing";
}

TEST_F(ExportTest, WritesEveryFileWithItsHeaderAndWhatPeopleKeep) {
  ASSERT_TRUE(Add(ContactOf("ann")).ok());
  ASSERT_TRUE(Add(GoalOf("more")).ok());
  v1::CreateTaskRequest task = TaskOf("call");
  for (const char* title : {"Ask; politely", "Listen"}) {
    v1::ChecklistItem* item = task.mutable_task()->add_checklist();
    item->set_title(title);
    item->set_done(title[0] == 'L');
  }
  ASSERT_TRUE(Add(task).ok());
  const auto exported = ExportTo(out_);
  ASSERT_TRUE(exported.ok()) << exported.status();
  EXPECT_THAT(NamesIn(out_),
              ElementsAre("accounts.csv", "churn_reports.csv", "contacts.csv", "exchange_rates.csv", "goals.csv",
                          "lifecycle_rules.csv", "milestones.csv", "phase_moves.csv", "subscriptions.csv",
                          "surveys.csv", "tasks.csv", "tickets.csv", "touchpoints.csv", "usage.csv"));
  EXPECT_EQ(ReadFile(out_ + "/accounts.csv"),
            "account_id,effective_time,display_name,parent,owner,tags,customer_since\n"
            "acme,2024-06-30T12:00:00Z,The acme,,,,2024-06-30T12:00:00Z\n");
  EXPECT_EQ(ReadFile(out_ + "/milestones.csv"), "account_id,record_id,event_time,step,progress\n");
  EXPECT_THAT(ReadFile(out_ + "/contacts.csv"),
              ::testing::HasSubstr("\nacme,ann,2024-06-30T12:00:00Z,The ann,,,,,false,"));
  EXPECT_THAT(ReadFile(out_ + "/goals.csv"),
              ::testing::HasSubstr("\nacme,more,2024-06-30T12:00:00Z,The more,reports a week,,0,10,,,active,"));
  EXPECT_THAT(ReadFile(out_ + "/tasks.csv"), ::testing::HasSubstr(",[ ] Ask\\; politely;[x] Listen,open,"));
}

TEST_F(RoundTripTest, WhatIsThereAndSaysSomethingElseStaysAsItIs) {
  ASSERT_TRUE(Add(ContactOf("ann")).ok());
  v1::UpdateLifecycleRulesRequest rules;
  rules.mutable_rules()->set_success_after_days(200);
  rules.set_author("zoe");
  Ok<v1::UpdateLifecycleRulesResponse>(*v1::LifecycleService::NewStub(channel_),
                                       &v1::LifecycleService::Stub::UpdateLifecycleRules, rules);
  ASSERT_TRUE(ExportTo(out_).ok());
  rules.mutable_rules()->set_success_after_days(300);
  Ok<v1::UpdateLifecycleRulesResponse>(*v1::LifecycleService::NewStub(other_->InProcessChannel()),
                                       &v1::LifecycleService::Stub::UpdateLifecycleRules, rules);
  std::ofstream(out_ + "/contacts.csv", std::ios::app) << "nobody,eve,,Eve,,,,,,\nacme,kim,,,,,,,,\n";
  std::ofstream(out_ + "/exchange_rates.csv", std::ios::app) << "EUR,0,2024-01-01\n";
  const std::string rejects = folder_.path() + "/rejects.csv";
  const ImportSummary summary = Import(out_, other_->InProcessChannel(), rejects, 4);
  EXPECT_THAT(ReadFile(rejects), ::testing::HasSubstr("lifecycle_rules.csv,3,,revision 2 of the rules is there and"));
  EXPECT_THAT(ReadFile(rejects), ::testing::HasSubstr("exchange_rates.csv,2,exchange_rate.rate,"));
  EXPECT_THAT(ReadFile(rejects), ::testing::HasSubstr("contacts.csv,3,"));
  EXPECT_THAT(ReadFile(rejects), ::testing::HasSubstr("contacts.csv,4,display_name,is required"));
  EXPECT_EQ(summary.Total().duplicates, 1) << "the first rules";
}

TEST_F(ExportTest, AParentThatIsDeletedIsLeftOutOfAWholeExportOnly) {
  v1::Record parent = RecordOf("parent", "");
  parent.mutable_account_state()->set_display_name("p");
  v1::Record child = RecordOf("child", "");
  child.mutable_account_state()->set_display_name("c");
  child.mutable_account_state()->set_parent("accounts/parent");
  Write({parent, child});
  if (!ServerTest::Delete("parent").ok()) GTEST_SKIP() << "a parent cannot be deleted";
  const auto all = ExportTo(out_);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->without_parent, 1);
  EXPECT_THAT(ReadFile(out_ + "/accounts.csv"), ::testing::HasSubstr("\nchild,2024-06-30T12:00:00Z,c,,,"));
  const auto one = ExportTo(folder_.path() + "/one", "accounts/child");
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_THAT(ReadFile(folder_.path() + "/one/accounts.csv"),
              ::testing::HasSubstr("\nchild,2024-06-30T12:00:00Z,c,parent,,"));
}

TEST_F(ExportTest, LeavesNothingWhenItFails) {
  const auto before = NamesIn(folder_.path());
  EXPECT_EQ(ExportTo(out_, "accounts/nobody").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(NamesIn(folder_.path()), before);
  std::ostringstream out;
  Progress progress(out, {}, absl::UnixEpoch());
  ExportRun cancelled(*records_, {.folder = out_}, progress);
  cancelled.Cancel();
  EXPECT_EQ(cancelled.Run().status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(NamesIn(folder_.path()), before);
}

TEST_F(ExportTest, TouchesNoFolderThatHasSomethingInIt) {
  fs::create_directory(out_);
  std::ofstream(out_ + "/mine.txt") << "precious";
  EXPECT_EQ(ExportTo(out_).status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(NamesIn(out_), ElementsAre("mine.txt"));
  fs::remove(out_ + "/mine.txt");
  EXPECT_TRUE(ExportTo(out_).ok()) << "an empty one is filled";
  EXPECT_EQ(ExportTo("").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ExportTo(folder_.path() + "/not/there").status().code(), absl::StatusCode::kNotFound);
}

TEST(ExportFolderTest, IsNotThereUntilItIsWhole) {
  const TempFolder temp;
  const std::string path = temp.path() + "/out";
  {
    const auto folder = ExportFolder::Create(path + "//");
    ASSERT_TRUE(folder.ok()) << folder.status();
    auto file = CsvFile::Create((*folder)->PathOf("a.csv"), {"a", "b"});
    ASSERT_TRUE(file.ok() && (*file)->Add({"1", "2"}).ok() && (*file)->Close().ok());
    EXPECT_FALSE(fs::exists(path));
    ASSERT_TRUE((*folder)->Commit().ok());
    EXPECT_EQ(ReadFile(path + "/a.csv"), "a,b\n1,2\n");
  }
  EXPECT_THAT(NamesIn(temp.path()), ElementsAre("out"));
}

TEST(CsvFileTest, IsNeverWrittenOverAnotherFile) {
  const TempFolder temp;
  const std::string path = temp.path() + "/a.csv";
  ASSERT_TRUE(CsvFile::Create(path, {"a"}).ok());
  EXPECT_EQ(CsvFile::Create(path, {"b"}).status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ReadFile(path), "a\n");
}

}  // namespace
}  // namespace perennial::cli
