#include "segment-svc/process.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "segment-svc/sqlite_segment_store.h"

namespace perennial::segments {

Process::~Process() { Stop(); }

absl::StatusOr<std::unique_ptr<Process>> Process::Start(Options options, const Clock& clock) {
  std::error_code error;
  std::filesystem::create_directories(options.data, error);
  if (error) return absl::FailedPreconditionError(absl::StrCat("cannot create ", options.data, ": ", error.message()));
  const std::filesystem::path folder = options.data;
  PERENNIAL_ASSIGN_OR_RETURN(sqlite::FileLock lock, sqlite::FileLock::Take((folder / "segments.db").string()));
  Stores stores;
  PERENNIAL_ASSIGN_OR_RETURN(stores.segments, SqliteSegmentStore::Open((folder / "segments.db").string()));
  PERENNIAL_ASSIGN_OR_RETURN(stores.engagement, EngagementStore::Open((folder / "engagement.db").string()));
  PERENNIAL_ASSIGN_OR_RETURN(stores.snapshots, SnapshotStore::Open((folder / "metrics.db").string()));
  std::unique_ptr<Process> process(new Process(std::move(lock), std::move(stores)));
  PERENNIAL_RETURN_IF_ERROR(process->Wire(std::move(options), clock));
  return process;
}

absl::Status Process::Wire(Options options, const Clock& clock) {
  PERENNIAL_ASSIGN_OR_RETURN(engine_,
                             SegmentEngine::Open(*stores_.segments, clock, options.shipped, [this] { OnPublished(); }));
  PERENNIAL_ASSIGN_OR_RETURN(book_, EngagementBook::Open(*stores_.engagement, clock, options.shipped_models));
  engine_->SetOnPurge([this](const std::string& account_id) {
    return book_->Edit([&](EngagementBook::Editor& editor) { return editor.Forget(account_id); });
  });
  segments_ = std::make_unique<Segments>(*engine_, [this](const std::string& id) { return book_->UsersOf(id); });
  models_ = std::make_unique<EngagementModels>(*engine_, *book_);
  managers_ = std::make_unique<EngagementManagers>(*book_);
  engagements_ = std::make_unique<Engagements>(*engine_, *book_, options.currency);
  memberships_ = std::make_unique<Memberships>(*engine_, *stores_.segments);
  preview_ = std::make_unique<Preview>(*engine_, options.currency);
  decisions_ = std::make_unique<MemberDecisions>(*engine_, *stores_.segments);
  metrics_ = std::make_unique<SegmentMetricsReader>(*engine_, *stores_.snapshots, options.currency);
  snapshots_ = std::make_unique<Snapshots>(*engine_, *stores_.snapshots, options.currency);
  ledger_ = std::make_unique<LiveLedger>(
      options.currency, [this](absl::Span<const std::string> account_ids) { return engine_->RowsOf(account_ids); },
      [this](const LiveLedger::Progress& progress) { ledger_gate_.Advance(progress.revision, progress.feed); });
  portfolio_ = std::make_unique<Portfolio>(*engine_, options.currency, ledger_.get());
  retention_ = std::make_unique<RevenueRetention>(*engine_, *ledger_, options.currency);
  equity_ = std::make_unique<CustomerEquity>(*engine_, options.currency);
  segment_service_ = std::make_unique<SegmentService>(SegmentService::Parts{.engine = *engine_,
                                                                            .store = *stores_.segments,
                                                                            .segments = *segments_,
                                                                            .memberships = *memberships_,
                                                                            .preview = *preview_,
                                                                            .decisions = *decisions_,
                                                                            .metrics = *metrics_,
                                                                            .gate = gate_,
                                                                            .hub = hub_,
                                                                            .pool = pool_,
                                                                            .watch_pool = watch_pool_});
  portfolio_service_ = std::make_unique<PortfolioService>(PortfolioService::Parts{.portfolio = *portfolio_,
                                                                                  .retention = *retention_,
                                                                                  .equity = *equity_,
                                                                                  .gate = gate_,
                                                                                  .ledger_gate = ledger_gate_,
                                                                                  .pool = portfolio_pool_});
  engagement_service_ = std::make_unique<EngagementService>(EngagementService::Parts{.models = *models_,
                                                                                     .managers = *managers_,
                                                                                     .engagements = *engagements_,
                                                                                     .gate = gate_,
                                                                                     .pool = pool_});
  std::vector<storage::CopySource> databases;
  for (const char* name : {"segments.db", "engagement.db", "metrics.db"}) {
    databases.push_back(storage::SqliteSource(absl::StrCat(options.data, "/", name)));
  }
  backup_ = std::make_unique<storage::BackupSource>(absl::StrCat(options.data, "/.backup"), std::move(databases));
  backup_service_ = std::make_unique<decltype(backup_service_)::element_type>(*backup_, hub_);
  OnPublished();
  PERENNIAL_ASSIGN_OR_RETURN(
      server_,
      Server::Start(options.server, {segment_service_.get(), portfolio_service_.get(), engagement_service_.get(),
                                        backup_service_.get()},
                    {v1::SegmentService::service_full_name(), v1::PortfolioService::service_full_name(),
                     v1::EngagementService::service_full_name(), v1::BackupService::service_full_name()}));
  {
    const MutexLock lock(ready_mu_);
    serving_ = true;
  }
  engine_->SetScoreFeeds(options.health.size());
  Metrics* const metrics = options.server.metrics;
  if (metrics != nullptr) {
    freshness_ = std::make_unique<Freshness>(
        *metrics, "perennial_segments_freshness_seconds",
        "From the commit of an account's facts, and so of the records they come from, to its memberships being published.",
        clock);
  }
  feeds_ = std::make_unique<Feeds>(*engine_, options.currency, options.accounts, options.health, freshness_.get());
  ledger_feed_ = std::make_unique<LedgerFeed>(*ledger_, options.accounts);
  if (metrics != nullptr) Measure(*metrics);
  sweeper_ = std::make_unique<Sweeper>(*engine_, *snapshots_, clock);
  return absl::OkStatus();
}

void Process::Measure(Metrics& metrics) {
  scope_ = std::make_unique<MetricsScope>(metrics);
  feeds_->Measure(*scope_);
  scope_->GaugeFrom("perennial_feed_lag_seconds",
                    "How long ago all that a feed told had been applied, by feed; 0 while it is.", {{"feed", "ledger"}},
                    [this] { return ledger_feed_->lag_seconds(); });
  constexpr std::pair<Cause, const char*> kCauses[] = {
      {Cause::kData, "data"}, {Cause::kTime, "time"}, {Cause::kDefinition, "definition"}, {Cause::kManual, "manual"}};
  for (const auto& [cause, name] : kCauses) {
    for (const bool entered : {true, false}) {
      scope_->CounterFrom("perennial_segments_membership_changes_total", "Accounts that entered or left segments, by reason.",
                          {{"cause", name}, {"change", entered ? "entered" : "left"}},
                          [this, cause = cause, entered] {
                            return static_cast<double>(engine_->membership_changes(cause, entered));
                          });
    }
  }
  const auto gauge = [this](const char* name, const char* help, double (*read)(const SegmentView&)) {
    scope_->GaugeFrom(name, help, {}, [this, read] { return engine_->Read(read); });
  };
  gauge("perennial_segments_facts_revision", "Revision of the facts feed that memberships reflect, scores and values with it.",
        [](const SegmentView& view) { return static_cast<double>(view.facts_revision); });
  gauge("perennial_segments_accounts", "Accounts that are in the table of facts.",
        [](const SegmentView& view) { return static_cast<double>(view.facts.table().live_count()); });
  gauge("perennial_segments_segments", "Segments that are kept in step.",
        [](const SegmentView& view) { return static_cast<double>(view.segments.size()); });
  scope_->GaugeFrom("perennial_segments_ready", "1 once all feeds were read and membership is in step, else 0.", {},
                    [this] { return engine_->ready() ? 1.0 : 0.0; });
  scope_->GaugeFrom("perennial_segments_waiting_calls", "Calls that wait for facts of a revision.", {},
                    [this] { return static_cast<double>(gate_.waiting()); });
  MeasureWatches(hub_, *scope_);
  MeasurePool("calls", pool_, *scope_);
  MeasurePool("watches", watch_pool_, *scope_);
  MeasurePool("portfolio", portfolio_pool_, *scope_);
}

void Process::OnPublished() {
  const auto [feeds, revision] = engine_->Read(
      [](const SegmentView& view) { return std::pair(view.facts_feeds, view.facts_revision); });
  gate_.Advance(revision, feeds);
  hub_.WakeAll();
  const MutexLock lock(ready_mu_);
  const bool ready = engine_->ready();
  if (!serving_ || ready == told_ready_) return;
  told_ready_ = ready;
  server_->SetReady(ready);
}

void Process::Stop() {
  if (server_ == nullptr) return;
  // Calls that wait for facts must end, or they hold up the rest.
  server_->Stop([this] {
    gate_.Close();
    ledger_gate_.Close();
    hub_.Drain();
  });
  if (scope_ != nullptr) scope_->Close();
  sweeper_.reset();
  ledger_feed_.reset();
  feeds_.reset();
}

}  // namespace perennial::segments
