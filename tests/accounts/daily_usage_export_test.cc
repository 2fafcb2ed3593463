// ExportDailyUsage over the wire.
#include "absl/strings/str_cat.h"
#include "tests/accounts/records_fixture.h"

namespace perennial::accounts::testing {
namespace {

using grpc::StatusCode;
// Value by day, by account.
using Use = std::map<std::string, std::map<std::int32_t, double>>;

class DailyUsageExportTest : public RecordsTest {
 protected:
  grpc::Status Export(const std::string& metric, std::optional<absl::Time> end, Use* use, int* messages = nullptr) {
    v1::ExportDailyUsageRequest request;
    request.set_metric(metric);
    if (end.has_value()) SetTimestamp(*end, request.mutable_end_time());
    Call call;
    const auto reader = records_->ExportDailyUsage(&call.context, request);
    v1::ExportDailyUsageResponse message;
    std::string last;
    while (reader->Read(&message)) {
      if (messages != nullptr) ++*messages;
      EXPECT_GT(message.accounts_size(), 0);
      for (const v1::AccountDailyUsage& account : message.accounts()) {
        EXPECT_LE(last, account.account());
        last = account.account();
        EXPECT_EQ(account.days_size(), account.values_size());
        std::map<std::int32_t, double>& days = (*use)[account.account()];
        for (int i = 0; i < account.days_size(); ++i) {
          EXPECT_TRUE(days.empty() || days.rbegin()->first < account.days(i));
          days[account.days(i)] = account.values(i);
        }
      }
    }
    return reader->Finish();
  }
  Use Export(const std::string& metric, std::optional<absl::Time> end = {}) {
    Use use;
    const grpc::Status status = Export(metric, end, &use);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return use;
  }
  v1::Record UsageAt(const std::string& account, const std::string& id, absl::Time time, double value) {
    v1::Record record = Usage(account, id, "logins", value);
    SetTimestamp(time, record.mutable_event_time());
    return record;
  }
  std::int32_t Today() const { return static_cast<std::int32_t>(DayOf(clock_.Now())); }
};

TEST_F(DailyUsageExportTest, SendsTheSumsOfEachDayOfTheAccountsThatHaveTheMetric) {
  CreateAccount("beta");
  CreateAccount("none");
  CreateAccount("gone");
  const absl::Time now = clock_.Now();
  Write({UsageAt("acme", "1", now, 2), UsageAt("acme", "2", now - absl::Hours(1), 3),
         UsageAt("acme", "3", now - absl::Hours(48), 0), UsageAt("beta", "1", now - absl::Hours(24 * 400), 0.5),
         UsageAt("gone", "1", now, 9), Usage("none", "1", "exports")});
  ASSERT_TRUE(ServerTest::Delete("gone").ok());
  EXPECT_EQ(Export("logins"), (Use{{"accounts/acme", {{Today() - 2, 0}, {Today(), 5}}},
                                   {"accounts/beta", {{Today() - 400, 0.5}}}}));
}

TEST_F(DailyUsageExportTest, CountsOnlyWhatCameBeforeTheEnd) {
  const absl::Time now = clock_.Now();
  const absl::Time midnight = StartOfDay(Today());
  Write({UsageAt("acme", "1", midnight - absl::Hours(1), 1), UsageAt("acme", "2", midnight, 2),
         UsageAt("acme", "3", now, 4), UsageAt("acme", "4", now + absl::Minutes(1), 8)});
  EXPECT_EQ(Export("logins", midnight), (Use{{"accounts/acme", {{Today() - 1, 1}}}}));
  EXPECT_EQ(Export("logins", now), (Use{{"accounts/acme", {{Today() - 1, 1}, {Today(), 2}}}}));
  EXPECT_EQ(Export("logins"), (Use{{"accounts/acme", {{Today() - 1, 1}, {Today(), 6}}}})) << "what lies ahead is not";
  EXPECT_EQ(Export("logins", now + absl::Hours(100)), Export("logins"));
  EXPECT_EQ(Export("logins", midnight - absl::Hours(2)), Use());
}

TEST_F(DailyUsageExportTest, CorrectedAndDeletedEventsCountAsTheyStand) {
  Write({Usage("acme", "1", "logins", 2), Usage("acme", "2", "logins", 3)});
  Correct(Usage("acme", "1", "logins", 7));
  EXPECT_EQ(Export("logins"), (Use{{"accounts/acme", {{Today(), 10}}}}));
  RecordsTest::Delete(v1::RECORD_KIND_USAGE, "1");
  RecordsTest::Delete(v1::RECORD_KIND_USAGE, "2");
  Use none;
  EXPECT_EQ(Export("logins", {}, &none).error_code(), StatusCode::NOT_FOUND) << "nobody has used it";
}

TEST_F(DailyUsageExportTest, ALongHistoryComesInPartsThatFollowOneAnother) {
  std::vector<v1::Record> records;
  for (int i = 0; i < 2'500; ++i) {
    records.push_back(UsageAt("acme", absl::StrCat(i), clock_.Now() - absl::Hours(24 * i), i));
    if (records.size() == 500) {
      Write(records);
      records.clear();
    }
  }
  Use use;
  ASSERT_TRUE(Export("logins", {}, &use).ok());
  ASSERT_EQ(use["accounts/acme"].size(), 2'500U);
  for (int i = 0; i < 2'500; ++i) EXPECT_EQ(use["accounts/acme"][Today() - i], i);
}

TEST_F(DailyUsageExportTest, NamesEveryBadFieldAndAMetricThatNobodyHas) {
  v1::ExportDailyUsageRequest request;
  request.mutable_end_time()->set_nanos(-1);
  Call call;
  EXPECT_EQ(BadFields(records_->ExportDailyUsage(&call.context, request)->Finish()), (Fields{"end_time", "metric"}));
  Use none;
  EXPECT_EQ(Export("never_used", {}, &none).error_code(), StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace perennial::accounts::testing
