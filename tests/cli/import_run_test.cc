#include "cli/import_run.h"

#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "cli/app.h"
#include "cli/import_command.h"
#include "cli/mapping_parser.h"
#include "import_fake_ingest.h"
#include "import_support.h"

namespace perennial::cli {
namespace {

using ::testing::HasSubstr;

constexpr const char* kAccounts =
    "account_id,display_name,customer_since\nacme,Acme,2024-01-01\nbolt,Bolt,2024-01-02\n";

std::string UsageRows(int count) {
  std::string text = "account_id,record_id,event_time,metric,value\n";
  for (int i = 0; i < count; ++i) absl::StrAppend(&text, "acme,u", i, ",2024-02-01,logins,", i % 7, "\n");
  return text;
}

class ImportRunTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.folder = folder_.path();
    options_.batch_records = 10;
    options_.sender.first_backoff = absl::Milliseconds(1);
    options_.sender.most_backoff = absl::Milliseconds(5);
    folder_.Write("accounts.csv", kAccounts);
  }
  ImportSummary Import() {
    Progress progress(err_, {.style = Progress::Style::kLines}, absl::Now());
    RejectsFile rejects(folder_.path() + "/rejects.out");
    ImportRun run(*LoadMapping("canonical"), options_, server_.channel(), progress, rejects,
                  [this] { return interrupted_.load(); });
    return run.Run();
  }

  TestFolder folder_;
  FakeIngest server_;
  ImportOptions options_;
  std::ostringstream err_;
  std::atomic<bool> interrupted_{false};
};

TEST_F(ImportRunTest, StoresEveryRowAndChangesNothingTheSecondTime) {
  folder_.Write("usage.csv", UsageRows(95));
  const ImportSummary first = Import();
  ASSERT_TRUE(first.status.ok()) << first.status;
  EXPECT_EQ(first.Total().stored, 97);
  EXPECT_EQ(first.revision, 97);
  EXPECT_EQ(server_.Records().size(), 97u);
  const ImportSummary second = Import();
  EXPECT_EQ(second.Total().stored, 0);
  EXPECT_EQ(second.Total().duplicates, 97);
  EXPECT_TRUE(second.NothingChanged());
}

TEST_F(ImportRunTest, SendsAccountsThenSubscriptionsThenTheRest) {
  folder_.Write("usage.csv", UsageRows(3));
  folder_.Write("subscriptions.csv",
                "account_id,subscription_id,plan,mrr,currency_code,start_time\nacme,s1,Pro,10,USD,2024-01-01\n");
  ASSERT_TRUE(Import().status.ok());
  const auto records = server_.Records();
  ASSERT_EQ(records.size(), 6u);
  EXPECT_TRUE(records[1].has_account_state());
  EXPECT_TRUE(records[2].has_subscription_state());
  EXPECT_TRUE(records[3].has_usage());
}

TEST_F(ImportRunTest, CountsLaterStatesAsReplaced) {
  folder_.Write("accounts.csv", "account_id,display_name,effective_time\na,Old,2024-01-01\na,New,2024-03-01\n");
  const ImportSummary summary = Import();
  EXPECT_EQ(summary.Total().stored, 1);
  EXPECT_EQ(summary.Total().replaced, 1);
}

TEST_F(ImportRunTest, WritesRowsThatItRefusesToTheRejectsFile) {
  folder_.Write(
      "usage.csv",
      "account_id,record_id,event_time,metric,value\nacme,u1,2024-02-01,logins,1\nacme,u2,yesterday,logins,x\n");
  const ImportSummary summary = Import();
  ASSERT_TRUE(summary.status.ok());
  EXPECT_EQ(summary.Total().rows, 4);
  EXPECT_EQ(summary.Total().stored, 3);
  EXPECT_EQ(summary.Total().refused_rows, 1);
  EXPECT_EQ(folder_.Read("rejects.out"),
            "file,row,field,reason,record_id,raw\n"
            "usage.csv,3,event_time,\"must be a time like 2024-12-31, 2024-12-31 23:59:59 or 2024-12-31T23:59:59Z, not "
            "'yesterday'\",u2,\"acme,u2,yesterday,logins,x\"\n"
            "usage.csv,3,value,\"must be a number, not 'x'\",u2,\"acme,u2,yesterday,logins,x\"\n");
}

TEST_F(ImportRunTest, WritesRowsThatTheServerRefusesFieldByField) {
  folder_.Write("usage.csv", UsageRows(25));
  server_.judge = [](const accounts::v1::Record& record) {
    google::rpc::Status status;
    if (record.record_id() != "u17") return status;
    google::rpc::BadRequest bad;
    for (const char* field : {"records[3].usage.metric", "usage.value"}) {
      auto* violation = bad.add_field_violations();
      violation->set_field(field);
      violation->set_description("is odd");
    }
    status.set_code(3);
    status.add_details()->PackFrom(bad);
    return status;
  };
  const ImportSummary summary = Import();
  EXPECT_EQ(summary.Total().refused_rows, 1);
  EXPECT_EQ(summary.Total().refused_records, 1);
  EXPECT_EQ(summary.Total().stored, 26);
  EXPECT_EQ(folder_.Read("rejects.out"),
            "file,row,field,reason,record_id,raw\n"
            "usage.csv,19,usage.metric,is odd,u17,\"acme,u17,2024-02-01,logins,3\"\n"
            "usage.csv,19,usage.value,is odd,u17,\"acme,u17,2024-02-01,logins,3\"\n");
}

TEST_F(ImportRunTest, RefusesRecordsOfAnAccountThatDoesNotExist) {
  folder_.Write("usage.csv", "account_id,record_id,event_time,metric\nnobody,u1,2024-02-01,logins\n");
  EXPECT_EQ(Import().Total().refused_rows, 1);
  EXPECT_THAT(folder_.Read("rejects.out"), HasSubstr("usage.csv,2,,accounts/nobody does not exist,u1,"));
}

TEST_F(ImportRunTest, GoesOnAfterTheStreamBrokeAndCountsNothingTwice) {
  folder_.Write("usage.csv", UsageRows(200));
  server_.BreakAfter(5, grpc::Status(grpc::StatusCode::UNAVAILABLE, "restarting"));
  const ImportSummary summary = Import();
  ASSERT_TRUE(summary.status.ok()) << summary.status;
  EXPECT_EQ(server_.Records().size(), 202u);
  EXPECT_EQ(server_.streams(), 2);
  // The batch whose acknowledgement was lost was stored already.
  EXPECT_EQ(summary.Total().stored, 192);
  EXPECT_EQ(summary.Total().duplicates, 10);
  EXPECT_EQ(summary.unacknowledged, 0);
  EXPECT_THAT(err_.str(), HasSubstr("trying again: restarting"));
}

TEST_F(ImportRunTest, TriesAgainWhenTheServerIsBusy) {
  folder_.Write("usage.csv", UsageRows(50));
  server_.BreakAfter(1, grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "busy"));
  EXPECT_TRUE(Import().status.ok());
  EXPECT_EQ(server_.Records().size(), 52u);
}

TEST_F(ImportRunTest, GivesUpAfterAWhileAndSaysWhatIsMissing) {
  folder_.Write("usage.csv", UsageRows(200));
  options_.sender.give_up_after = absl::Milliseconds(2000);
  server_.BreakAfter(0, grpc::Status(grpc::StatusCode::UNAVAILABLE, "down"));
  const ImportSummary summary = Import();
  EXPECT_EQ(summary.status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(summary.status.message()), HasSubstr("down"));
  EXPECT_EQ(summary.Total().stored, 0);
  EXPECT_GT(summary.unacknowledged, 0);
  EXPECT_GT(server_.streams(), 1);
}

TEST_F(ImportRunTest, DoesNotTryAgainWhatCannotHelp) {
  server_.BreakAfter(0, grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "no such method"));
  EXPECT_EQ(Import().status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(server_.streams(), 1);
}

TEST_F(ImportRunTest, StopsOnCtrlCWithASummary) {
  folder_.Write("usage.csv", UsageRows(2000));
  server_.on_batch = [this] {
    if (server_.batches() == 5) interrupted_ = true;
  };
  const ImportSummary summary = Import();
  EXPECT_TRUE(summary.interrupted);
  const FileSummary total = summary.Total();
  EXPECT_GE(total.stored, 50);
  EXPECT_LT(total.stored, 2002);
  EXPECT_EQ(total.records, total.stored + summary.unacknowledged);
  const auto usage = std::find_if(summary.files.begin(), summary.files.end(),
                                  [](const FileSummary& file) { return file.file == "usage.csv"; });
  ASSERT_NE(usage, summary.files.end());
  EXPECT_FALSE(usage->complete);
  // What is left comes with the next import.
  interrupted_ = false;
  server_.on_batch = nullptr;
  EXPECT_TRUE(Import().status.ok());
  EXPECT_EQ(server_.Records().size(), 2002u);
}

TEST_F(ImportRunTest, BoundsABatchByItsBytes) {
  folder_.Write("usage.csv", UsageRows(100));
  options_.batch_records = 1000;
  options_.batch_bytes = 500;
  ASSERT_TRUE(Import().status.ok());
  EXPECT_GT(server_.batches(), 5);
}

TEST_F(ImportRunTest, SendsNothingInADryRun) {
  options_.dry_run = true;
  const ImportSummary summary = Import();
  EXPECT_TRUE(summary.status.ok());
  EXPECT_EQ(summary.Total().records, 2);
  EXPECT_EQ(server_.streams(), 0);
}

TEST_F(ImportRunTest, SendsNothingWhenALaterFileDoesNotFit) {
  folder_.Write("usage.csv", "account_id,event_tmie,metric\n");
  const ImportSummary summary = Import();
  EXPECT_THAT(std::string(summary.status.message()), HasSubstr("did you mean 'event_time'?"));
  EXPECT_EQ(server_.streams(), 0);
}

TEST_F(ImportRunTest, NamesARequiredFileThatIsMissing) {
  options_.folder = folder_.path() + "/none";
  EXPECT_THAT(std::string(Import().status.message()), HasSubstr("is not a folder"));
  const TestFolder empty;
  options_.folder = empty.path();
  EXPECT_THAT(std::string(Import().status.message()), HasSubstr("accounts.csv is not there"));
}

// The command as a whole.
class ImportCommandTest : public ::testing::Test {
 protected:
  int Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--gateway", server_.address()});
    options_.out = &out_;
    options_.err = &err_;
    const auto app = MakeApp(options_, "test");
    AddImportCommand(*app, options_);
    return perennial::cli::Run(*app, options_, arguments);
  }

  TestFolder folder_;
  FakeIngest server_;
  GlobalOptions options_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(ImportCommandTest, EndsWithZeroWhenEverythingWasTaken) {
  folder_.Write("accounts.csv", kAccounts);
  EXPECT_EQ(Run({"import", folder_.path()}), kExitSuccess);
  EXPECT_THAT(out_.str(), HasSubstr("Imported " + folder_.path() + " with mapping canonical: 2 rows"));
}

TEST_F(ImportCommandTest, EndsWithTwoWhenRowsWereRefused) {
  folder_.Write("accounts.csv", std::string(kAccounts) + "bad id,Bad,2024-01-01\n");
  EXPECT_EQ(Run({"import", folder_.path(), "--rejects", folder_.path() + "/r.csv"}), kExitRefusedRows);
  EXPECT_THAT(out_.str(), HasSubstr("Refused 1 row; it is in " + folder_.path() + "/r.csv"));
  EXPECT_THAT(folder_.Read("r.csv"), HasSubstr("accounts.csv,4,account,"));
}

TEST_F(ImportCommandTest, EndsWithOneWhenItCannotBeDone) {
  EXPECT_EQ(Run({"import", folder_.path(), "--mapping", "ravenstck"}), kExitFailure);
  EXPECT_THAT(err_.str(), HasSubstr("did you mean 'ravenstack'?"));
}

TEST_F(ImportCommandTest, PrintsOneJsonObjectAndNoProgress) {
  folder_.Write("accounts.csv", kAccounts);
  EXPECT_EQ(Run({"--json", "import", folder_.path()}), kExitSuccess);
  const auto json = nlohmann::json::parse(out_.str());
  EXPECT_EQ(json["total"]["stored"], 2);
  EXPECT_EQ(json["rejects_file"], "");
  EXPECT_EQ(err_.str(), "");
}

}  // namespace
}  // namespace perennial::cli
