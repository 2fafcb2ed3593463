#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/server/server.h"
#include "common/server/watch_stream.h"
#include "common/server/worker_pool.h"
#include "perennial/accounts/v1/fact_service.grpc.pb.h"

namespace perennial::bench {

// Stands for an accounts-svc that has many accounts with sixty facts each, the same ones each time: those that the
// shipped scorecards and flag rules read, and others. A fifth of the values are unknown, one account in twelve has
// churned.
class PortfolioFeed final : public perennial::accounts::v1::FactService::CallbackService {
 public:
  explicit PortfolioFeed(std::int64_t accounts);
  ~PortfolioFeed() override;

  [[nodiscard]] std::string address() const;
  static std::string AccountId(std::int64_t number);

  grpc::ServerWriteReactor<perennial::accounts::v1::WatchFactsResponse>* WatchFacts(
      grpc::CallbackServerContext* context, const perennial::accounts::v1::WatchFactsRequest* request) override;

 private:
  void AddRow(std::int64_t number, perennial::accounts::v1::WatchFactsResponse& out) const;

  const std::int64_t accounts_;
  std::vector<perennial::accounts::v1::FactDefinition> definitions_;
  WatchHub hub_;
  WorkerPool pool_{{.threads = 2, .max_queued = 64}};
  std::unique_ptr<Server> server_;
};

}  // namespace perennial::bench
