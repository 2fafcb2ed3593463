// The numbers that a process tells its operators.
#include <string>

#include "health-svc/health_process.h"

namespace perennial::health {
namespace {

template <class Number>
Metrics::Read Of(const std::atomic<Number>& number) {
  return [&number] { return static_cast<double>(number.load(std::memory_order_relaxed)); };
}

void MeasureRedis(const std::string& client, const RedisCounts& counts, Metrics& metrics) {
  const Metrics::Labels labels = {{"client", client}};
  metrics.CounterFrom("perennial_redis_exchanges_total", "Batches of commands that were sent to Redis.", labels,
                      Of(counts.exchanges));
  metrics.CounterFrom("perennial_redis_failures_total", "Batches that Redis did not answer in time.", labels,
                      Of(counts.failures));
  metrics.CounterFrom("perennial_redis_refused_total", "Batches that were not sent as the circuit breaker was open.",
                      labels, Of(counts.refused));
  metrics.GaugeFrom("perennial_redis_breaker_open", "1 while Redis fails and is left alone, else 0.", labels,
                    Of(counts.open));
}

void MeasureReader(const std::string& scores, const ScoreCacheReader& reader, Metrics& metrics) {
  const char* name = "perennial_health_cache_reads_total";
  const char* help =
      "Scores looked up in Redis: found, absent, of another store or too old, damaged (and deleted), or Redis failed.";
  const CacheCounts& counts = reader.counts();
  metrics.CounterFrom(name, help, {{"scores", scores}, {"result", "hit"}}, Of(counts.hits));
  metrics.CounterFrom(name, help, {{"scores", scores}, {"result", "miss"}}, Of(counts.misses));
  metrics.CounterFrom(name, help, {{"scores", scores}, {"result", "stale"}}, Of(counts.stale));
  metrics.CounterFrom(name, help, {{"scores", scores}, {"result", "poisoned"}}, Of(counts.poisoned));
  metrics.CounterFrom(name, help, {{"scores", scores}, {"result", "error"}}, Of(counts.errors));
  MeasureRedis("reader_of_" + scores, reader.redis(), metrics);
}

void MeasureLookup(const std::string& scores, const ScoreLookup& lookup, Metrics& metrics) {
  metrics.CounterFrom("perennial_health_score_recomputations_total",
                      "Scores that neither memory nor Redis had and that came from their source.", {{"scores", scores}},
                      Of(lookup.counts().sourced));
  metrics.CounterFrom("perennial_health_score_joined_total",
                      "Calls that waited for a score that another call looked up.", {{"scores", scores}},
                      Of(lookup.counts().joined));
}

}  // namespace

void HealthProcess::Measure() {
  MeasureLookup("own", *lookup_, metrics_);
  if (others_lookup_ != nullptr) MeasureLookup("others", *others_lookup_, metrics_);
  if (cache_reader_ != nullptr) MeasureReader("own", *cache_reader_, metrics_);
  if (others_cache_reader_ != nullptr) MeasureReader("others", *others_cache_reader_, metrics_);
  if (cache_writer_ != nullptr) {
    metrics_.CounterFrom("perennial_health_cache_writes_total", "Scores that Redis took.", {},
                         Of(cache_writer_->counts().written));
    metrics_.CounterFrom("perennial_health_cache_write_errors_total", "Batches of scores that Redis did not take.", {},
                         Of(cache_writer_->counts().write_errors));
    MeasureRedis("writer", cache_writer_->redis(), metrics_);
    metrics_.GaugeFrom("perennial_health_cache_lag_revisions", "Revisions of scores that are not in Redis yet.", {},
                       [this] {
                         const std::int64_t written = cache_writer_->written_revision();
                         const ReadLock read(portfolio_->lock());
                         return static_cast<double>(portfolio_->revision() - written);
                       });
  }
  metrics_.GaugeFrom("perennial_health_accounts", "Accounts that this process scores.", {}, [this] {
    const ReadLock read(portfolio_->lock());
    return static_cast<double>(portfolio_->table().live_count());
  });
  metrics_.GaugeFrom("perennial_health_facts_revision", "Revision of the facts feed that is scored.", {}, [this] {
    const ReadLock read(portfolio_->lock());
    return static_cast<double>(portfolio_->facts_revision());
  });
  metrics_.GaugeFrom("perennial_health_configuration_followed",
                     "1 while the scorecards and flag rules in force are known: kept here, or followed from the replica that "
                     "keeps them. Else 0.",
                     {}, [this] {
                       const bool follows = shards_ != nullptr && !shards_->KeepsConfiguration();
                       return !follows || configuration_connected_ ? 1.0 : 0.0;
                     });
  metrics_.GaugeFrom("perennial_health_scoring_queue", "Accounts that are to be looked at, whether their score changes.", {},
                     [this] { return static_cast<double>(assessor_->to_assess()); });
  MeasureWatches(hub_, feed_metrics_);
  MeasurePool("calls", pool_, feed_metrics_);
  MeasurePool("past", past_pool_, feed_metrics_);
  MeasurePool("heavy", heavy_pool_, feed_metrics_);
  MeasurePool("long", long_pool_, feed_metrics_);
  metrics_.GaugeFrom("perennial_health_ready", "1 once all facts were read, else 0.", {}, [this] {
    const ReadLock read(portfolio_->lock());
    return portfolio_->caught_up() ? 1.0 : 0.0;
  });
}

void HealthProcess::MeasureFollowing() {
  feed_metrics_.GaugeFrom("perennial_feed_lag_seconds",
                          "How long ago all that a feed told had been applied, by feed; 0 while it is.",
                          {{"feed", "facts"}}, [this] { return follower_->lag_seconds(); });
}

}  // namespace perennial::health
