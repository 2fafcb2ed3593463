#include "segment-svc/process.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "segment-svc/sqlite_segment_store.h"

namespace perennial::segments {

Process::Process(sqlite::FileLock lock, std::unique_ptr<SegmentStore> store)
    : lock_(std::move(lock)), store_(std::move(store)) {}

Process::~Process() { Stop(); }

absl::StatusOr<std::unique_ptr<Process>> Process::Start(Options options, const Clock& clock) {
  std::error_code error;
  std::filesystem::create_directories(options.data, error);
  if (error) return absl::FailedPreconditionError(absl::StrCat("cannot create ", options.data, ": ", error.message()));
  const std::string path = (std::filesystem::path(options.data) / "segments.db").string();
  PERENNIAL_ASSIGN_OR_RETURN(sqlite::FileLock lock, sqlite::FileLock::Take(path));
  PERENNIAL_ASSIGN_OR_RETURN(auto store, SqliteSegmentStore::Open(path));
  std::unique_ptr<Process> process(new Process(std::move(lock), std::move(store)));
  PERENNIAL_RETURN_IF_ERROR(process->Wire(std::move(options), clock));
  return process;
}

absl::Status Process::Wire(Options options, const Clock& clock) {
  PERENNIAL_ASSIGN_OR_RETURN(engine_,
                             SegmentEngine::Open(*store_, clock, options.shipped, [this] { OnPublished(); }));
  segments_ = std::make_unique<Segments>(*engine_);
  memberships_ = std::make_unique<Memberships>(*engine_, *store_);
  preview_ = std::make_unique<Preview>(*engine_, options.currency);
  portfolio_ = std::make_unique<Portfolio>(*engine_, options.currency);
  segment_service_ = std::make_unique<SegmentService>(SegmentService::Parts{.engine = *engine_,
                                                                            .store = *store_,
                                                                            .segments = *segments_,
                                                                            .memberships = *memberships_,
                                                                            .preview = *preview_,
                                                                            .gate = gate_,
                                                                            .hub = hub_,
                                                                            .pool = pool_,
                                                                            .watch_pool = watch_pool_});
  portfolio_service_ = std::make_unique<PortfolioService>(*portfolio_, gate_, pool_);
  OnPublished();
  PERENNIAL_ASSIGN_OR_RETURN(
      server_, Server::Start(options.server, {segment_service_.get(), portfolio_service_.get()},
                             {v1::SegmentService::service_full_name(), v1::PortfolioService::service_full_name()}));
  {
    const MutexLock lock(ready_mu_);
    serving_ = true;
  }
  feeds_ = std::make_unique<Feeds>(*engine_, options.accounts, options.health);
  sweeper_ = std::make_unique<Sweeper>(*engine_, clock);
  return absl::OkStatus();
}

void Process::OnPublished() {
  gate_.Advance(engine_->Read([](const SegmentView& view) { return view.facts_revision; }));
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
    hub_.Drain();
  });
  sweeper_.reset();
  feeds_.reset();
}

}  // namespace perennial::segments
