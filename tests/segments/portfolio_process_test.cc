// PortfolioService as its callers see it, behind fakes of the services that segment-svc follows.

#include <gmock/gmock.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "common/base/time_util.h"
#include "tests/segments/process_fixture.h"

namespace perennial::segments {
namespace {

using testing::At;
using testing::MovementsFeed;
using testing::ProcessTest;

class PortfolioProcessTest : public ProcessTest {
 protected:
  void SetUp() override {
    upstream_.PutLedger("acme", {{"2024-01-01", 40}, {"2024-11-01", 50}});
    upstream_.PutLedger("beta", {{"2024-01-01", 500}});
    ProcessTest::SetUp();
    ASSERT_TRUE(Eventually([&] { return process_->ledger().caught_up(); }));
  }
  grpc::Status GetRetention(v1::GetRevenueRetentionResponse* response, const std::string& start = "2024-10-01") {
    v1::GetRevenueRetentionRequest request;
    request.set_period(v1::RETENTION_PERIOD_QUARTER);
    *request.mutable_start_time() = ToTimestamp(At(start));
    grpc::ClientContext context;
    SetDeadline(context);
    return portfolio_->GetRevenueRetention(&context, request, response);
  }
  // MRR at the end of the present quarter; empty when it cannot be told.
  std::string EndMrr() {
    v1::GetRevenueRetentionResponse response;
    return GetRetention(&response).ok() ? response.windows(0).end_mrr().amount() : "";
  }
};

TEST_F(PortfolioProcessTest, FollowsTheLedger) {
  EXPECT_EQ(EndMrr(), "550");
  upstream_.PutLedger("acme", {{"2024-01-01", 40}, {"2024-11-01", 0}});
  EXPECT_TRUE(Eventually([&] { return EndMrr() == "500"; }));
  v1::ListRevenueRetentionAccountsRequest request;
  request.set_period(v1::RETENTION_PERIOD_QUARTER);
  *request.mutable_start_time() = ToTimestamp(At("2024-10-01"));
  request.set_figure(v1::RETENTION_FIGURE_LOST);
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ListRevenueRetentionAccountsResponse response;
  ASSERT_TRUE(portfolio_->ListRevenueRetentionAccounts(&context, request, &response).ok());
  ASSERT_EQ(response.accounts_size(), 1);
  EXPECT_EQ(response.accounts(0).account(), "accounts/acme");
}

TEST_F(PortfolioProcessTest, ReadsTheLedgerAnewAfterARestartAndWhenItIsAnother) {
  Restart();
  EXPECT_TRUE(Eventually([&] { return EndMrr() == "550"; }));
  MovementsFeed restored;
  restored.SetFeedId("restored");
  for (const char* id : {"acme", "acme", "acme"}) restored.Put(id, {{"2024-01-01", 7}});
  upstream_.ReplaceLedger(restored);
  EXPECT_TRUE(Eventually([&] { return EndMrr() == "7"; }));
}

TEST_F(PortfolioProcessTest, IsReadyWithoutTheLedgerAndSaysWhatIsMissing) {
  upstream_.SetDown(true);
  process_.reset();
  Start();
  v1::GetRevenueRetentionResponse response;
  EXPECT_EQ(GetRetention(&response).error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_FALSE(process_->ledger().caught_up());
  upstream_.SetDown(false);
  EXPECT_TRUE(Eventually([&] { return EndMrr() == "550"; }));
}

TEST_F(PortfolioProcessTest, WaitsForTheLedgerAndGivesUpAtTheDeadline) {
  const std::int64_t revision = upstream_.PutLedger("acme", {{"2024-01-01", 40}, {"2024-11-01", 60}});
  v1::GetRevenueRetentionRequest request;
  request.set_period(v1::RETENTION_PERIOD_QUARTER);
  *request.mutable_start_time() = ToTimestamp(At("2024-10-01"));
  request.set_min_ledger_revision(revision);
  v1::GetRevenueRetentionResponse response;
  {
    grpc::ClientContext context;
    SetDeadline(context);
    ASSERT_TRUE(portfolio_->GetRevenueRetention(&context, request, &response).ok());
  }
  EXPECT_EQ(response.windows(0).end_mrr().amount(), "560");
  EXPECT_EQ(response.ledger_revision(), revision);

  request.set_min_ledger_revision(revision + 1);
  std::thread waits([this, request] {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::GetRevenueRetentionResponse later;
    EXPECT_TRUE(portfolio_->GetRevenueRetention(&context, request, &later).ok());
    EXPECT_EQ(later.windows(0).end_mrr().amount(), "570");
  });
  ASSERT_TRUE(Eventually([&] { return process_->ledger_gate().waiting() == 1; }));
  v1::ListRevenueRetentionAccountsRequest list;
  list.set_period(request.period());
  *list.mutable_start_time() = request.start_time();
  list.set_figure(v1::RETENTION_FIGURE_START);
  list.set_min_ledger_revision(revision + 1);
  v1::ListRevenueRetentionAccountsResponse listed;
  v1::GetPortfolioReportRequest report;
  report.set_min_ledger_revision(revision + 1);
  v1::GetPortfolioReportResponse reported;
  for (const auto& call : std::vector<std::function<grpc::Status(grpc::ClientContext*)>>{
           [&](grpc::ClientContext* context) {
             return portfolio_->ListRevenueRetentionAccounts(context, list, &listed);
           },
           [&](grpc::ClientContext* context) { return portfolio_->GetPortfolioReport(context, report, &reported); }}) {
    grpc::ClientContext context;
    SetDeadline(context, std::chrono::milliseconds(50));
    const grpc::Status status = call(&context);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED) << status.error_message();
  }
  upstream_.PutLedger("beta", {{"2024-01-01", 510}});
  waits.join();
}

TEST_F(PortfolioProcessTest, WaitsForFactsAndTheLedgerBoth) {
  const std::int64_t facts_revision = upstream_.Put("acme", {{"mrr", 60.0}});
  v1::GetPortfolioReportRequest request;
  request.set_audience(v1::REPORT_AUDIENCE_FINANCE);
  request.set_min_facts_revision(facts_revision);
  v1::GetPortfolioReportResponse response;
  const std::int64_t ledger_revision = upstream_.PutLedger("acme", {{"2024-01-01", 60}});
  request.set_min_ledger_revision(ledger_revision);
  {
    grpc::ClientContext context;
    SetDeadline(context, std::chrono::milliseconds(50));
    EXPECT_EQ(portfolio_->GetPortfolioReport(&context, request, &response).error_code(),
              grpc::StatusCode::DEADLINE_EXCEEDED);
  }
  upstream_.SetScored();
  grpc::ClientContext context;
  SetDeadline(context);
  ASSERT_TRUE(portfolio_->GetPortfolioReport(&context, request, &response).ok());
  EXPECT_EQ(response.mrr().amount(), "560");
  EXPECT_EQ(response.ledger_revision(), ledger_revision);
  EXPECT_GE(response.facts_revision(), facts_revision);
}

TEST_F(PortfolioProcessTest, IsNotReadyWhileAccountsReportInAnotherCurrency) {
  testing::FakeUpstream euros;
  euros.Define("mrr", facts::FactType::kNumber, "EUR per month");
  euros.Put("acme", {{"mrr", 50.0}});
  euros.SetScored();
  Process::Options options = Options();
  options.data = folder_.path() + "/other";
  options.accounts = euros.Channel();
  options.health = {euros.Channel()};
  const auto start = [&] {
    auto process = Process::Start(options, clock_);
    EXPECT_TRUE(process.ok()) << process.status();
    return process.ok() ? *std::move(process) : nullptr;
  };
  ::testing::internal::CaptureStderr();
  std::string log;
  {
    const auto process = start();
    EXPECT_TRUE(Eventually([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));  // what is said between two captures is lost
      log += ::testing::internal::GetCapturedStderr();
      ::testing::internal::CaptureStderr();
      return log.find("start both with the same --reporting_currency") != std::string::npos;
    })) << log;
    EXPECT_FALSE(process->engine().ready());
  }
  (void)::testing::internal::GetCapturedStderr();
  options.currency = "EUR";
  const auto process = start();
  EXPECT_TRUE(Eventually([&] { return process->engine().ready(); }));
}

TEST_F(PortfolioProcessTest, CustomerEquityWaitsForValues) {
  const std::int64_t revision = upstream_.Put("acme", {{"mrr", 60.0}});
  upstream_.SetOnlyScored();
  v1::GetCustomerEquityRequest request;
  request.set_min_facts_revision(revision);
  v1::GetCustomerEquityResponse response;
  {
    grpc::ClientContext context;
    SetDeadline(context, std::chrono::milliseconds(50));
    EXPECT_EQ(portfolio_->GetCustomerEquity(&context, request, &response).error_code(),
              grpc::StatusCode::DEADLINE_EXCEEDED);
  }
  upstream_.PutValue("acme", 1234.5);
  upstream_.SetValued();
  grpc::ClientContext context;
  SetDeadline(context);
  ASSERT_TRUE(portfolio_->GetCustomerEquity(&context, request, &response).ok());
  EXPECT_EQ(response.customer_equity().amount(), "1234.5");
}

TEST_F(PortfolioProcessTest, AnswersManyAtOnceWhileTheLedgerChanges) {
  std::atomic<int> wrong = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      for (int call = 0; call < 50; ++call) {
        const std::string mrr = EndMrr();
        if (mrr != "550" && mrr != "560") ++wrong;
      }
    });
  }
  for (int i = 0; i < 100; ++i)
    upstream_.PutLedger("acme", {{"2024-01-01", 40}, {"2024-11-01", i % 2 == 0 ? 60.0 : 50.0}});
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(PortfolioProcessTest, TellsCustomerEquityOnceFactsAreIn) {
  const std::int64_t revision = upstream_.Put("acme", {{"mrr", 50.0}, {"value.clv", 1234.5}});
  upstream_.SetScored();
  v1::GetCustomerEquityRequest request;
  request.set_min_facts_revision(revision);
  grpc::ClientContext context;
  SetDeadline(context);
  v1::GetCustomerEquityResponse response;
  ASSERT_TRUE(portfolio_->GetCustomerEquity(&context, request, &response).ok());
  EXPECT_EQ(response.customer_equity().amount(), "1234.5");
}

}  // namespace
}  // namespace perennial::segments
