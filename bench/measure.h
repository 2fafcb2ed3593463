#pragma once

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "bench/timing.h"
#include "bench/usage_load.h"
#include "common/base/time_util.h"
#include "perennial/accounts/v1/ingest_service.grpc.pb.h"

namespace perennial::bench {

// Bytes of a line such as "VmHWM" (most memory held) or "VmRSS" (held now) of a process.
inline double MemoryOf(int pid, const std::string& key) {
  std::ifstream status(absl::StrCat("/proc/", pid, "/status"));
  for (std::string line; std::getline(status, line);) {
    if (absl::StartsWith(line, key + ":")) return 1024.0 * std::atof(line.c_str() + key.size() + 1);
  }
  return 0;
}
inline double PeakMemory(int pid) { return MemoryOf(pid, "VmHWM"); }

// Creates accounts, each with a subscription and some use in this and the last month, known on the day of `now`.
inline void LoadPortfolio(perennial::accounts::v1::IngestService::Stub& stub, int count, absl::Time now) {
  namespace v1 = perennial::accounts::v1;
  v1::WriteRecordsRequest request;
  const auto write = [&] {
    grpc::ClientContext context;
    v1::WriteRecordsResponse response;
    const grpc::Status status = stub.WriteRecords(&context, request, &response);
    if (!status.ok() || response.summary().errors_size() > 0) {
      Die(absl::StrCat("load failed: ", status.error_message(), response.summary().ShortDebugString().substr(0, 500)));
    }
    request.Clear();
  };
  for (int i = 0; i < count; ++i) {
    const std::string name = absl::StrCat("accounts/", AccountId(i));
    v1::Record* account = request.add_records();
    account->set_account(name);
    SetTimestamp(now - absl::Hours(24 * 300), account->mutable_event_time());
    account->mutable_account_state()->set_display_name(absl::StrCat("Account ", i));
    v1::Record* subscription = request.add_records();
    subscription->set_account(name);
    *subscription->mutable_event_time() = account->event_time();
    auto* state = subscription->mutable_subscription_state();
    state->set_name(absl::StrCat(name, "/subscriptions/s"));
    state->set_plan("Pro");
    state->set_seats(20);
    state->mutable_mrr()->set_amount("250");
    state->mutable_mrr()->set_currency_code("USD");
    *state->mutable_start_time() = account->event_time();
    for (int n = 0; n < 4; ++n) {
      constexpr int kDaysAgo[] = {2, 9, 33, 45};
      v1::Record* use = request.add_records();
      use->set_account(name);
      use->set_record_id(absl::StrCat("load", n));
      SetTimestamp(now - absl::Hours(24 * kDaysAgo[n]), use->mutable_event_time());
      use->mutable_usage()->set_metric(kMetrics[n % 3]);
      use->mutable_usage()->set_user(absl::StrCat("user", n, "@example.com"));
    }
    if (request.records_size() >= 6000) write();
  }
  if (request.records_size() > 0) write();
}

}  // namespace perennial::bench
