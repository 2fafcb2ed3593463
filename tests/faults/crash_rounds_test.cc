// kill -9 of accounts-svc under streamed writes, again and again: nothing acknowledged is lost, nothing counts twice, the file
// is sound, and a reader that resumes the feed sees no gap.
#include <chrono>
#include <cstdlib>
#include <map>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/faults/fault_fixture.h"
#include "tests/faults/record_sender.h"
#include "tests/testing/postgres_fixture.h"

namespace perennial::testing {
namespace {

namespace v1 = perennial::accounts::v1;

constexpr int kAccounts = 8;

// Follows the feed over all breaks, always from where it stands.
class Follower {
 public:
  explicit Follower(std::shared_ptr<grpc::Channel> channel)
      : channel_(std::move(channel)), thread_([this] { Loop(); }) {}
  ~Follower() { Stop(); }
  void Stop() {
    stop_ = true;
    {
      MutexLock lock(mu_);
      if (context_ != nullptr) context_->TryCancel();
    }
    if (thread_.joinable()) thread_.join();
  }
  // What each account's sum of use is by the feed.
  std::map<std::string, double> Sums() {
    MutexLock lock(mu_);
    return sums_;
  }
  std::int64_t Revision() {
    MutexLock lock(mu_);
    return revision_;
  }
  std::string Problem() {
    MutexLock lock(mu_);
    return problem_;
  }
  int resumed() const { return resumed_; }

 private:
  void Loop() {
    while (!stop_) {
      const auto facts = v1::FactService::NewStub(channel_);
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(5));
      v1::WatchFactsRequest request;
      {
        MutexLock lock(mu_);
        if (stop_) return;  // later on, Stop() finds the context
        context_ = &context;
        request.set_start_revision(revision_);
      }
      const auto stream = facts->WatchFacts(&context, request);
      std::uint32_t sum_id = 0;
      v1::WatchFactsResponse message;
      while (stream->Read(&message)) Apply(message, sum_id);
      const grpc::Status status = stream->Finish();
      std::this_thread::sleep_for(std::chrono::milliseconds(stop_ ? 0 : 5));
      MutexLock lock(mu_);
      context_ = nullptr;
      if (status.error_code() != grpc::StatusCode::UNAVAILABLE && status.error_code() != grpc::StatusCode::CANCELLED) {
        problem_ = absl::StrCat("the feed ended with ", status.error_code(), ": ", status.error_message());
      }
      ++resumed_;
    }
  }
  void Apply(const v1::WatchFactsResponse& message, std::uint32_t& sum_id) {
    MutexLock lock(mu_);
    for (const auto& definition : message.definitions()) {
      if (definition.name() == "usage.logins.sum_7d") sum_id = definition.id();
    }
    for (const auto& row : message.rows()) {
      if (row.revision() <= revision_) problem_ = absl::StrCat("revision ", row.revision(), " after ", revision_);
      revision_ = row.revision();
      double sum = 0;
      for (int i = 0; i < row.number_ids_size(); ++i) {
        if (sum_id != 0 && row.number_ids(i) == sum_id) sum = row.number_values(i);
      }
      // What the feed has shown once is on disk: a sum never falls.
      if (sum < sums_[row.account_id()]) {
        problem_ = absl::StrCat(row.account_id(), " fell from ", sums_[row.account_id()], " to ", sum);
      }
      sums_[row.account_id()] = sum;
    }
    if (message.progress_revision() < revision_) problem_ = "progress fell";
    revision_ = std::max(revision_, message.progress_revision());
  }

  const std::shared_ptr<grpc::Channel> channel_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> resumed_ = 0;
  Mutex mu_;
  std::map<std::string, double> sums_ ABSL_GUARDED_BY(mu_);
  std::int64_t revision_ ABSL_GUARDED_BY(mu_) = 0;
  std::string problem_ ABSL_GUARDED_BY(mu_);
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mu_) = nullptr;
  std::thread thread_;
};

class CrashRounds : public FaultTest {
 protected:
  static int Rounds() { return std::getenv("PERENNIAL_LONG") != nullptr ? 200 : 12; }

  void RunRounds() {
    std::vector<std::string> ids;
    for (int i = 0; i < kAccounts; ++i) {
      ids.push_back(absl::StrCat("a", i));
      if (i == 0) continue;  // it is there
      ASSERT_TRUE(client_->CreateAccount(ids.back()).ok());
    }
    RecordSender sender(service_->Channel(), ids);
    Follower follower(service_->Channel());
    std::minstd_rand random(20241231);
    for (int round = 0; round < Rounds(); ++round) {
      ASSERT_TRUE(sender.WaitForMore(1)) << "round " << round << " " << sender.Problem();
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % 120));
      service_->Kill();
      ASSERT_TRUE(service_->Start()) << service_->Log();
    }
    ASSERT_TRUE(sender.WaitForMore(1)) << sender.Problem();
    sender.Stop();
    EXPECT_EQ(sender.Problem(), "");
    std::map<std::string, double> expected;
    for (std::int64_t n = 0; n < sender.Acknowledged(); ++n) ++expected[ids[static_cast<std::size_t>(n) % ids.size()]];
    std::map<std::string, double> stored;
    for (const std::string& id : ids) EXPECT_TRUE(client_->Count(id, &stored[id]).ok());
    EXPECT_EQ(stored, expected);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (follower.Sums() != expected && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_EQ(follower.Sums(), expected) << "by the feed";
    EXPECT_EQ(follower.Problem(), "");
    follower.Stop();
    Observe(absl::StrCat(Rounds(), " kills, ", sender.Acknowledged(), " events acknowledged and stored, ", sender.Known(),
                         " known when sent again, feed resumed ", follower.resumed(), " times up to revision ",
                         follower.Revision()));
  }
};

TEST_F(CrashRounds, OnSqliteNothingIsLostOrCountsTwice) {
  Row("F1");
  StartWithAccount({.folder = folder_.path()});
  RunRounds();
  EXPECT_EQ(service_->Terminate(), 0);
  EXPECT_EQ(IntegrityOf(service_->database_file()), "ok");
}

TEST_F(CrashRounds, OnPostgresNothingIsLostOrCountsTwice) {
  Row("F1");
  if (!PostgresCluster::Installed()) GTEST_SKIP() << "PostgreSQL 15 is not installed";
  PostgresCluster cluster(PostgresCluster::Durable::kYes);
  StartWithAccount({.folder = folder_.path(), .database = cluster.Connection("crash")});
  RunRounds();
  EXPECT_EQ(service_->Terminate(), 0);
}

}  // namespace
}  // namespace perennial::testing
