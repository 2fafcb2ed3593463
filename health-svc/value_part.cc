#include "health-svc/value_part.h"

#include <utility>

#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::health {
namespace {

// Longest that reading what customers bought may take.
constexpr std::chrono::seconds kReadDeadline{60};
// Reading goes on for at most a share of the time: so many times as long as it took it rests.
constexpr int kRest = 20;

}  // namespace

absl::StatusOr<std::unique_ptr<ValuePart>> ValuePart::Open(const Options& options) {
  std::unique_ptr<ValuePart> out(new ValuePart(options));
  PERENNIAL_ASSIGN_OR_RETURN(out->book_, ValueBook::Create(options.portfolio, options.clock, [raw = out.get()] {
                               raw->options_.hub.WakeAll();
                               if (raw->cache_writer_ != nullptr) raw->cache_writer_->Wake();
                             }));
  if (!options.redis.empty()) {
    PERENNIAL_ASSIGN_OR_RETURN(auto reader, RedisClient::Create({.address = options.redis}));
    PERENNIAL_ASSIGN_OR_RETURN(auto writer, RedisClient::Create({.address = options.redis}));
    out->cache_reader_ = std::make_unique<ValueCacheReader>(std::move(reader));
    out->cache_writer_ = std::make_unique<ValueCacheWriter>(std::move(writer), options.portfolio, *out->book_);
  }
  PERENNIAL_ASSIGN_OR_RETURN(out->library_, ValueLibrary::Open(options.store, options.clock));
  out->library_->SetFollow(
      [book = out->book_.get()](std::unique_ptr<ValueRules> rules) { book->SetRules(std::move(rules)); });
  out->fits_ = std::make_unique<ValueFits>(out->history_, *out->library_, options.clock);
  out->churn_fits_ = std::make_unique<ChurnFits>(out->history_, *out->library_, options.clock);
  out->values_ =
      std::make_unique<CustomerValues>(options.portfolio, *out->book_, out->cache_reader_.get(), options.clock);
  out->service_ = std::make_unique<ValueService>(ValueService::Parts{.values = *out->values_,
                                                                     .library = *out->library_,
                                                                     .fits = *out->fits_,
                                                                     .churn_fits = *out->churn_fits_,
                                                                     .portfolio = options.portfolio,
                                                                     .book = *out->book_,
                                                                     .pool = options.pool,
                                                                     .fit_pool = out->fit_pool_,
                                                                     .waiters = options.waiters,
                                                                     .hub = options.hub});
  return out;
}

void ValuePart::Start() {
  ticker_ = std::make_unique<Ticker>(options_.tick, [this] {
    book_->Tick();
    return absl::OkStatus();
  });
  purchases_ticker_ = std::make_unique<Ticker>(options_.tick, [this] { return ReadPurchases(); });
}

absl::Status ValuePart::ReadPurchases() {
  if (std::chrono::steady_clock::now() < read_again_) return absl::OkStatus();
  for (const std::string& metric : book_->MetricsToRead()) {
    const auto began = std::chrono::steady_clock::now();
    const std::int64_t today = DayOf(options_.clock.Now());
    ValueBook::PurchasesByAccount bought;
    const auto make_context = [] {
      auto context = std::make_unique<grpc::ClientContext>();
      context->set_deadline(std::chrono::system_clock::now() + kReadDeadline);
      return context;
    };
    PERENNIAL_RETURN_IF_ERROR(history_.VisitDailyUsage(metric, std::nullopt, make_context,
                                                       [&](const std::string& account, const auto& usage) {
                                                         const auto one = BoughtBy(usage, today);
                                                         if (one.has_value()) bought.emplace(account, *one);
                                                         return !stopping_;
                                                       }));
    if (stopping_) break;
    book_->SetPurchases(metric, std::move(bought));
    read_again_ = std::chrono::steady_clock::now() + kRest * (std::chrono::steady_clock::now() - began);
  }
  return absl::OkStatus();
}

void ValuePart::Stop() {
  stopping_ = true;
  book_->Stop();
  purchases_ticker_.reset();
  ticker_.reset();
}

}  // namespace perennial::health
