// The mappings that are part of the program: literal rows, and the real data where it is.
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/csv_reader.h"
#include "cli/import_row_mapper.h"
#include "cli/import_run.h"
#include "cli/mapping_binding.h"
#include "cli/mapping_parser.h"
#include "import_support.h"

namespace perennial::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

// Maps the only row of the file `text`; the other files stand in `folder`.
MappedRow MapOnly(const std::string& mapping_name, const std::string& file_name, const std::string& text,
                  const TestFolder& folder) {
  absl::StatusOr<Mapping> mapping = LoadMapping(mapping_name);
  EXPECT_TRUE(mapping.ok()) << mapping.status();
  for (FileMapping& file : mapping->files) {
    if (file.file != file_name) continue;
    auto reader = CsvReader::Open(folder.Write(file_name, text), file.format);
    const auto header = ReadHeader(file, reader->get());
    const absl::Status bound = BindFile(mapping_name, *header, &file);
    EXPECT_TRUE(bound.ok()) << bound;
    const absl::Status loaded = LoadTables(*mapping, folder.path(), {&file});
    EXPECT_TRUE(loaded.ok()) << loaded;
    CsvRow row;
    EXPECT_TRUE((*reader)->Next(row));
    return RowMapper(file, header->size()).Map(row);
  }
  ADD_FAILURE() << "no file " << file_name;
  return {};
}

// One line of protobuf's text format.
std::string Text(const accounts::v1::Record& record) { return record.ShortDebugString(); }

class RavenStackTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_.Write(
        "ravenstack_accounts.csv",
        "account_id,account_name,industry,country,signup_date,referral_source,plan_tier,seats,is_trial,churn_flag\n"
        "A-1,Company_1,FinTech,IN,2023-08-17,other,Basic,18,False,True\n");
    folder_.Write(
        "ravenstack_subscriptions.csv",
        "subscription_id,account_id,start_date,end_date,plan_tier,seats,mrr_amount,arr_amount,is_trial,upgrade_flag,"
        "downgrade_flag,churn_flag,billing_frequency,auto_renew_flag\n"
        "S-1,A-1,2023-12-23,2024-04-12,Enterprise,14,2786,33432,False,False,False,True,monthly,True\n");
    folder_.Write("ravenstack_churn_events.csv",
                  "churn_event_id,account_id,churn_date,reason_code,refund_amount_usd,preceding_upgrade_flag,"
                  "preceding_downgrade_flag,is_reactivation,feedback_text\n");
  }
  TestFolder folder_;
};

TEST_F(RavenStackTest, MapsAnAccountAndSeesThatItsFlagIsContradicted) {
  const MappedRow row =
      MapOnly("ravenstack", "ravenstack_accounts.csv", folder_.Read("ravenstack_accounts.csv"), folder_);
  ASSERT_EQ(row.records.size(), 1u);
  accounts::v1::Record expected;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(R"(
      account: "accounts/A-1" event_time { seconds: 1692230400 }
      account_state {
        name: "accounts/A-1" display_name: "Company_1" customer_since { seconds: 1692230400 }
        attributes { key: "industry" value { text: "FinTech" } }
        attributes { key: "country" value { text: "IN" } }
        attributes { key: "referral_source" value { text: "other" } }
        attributes { key: "initial_plan" value { text: "Basic" } }
        attributes { key: "initial_seats" value { number: 18 } }
        attributes { key: "initial_trial" value { flag: false } }
        attributes { key: "churn_flag" value { flag: true } }
      })",
                                                            &expected));
  EXPECT_EQ(Text(row.records[0].record), Text(expected));
  EXPECT_THAT(row.warnings, ElementsAre(Pair(0, "A-1 (Company_1)")));
}

TEST_F(RavenStackTest, MapsASubscription) {
  const MappedRow row =
      MapOnly("ravenstack", "ravenstack_subscriptions.csv", folder_.Read("ravenstack_subscriptions.csv"), folder_);
  ASSERT_EQ(row.records.size(), 1u);
  EXPECT_EQ(Text(row.records[0].record),
            "account: \"accounts/A-1\" event_time { seconds: 1703289600 } subscription_state { "
            "name: \"accounts/A-1/subscriptions/S-1\" plan: \"Enterprise\" seats: 14 "
            "mrr { amount: \"2786\" currency_code: \"USD\" } start_time { seconds: 1703289600 } "
            "end_time { seconds: 1712880000 } auto_renew: true }");
  EXPECT_THAT(row.warnings, IsEmpty());
}

TEST_F(RavenStackTest, MapsUseThroughItsSubscription) {
  const MappedRow row =
      MapOnly("ravenstack", "ravenstack_feature_usage.csv",
              "usage_id,subscription_id,usage_date,feature_name,usage_count,usage_duration_secs,error_count,"
              "is_beta_feature\nU-1,S-1,2023-07-27,feature_20,9,5004,0,False\n",
              folder_);
  ASSERT_EQ(row.records.size(), 1u);
  EXPECT_EQ(Text(row.records[0].record),
            "record_id: \"U-1\" account: \"accounts/A-1\" event_time { seconds: 1690416000 } "
            "usage { metric: \"feature_20\" value: 9 }");
  EXPECT_THAT(row.warnings, ElementsAre(Pair(0, "U-1 of S-1 on 2023-07-27")));
}

TEST_F(RavenStackTest, MapsATicket) {
  const MappedRow row = MapOnly("ravenstack", "ravenstack_support_tickets.csv",
                                "ticket_id,account_id,submitted_at,closed_at,resolution_time_hours,priority,"
                                "first_response_time_minutes,satisfaction_score,escalation_flag\n"
                                "T-1,A-1,2024-10-17,2024-10-17 19:00:00,19.0,medium,93,4.0,True\n",
                                folder_);
  ASSERT_EQ(row.records.size(), 1u);
  EXPECT_EQ(Text(row.records[0].record),
            "record_id: \"T-1\" account: \"accounts/A-1\" event_time { seconds: 1729123200 } "
            "ticket { priority: TICKET_PRIORITY_NORMAL first_response_time { seconds: 1729128780 } "
            "resolve_time { seconds: 1729191600 } satisfaction: 4 escalated: true }");
  EXPECT_THAT(row.warnings, IsEmpty());
}

TEST_F(RavenStackTest, MapsAChurnEventWithoutFeedback) {
  const MappedRow row = MapOnly(
      "ravenstack", "ravenstack_churn_events.csv",
      folder_.Read("ravenstack_churn_events.csv") + "C-1,A-1,2024-06-25,support,96.45,True,False,True,\n", folder_);
  ASSERT_EQ(row.records.size(), 1u);
  EXPECT_EQ(Text(row.records[0].record),
            "record_id: \"C-1\" account: \"accounts/A-1\" event_time { seconds: 1719273600 } "
            "churn_report { reason: \"support\" reactivation: true }");
}

TEST(CdnowTest, MapsAPurchaseToAnAccountAndTwoUses) {
  const TestFolder folder;
  const MappedRow row = MapOnly("cdnow", "CDNOW_sample.txt", " 00004 0001 19970101  2   29.33\r\n", folder);
  ASSERT_EQ(row.records.size(), 3u);
  EXPECT_EQ(Text(row.records[0].record),
            "account: \"accounts/00004\" event_time { seconds: 852076800 } account_state { name: \"accounts/00004\" "
            "display_name: \"Customer 00004\" customer_since { seconds: 852076800 } }");
  EXPECT_EQ(row.records[1].record.usage().ShortDebugString(), "metric: \"purchase\" value: 29.33");
  EXPECT_EQ(row.records[2].record.usage().ShortDebugString(), "metric: \"cds\" value: 2");
  EXPECT_NE(row.records[1].id, row.records[2].id);
}

TEST(CdnowTest, GivesTheSamePurchaseTheSameIdInBothFiles) {
  const TestFolder folder;
  const MappedRow sample = MapOnly("cdnow", "CDNOW_sample.txt", " 00004 0001 19970101  2   29.33\r\n", folder);
  const MappedRow master =
      MapOnly("cdnow", "CDNOW_master.txt",
              " customer_id  date number_of_cds  dollar_value\r\n 00004 19970101  2   29.33\r\n", folder);
  ASSERT_EQ(master.records.size(), 3u);
  EXPECT_EQ(sample.records[1].id, master.records[1].id);
}

TEST(TelcoTest, PutsTheStartTenureMonthsBeforeTheReferenceDate) {
  const TestFolder folder;
  const MappedRow row = MapOnly(
      "telco", "Telco-Customer-Churn.csv",
      "customerID,gender,SeniorCitizen,Partner,Dependents,tenure,PhoneService,MultipleLines,InternetService,"
      "OnlineSecurity,"
      "OnlineBackup,DeviceProtection,TechSupport,StreamingTV,StreamingMovies,Contract,PaperlessBilling,PaymentMethod,"
      "MonthlyCharges,TotalCharges,Churn\n"
      "3668-QPYBK,Male,0,No,No,2,Yes,No,DSL,Yes,Yes,No,No,No,No internet service,Month-to-month,Yes,Mailed "
      "check,53.85, ,Yes\n",
      folder);
  ASSERT_EQ(row.records.size(), 2u);
  EXPECT_EQ(Text(row.records[1].record),
            "account: \"accounts/3668-QPYBK\" event_time { seconds: 1698796800 } subscription_state { "
            "name: \"accounts/3668-QPYBK/subscriptions/3668-QPYBK\" plan: \"Month-to-month\" seats: 1 "
            "mrr { amount: \"53.85\" currency_code: \"USD\" } start_time { seconds: 1698796800 } "
            "end_time { seconds: 1704067200 } }");
  const auto& attributes = row.records[0].record.account_state().attributes();
  EXPECT_EQ(attributes.count("total_charges"), 0u);
  EXPECT_EQ(attributes.count("churn"), 0u);
  EXPECT_FALSE(attributes.at("senior_citizen").flag());
  EXPECT_FALSE(attributes.at("streaming_movies").flag());
  EXPECT_EQ(attributes.at("payment_method").text(), "Mailed check");
}

TEST(CanonicalTest, ReadsAttributeTypesFromTheHeader) {
  const TestFolder folder;
  const MappedRow row =
      MapOnly("canonical", "accounts.csv",
              "account_id,display_name,tags,customer_since,attributes.size:number,attributes.vip:flag,"
              "attributes.met:time,attributes.city\nacme,Acme,a; b,2024-01-01,12,true,2024-02-01,Bonn\n",
              folder);
  ASSERT_EQ(row.records.size(), 1u);
  const auto& account = row.records[0].record.account_state();
  EXPECT_THAT(account.tags(), ElementsAre("a", "b"));
  EXPECT_EQ(account.attributes().at("size").number(), 12);
  EXPECT_TRUE(account.attributes().at("vip").flag());
  EXPECT_EQ(account.attributes().at("met").time().seconds(), 1706745600);
  EXPECT_EQ(account.attributes().at("city").text(), "Bonn");
  EXPECT_EQ(row.records[0].record.event_time().seconds(), 1704067200);
}

TEST(CanonicalTest, ReadsEveryOtherKind) {
  const TestFolder folder;
  const auto kind = [&](const std::string& file, const std::string& text) {
    const MappedRow row = MapOnly("canonical", file, text, folder);
    return row.records.empty() ? row.violations.at(0).field + " " + row.violations.at(0).reason
                               : Text(row.records[0].record)
                                     .substr(std::string("record_id: \"r\" account: \"accounts/a\" "
                                                         "event_time { seconds: 86400 } ")
                                                 .size());
  };
  const std::string start = "account_id,record_id,event_time,";
  EXPECT_EQ(kind("touchpoints.csv", start + "channel,direction\na,r,1970-01-02,in_app,inbound\n"),
            "touchpoint { channel: TOUCHPOINT_CHANNEL_IN_APP direction: TOUCHPOINT_DIRECTION_INBOUND }");
  EXPECT_EQ(kind("surveys.csv", start + "kind,score,comment\na,r,1970-01-02,nps,0,\n"),
            "survey { kind: SURVEY_KIND_NPS score: 0 }");
  EXPECT_EQ(kind("milestones.csv", start + "step,progress\na,r,1970-01-02,first_value,0.5\n"),
            "milestone { step: \"first_value\" progress: 0.5 }");
  EXPECT_EQ(kind("surveys.csv", start + "kind,score\na,r,1970-01-02,npss,0\n"),
            "kind must be one of nps, csat, ces, pulse, not 'npss'");
}

TEST(CanonicalTest, NamesAMisspeltColumn) {
  absl::StatusOr<Mapping> mapping = LoadMapping("canonical");
  ASSERT_TRUE(mapping.ok());
  const absl::Status bound = BindFile("canonical.yaml", {"account_id", "display_name", "onwer"}, &mapping->files[0]);
  EXPECT_NE(bound.message().find("unknown column 'onwer'; did you mean 'owner'?"), absl::string_view::npos) << bound;
}

// Reads a whole folder without a server.
ImportSummary DryRun(const std::string& folder, const std::string& mapping, std::vector<std::string> files = {}) {
  const TestFolder scratch;
  std::ostringstream err;
  Progress progress(err, {}, absl::UnixEpoch());
  RejectsFile rejects(scratch.path() + "/rejects.csv");
  ImportOptions options;
  options.folder = folder;
  options.only_files = std::move(files);
  options.dry_run = true;
  const auto channel = grpc::CreateChannel("127.0.0.1:1", grpc::InsecureChannelCredentials());
  return ImportRun(*LoadMapping(mapping), options, channel, progress, rejects, [] { return false; }).Run();
}

TEST(RealDataTest, RavenStackIsReadWholeWithItsContradictions) {
  PERENNIAL_NEEDS_DATA(folder, "ravenstack");
  const ImportSummary summary = DryRun(folder, "ravenstack");
  ASSERT_TRUE(summary.status.ok()) << summary.status;
  std::vector<std::pair<std::string, std::int64_t>> records;
  std::vector<std::pair<std::string, std::int64_t>> warnings;
  for (const FileSummary& file : summary.files) {
    records.emplace_back(file.file, file.records);
    for (const FileSummary::Warning& warning : file.warnings) warnings.emplace_back(warning.message, warning.count);
  }
  EXPECT_THAT(records,
              ElementsAre(Pair("ravenstack_accounts.csv", 500), Pair("ravenstack_subscriptions.csv", 5000),
                          Pair("ravenstack_feature_usage.csv", 25000), Pair("ravenstack_support_tickets.csv", 2000),
                          Pair("ravenstack_churn_events.csv", 600)));
  EXPECT_THAT(
      warnings,
      ElementsAre(Pair("marked as churned, but without a churn event", 35),
                  Pair("not marked as churned, but with a churn event", 277), Pair("ends on the day it starts", 13),
                  Pair("use before the subscription starts", 19142), Pair("use after the subscription ended", 290),
                  Pair("first answered after it was closed", 36), Pair("opened before its account signed up", 1077),
                  Pair("churn event of an account that still pays", 600)));
  EXPECT_EQ(summary.Total().refused_rows, 0);
}

TEST(RealDataTest, CdnowIsReadWhole) {
  PERENNIAL_NEEDS_DATA(folder, "cdnow");
  const ImportSummary sample = DryRun(folder, "cdnow");
  EXPECT_EQ(sample.Total().rows, 6919);
  EXPECT_EQ(sample.Total().records, 2357 + 2 * 6919);
  const ImportSummary master = DryRun(folder, "cdnow", {"CDNOW_master.txt"});
  EXPECT_EQ(master.Total().rows, 69659);
  EXPECT_EQ(master.Total().records, 23570 + 2 * 69659);
  EXPECT_EQ(master.Total().refused_rows, 0);
}

TEST(RealDataTest, TelcoIsReadWhole) {
  PERENNIAL_NEEDS_DATA(folder, "telco");
  const ImportSummary summary = DryRun(folder, "telco");
  EXPECT_EQ(summary.Total().rows, 7043);
  EXPECT_EQ(summary.Total().records, 2 * 7043);
  EXPECT_EQ(summary.Total().refused_rows, 0);
}

}  // namespace
}  // namespace perennial::cli
