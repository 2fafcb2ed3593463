#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/server/server.h"
#include "common/server/watch_stream.h"
#include "common/server/worker_pool.h"
#include "perennial/accounts/v1/account_service.grpc.pb.h"
#include "perennial/accounts/v1/fact_service.grpc.pb.h"
#include "perennial/accounts/v1/record_service.grpc.pb.h"
#include "perennial/accounts/v1/subscription_service.grpc.pb.h"
#include "tests/health/scorecards_for_tests.h"

namespace perennial::health {

// The facts feed of an accounts-svc that holds whatever a test says.
class FakeAccounts final : public perennial::accounts::v1::FactService::CallbackService {
 public:
  FakeAccounts();
  ~FakeAccounts() override;

  // The account's facts are these from now on. Returns the revision of the row.
  std::int64_t Put(const std::string& account, const FactMap& facts);
  // What the facts were as of a past moment, told late: the feed says nothing of it.
  void PutPast(const std::string& account, const FactMap& facts, absl::Time as_of);
  // The ledger says that the account's MRR went to nothing then.
  void Churn(const std::string& account, absl::Time time);
  // The ledger of WatchRevenueMovements says that the account paid from one moment to another (nothing: it still does).
  void PutRelationship(const std::string& account, absl::Time start, std::optional<absl::Time> end);
  // What the account used of a metric on a day.
  void PutUsage(const std::string& metric, const std::string& account, std::int64_t day, double value);
  std::int64_t Delete(const std::string& account);
  // Forgets an account without a tombstone, as one that was deleted and purged.
  void Purge(const std::string& account);
  // Puts the feed back to an earlier state: it now has these accounts only, and its revisions begin anew.
  void PutBack(const std::map<std::string, FactMap>& accounts);
  // The moment that rows put from now on are computed for.
  void SetAsOf(absl::Time as_of);

  [[nodiscard]] std::shared_ptr<grpc::Channel> channel() const { return channel_; }
  // For another process.
  [[nodiscard]] std::string address() const;
  // Ends all streams and refuses new ones until Resume().
  void Interrupt();
  void Resume();
  [[nodiscard]] std::int64_t revision();

  // As of a moment: what was put for the latest moment up to it.
  grpc::ServerUnaryReactor* GetFacts(grpc::CallbackServerContext* context,
                                     const perennial::accounts::v1::GetFactsRequest* request,
                                     perennial::accounts::v1::GetFactsResponse* response) override;
  // All accounts that were there as of a moment.
  grpc::ServerWriteReactor<perennial::accounts::v1::ExportFactsResponse>* ExportFacts(
      grpc::CallbackServerContext* context, const perennial::accounts::v1::ExportFactsRequest* request) override;
  grpc::ServerWriteReactor<perennial::accounts::v1::WatchFactsResponse>* WatchFacts(
      grpc::CallbackServerContext* context, const perennial::accounts::v1::WatchFactsRequest* request) override;

 private:
  // Tells when accounts entered the phases that their facts said they were in.
  class Phases final : public perennial::accounts::v1::AccountService::CallbackService {
   public:
    explicit Phases(FakeAccounts& fake) : fake_(fake) {}
    grpc::ServerUnaryReactor* ListPhaseChanges(grpc::CallbackServerContext* context,
                                               const perennial::accounts::v1::ListPhaseChangesRequest* request,
                                               perennial::accounts::v1::ListPhaseChangesResponse* response) override;

   private:
    FakeAccounts& fake_;
  };
  // Tells the ledger, a few movements a page.
  class Ledger final : public perennial::accounts::v1::SubscriptionService::CallbackService {
   public:
    explicit Ledger(FakeAccounts& fake) : fake_(fake) {}
    grpc::ServerUnaryReactor* ListRevenueMovements(
        grpc::CallbackServerContext* context, const perennial::accounts::v1::ListRevenueMovementsRequest* request,
        perennial::accounts::v1::ListRevenueMovementsResponse* response) override;
    // All ledgers in one message, then nothing more.
    grpc::ServerWriteReactor<perennial::accounts::v1::WatchRevenueMovementsResponse>* WatchRevenueMovements(
        grpc::CallbackServerContext* context,
        const perennial::accounts::v1::WatchRevenueMovementsRequest* request) override;

   private:
    FakeAccounts& fake_;
  };
  class Records final : public perennial::accounts::v1::RecordService::CallbackService {
   public:
    explicit Records(FakeAccounts& fake) : fake_(fake) {}
    grpc::ServerWriteReactor<perennial::accounts::v1::ExportDailyUsageResponse>* ExportDailyUsage(
        grpc::CallbackServerContext* context, const perennial::accounts::v1::ExportDailyUsageRequest* request) override;

   private:
    FakeAccounts& fake_;
  };
  // The row of an account as of a moment; null when it was not there.
  const perennial::accounts::v1::PackedFacts* RowAt(const std::string& account, absl::Time as_of)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  struct Reader {
    std::int64_t sent = 0;
    int definitions = 0;
    bool told = false;
    int shard = 0;
    int shards = 1;
  };
  perennial::accounts::v1::PackedFacts Pack(const std::string& account, const FactMap& facts, absl::Time as_of)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<std::optional<perennial::accounts::v1::WatchFactsResponse>> Next(Reader& reader);
  std::uint32_t Define(const std::string& name, perennial::accounts::v1::FactType type)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Mutex mu_;
  std::map<std::string, perennial::accounts::v1::FactDefinition> definitions_ ABSL_GUARDED_BY(mu_);
  std::map<std::uint32_t, std::string> names_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, perennial::accounts::v1::PackedFacts> rows_ ABSL_GUARDED_BY(mu_);
  // Every row that was ever put, by account and moment.
  std::map<std::string, std::map<absl::Time, perennial::accounts::v1::PackedFacts>> past_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, std::map<absl::Time, std::string>> phases_ ABSL_GUARDED_BY(mu_);
  std::multimap<absl::Time, std::string> churns_ ABSL_GUARDED_BY(mu_);
  Phases phase_service_{*this};
  std::map<std::string, perennial::accounts::v1::AccountLedger> ledgers_ ABSL_GUARDED_BY(mu_);
  // By metric, account and day.
  std::map<std::string, std::map<std::string, std::map<std::int64_t, double>>> usage_ ABSL_GUARDED_BY(mu_);
  Ledger ledger_{*this};
  Records records_{*this};
  std::int64_t revision_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Time as_of_ ABSL_GUARDED_BY(mu_);
  bool interrupted_ ABSL_GUARDED_BY(mu_) = false;
  WatchHub hub_;
  WorkerPool pool_{{.threads = 2, .max_queued = 256}};
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace perennial::health
