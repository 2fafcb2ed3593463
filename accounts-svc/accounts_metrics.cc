#include "accounts-svc/accounts_metrics.h"

#include <atomic>
#include <string>

#include "common/base/status_macros.h"

namespace perennial::accounts {
namespace {

void MeasureIngest(const Ingest::Counts& counts, MetricsScope& metrics) {
  const auto count = [&](const char* result, const std::atomic<std::int64_t>& number) {
    metrics.CounterFrom("perennial_accounts_records_total",
                        "Records that were sent, by what became of them: stored, replaced an earlier state, there already "
                        "(duplicate), or refused.",
                        {{"result", result}}, [&number] { return static_cast<double>(number); });
  };
  count("stored", counts.stored);
  count("replaced", counts.replaced);
  count("duplicate", counts.duplicates);
  count("refused", counts.refused);
}

void MeasureCommits(FactsWriter& writer, Metrics& metrics) {
  auto& writes = metrics.Histogram("perennial_accounts_commit_writes", "Writes that shared a commit.",
                                   {1, 2, 4, 8, 16, 32, 64, 128, 256});
  auto& seconds = metrics.Histogram("perennial_accounts_commit_seconds", "How long a commit took, the facts of it included.",
                                    {.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10});
  writer.SetMeter([&writes, &seconds](std::size_t count, absl::Duration time) {
    writes.Observe(static_cast<double>(count));
    seconds.Observe(absl::ToDoubleSeconds(time));
  });
}

}  // namespace

void MeasureAccounts(const MeasuredParts& parts, MetricsScope& metrics) {
  MeasureIngest(parts.ingest.counts(), metrics);
  MeasureCommits(parts.facts_writer, metrics.metrics());
  // From the store, as another process may write to it. Where that does not answer, the last one stands.
  metrics.GaugeFrom("perennial_accounts_facts_revision", "Revision of the newest row of the facts feed.", {},
                    [&store = parts.store, last = 0.0]() mutable {
                      const absl::Status read = store.Read([&](ReadTransaction& transaction) -> absl::Status {
                        PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t revision, transaction.LastRevision());
                        last = static_cast<double>(revision);
                        return absl::OkStatus();
                      });
                      read.IgnoreError();
                      return last;
                    });
  MeasureWatches(parts.hub, metrics);
  MeasurePool("calls", parts.pool, metrics);
  MeasurePool("watches", parts.watch_pool, metrics);
  MeasurePool("exports", parts.export_pool, metrics);
}

}  // namespace perennial::accounts
