#pragma once

#include "accounts-svc/facts_writer.h"
#include "accounts-svc/ingest.h"
#include "accounts-svc/store/store.h"
#include "common/server/metrics_scope.h"

namespace perennial::accounts {

// What accounts-svc tells its operators of. All are there until `metrics` is closed; the writer has not written yet.
struct MeasuredParts {
  Store& store;
  FactsWriter& facts_writer;
  const Ingest& ingest;
  const WatchHub& hub;
  const WorkerPool& pool;
  const WorkerPool& watch_pool;
  const WorkerPool& export_pool;
};
void MeasureAccounts(const MeasuredParts& parts, MetricsScope& metrics);

}  // namespace perennial::accounts
