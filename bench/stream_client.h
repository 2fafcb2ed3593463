#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bench/measure.h"
#include "bench/usage_load.h"
#include "perennial/accounts/v1/ingest_service.grpc.pb.h"

namespace perennial::bench {

// Batches that may be unacknowledged: what the service takes ahead.
constexpr std::size_t kWindow = 4;

inline perennial::accounts::v1::Record ToRecord(const Use& use) {
  perennial::accounts::v1::Record record;
  record.set_record_id(use.record_id);
  record.set_account(absl::StrCat("accounts/", AccountId(use.account)));
  SetTimestamp(use.time, record.mutable_event_time());
  record.mutable_usage()->set_metric(kMetrics[use.metric]);
  record.mutable_usage()->set_value(use.value);
  record.mutable_usage()->set_user(use.user);
  return record;
}

// Streams all requests and waits for all acknowledgements.
inline void StreamAll(perennial::accounts::v1::IngestService::Stub& stub,
                      const std::vector<perennial::accounts::v1::StreamRecordsRequest>& requests) {
  grpc::ClientContext context;
  auto stream = stub.StreamRecords(&context);
  std::mutex mu;
  std::condition_variable changed;
  std::size_t acknowledged = 0;
  bool ended = false;
  std::thread reader([&] {
    perennial::accounts::v1::StreamRecordsResponse response;
    while (stream->Read(&response)) {
      if (response.summary().errors_size() > 0 || response.summary().duplicates() > 0) {
        Die(response.summary().ShortDebugString().substr(0, 500));
      }
      const std::lock_guard lock(mu);
      ++acknowledged;
      changed.notify_one();
    }
    const std::lock_guard lock(mu);
    ended = true;
    changed.notify_one();
  });
  for (std::size_t i = 0; i < requests.size(); ++i) {
    std::unique_lock lock(mu);
    changed.wait(lock, [&] { return ended || i < acknowledged + kWindow; });
    if (ended) break;
    lock.unlock();
    if (!stream->Write(requests[i])) break;
  }
  stream->WritesDone();
  reader.join();
  const grpc::Status status = stream->Finish();
  if (!status.ok() || acknowledged != requests.size()) Die("stream failed: " + status.error_message());
}

}  // namespace perennial::bench
