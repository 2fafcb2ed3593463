#include "bench/portfolio_feed.h"

#include <cstdlib>
#include <iostream>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "common/base/hash.h"
#include "common/base/time_util.h"

namespace perennial::bench {
namespace {

namespace v1 = perennial::accounts::v1;

constexpr std::int64_t kRowsAtOnce = 500;
constexpr int kFacts = 60;
constexpr std::int64_t kNow = 1735603199;  // 2024-12-30T23:59:59Z

// Ranges in which a flag is raised on about one account in five.
struct Named {
  const char* name;
  double least;
  double greatest;
};
constexpr Named kNumbers[] = {{"csat.avg_90d", 2, 5},
                              {"goals.progress", 0, 1},
                              {"nps.latest", 5.5, 10},
                              {"nps.days_since", 0, 200},
                              {"onboarding.first_value_days", 0, 90},
                              {"onboarding.progress", 0, 1},
                              {"pulse.latest", 1, 5},
                              {"pulse.days_since", 0, 120},
                              {"support.on_time_rate_90d", 0, 1},
                              {"support.resolution_hours_90d", 0, 200},
                              {"support.unanswered_urgent", -5, 0.4},
                              {"touch.days_since_last", 0, 200},
                              {"trial_days_left", 0, 30},
                              {"usage.breadth_30d", 0, 1},
                              {"usage.change_30d", -0.35, 0.6},
                              {"usage.days_since_last", 0, 120},
                              {"usage.seat_utilisation_30d", 0.1, 0.95},
                              {"mrr", 0, 20000},
                              {"seats", 1, 500},
                              {"tenure_days", 0, 3000},
                              {"phase_days", 0, 1000},
                              {"renewal_days", 0, 730}};
constexpr const char* kPhases[] = {"ONBOARDING", "ADOPTION", "ADOPTION", "ADOPTION", "RENEWAL", "EXPANSION",
                                   "ADOPTION",   "ADOPTION", "ADOPTION", "ADOPTION", "TRIAL",   "CHURNED"};

// A number at random that is always the same for the same account and fact, 0 to 1.
double Share(std::int64_t account, int fact) {
  std::uint64_t bits = static_cast<std::uint64_t>(account) * 0x9E3779B97F4A7C15ULL +
                       static_cast<std::uint64_t>(fact) * 0xD1B54A32D192ED03ULL;
  bits ^= bits >> 31;
  bits *= 0x94D049BB133111EBULL;
  bits ^= bits >> 29;
  return static_cast<double>(bits >> 11) / 9007199254740992.0;
}

}  // namespace

std::string PortfolioFeed::AccountId(std::int64_t number) { return absl::StrFormat("account-%07d", number); }

PortfolioFeed::PortfolioFeed(std::int64_t accounts) : accounts_(accounts) {
  const auto define = [&](const std::string& name, v1::FactType type) {
    v1::FactDefinition& definition = definitions_.emplace_back();
    definition.set_id(static_cast<std::uint32_t>(definitions_.size() - 1));
    definition.set_name(name);
    definition.set_type(type);
    if (name == "nps.latest") definition.set_age_fact("nps.days_since");
    if (name == "pulse.latest") definition.set_age_fact("pulse.days_since");
  };
  define("phase", v1::FACT_TYPE_STRING);
  define("plan", v1::FACT_TYPE_STRING);
  for (const Named& number : kNumbers) define(number.name, v1::FACT_TYPE_NUMBER);
  while (definitions_.size() < kFacts) {
    define(absl::StrCat("usage.metric", definitions_.size(), ".sum_30d"), v1::FACT_TYPE_NUMBER);
  }
  auto server = Server::Start({}, {this}, {v1::FactService::service_full_name()});
  if (!server.ok()) {
    std::cerr << server.status() << "\n";
    std::exit(1);
  }
  server_ = *std::move(server);
}

PortfolioFeed::~PortfolioFeed() {
  server_->Stop([this] { hub_.Drain(); });
}

std::string PortfolioFeed::address() const { return absl::StrCat("127.0.0.1:", server_->port()); }

void PortfolioFeed::AddRow(std::int64_t number, v1::WatchFactsResponse& out) const {
  v1::PackedFacts* row = out.add_rows();
  row->set_account_id(AccountId(number));
  row->set_revision(number + 1);
  row->mutable_as_of()->set_seconds(kNow);
  row->add_text_ids(0);
  row->add_text_values(kPhases[static_cast<std::size_t>(Share(number, 0) * 12)]);
  row->add_text_ids(1);
  row->add_text_values(absl::StrCat("plan-", static_cast<int>(Share(number, 1) * 5)));
  for (int fact = 2; fact < kFacts; ++fact) {
    const double share = Share(number, fact);
    if (share < 0.2) continue;
    const auto at = static_cast<std::size_t>(fact - 2);
    row->add_number_ids(static_cast<std::uint32_t>(fact));
    row->add_number_values(at < std::size(kNumbers) ? kNumbers[at].least + (kNumbers[at].greatest - kNumbers[at].least) *
                                                                               (share - 0.2) / 0.8
                                                    : static_cast<double>(static_cast<int>(share * 1000)));
  }
}

grpc::ServerWriteReactor<v1::WatchFactsResponse>* PortfolioFeed::WatchFacts(grpc::CallbackServerContext*,
                                                                            const v1::WatchFactsRequest* request) {
  struct Reader {
    std::int64_t next = 0;
    bool told = false;
    std::uint64_t index = 0;
    std::uint64_t count = 1;
  };
  const auto reader = std::make_shared<Reader>();
  reader->next = request->start_revision();
  reader->index = static_cast<std::uint64_t>(request->shard_index());
  if (request->shard_count() > 0) reader->count = static_cast<std::uint64_t>(request->shard_count());
  return WatchStream<v1::WatchFactsResponse>::Start(
      hub_, pool_, [this, reader]() -> absl::StatusOr<std::optional<v1::WatchFactsResponse>> {
        if (reader->next >= accounts_ && reader->told) return std::nullopt;
        v1::WatchFactsResponse out;
        if (!std::exchange(reader->told, true))
          out.mutable_definitions()->Assign(definitions_.begin(), definitions_.end());
        for (; reader->next < accounts_ && out.rows_size() < kRowsAtOnce; ++reader->next) {
          if (reader->count == 1 || Fnv1a64(AccountId(reader->next)) % reader->count == reader->index) {
            AddRow(reader->next, out);
          }
        }
        out.set_progress_revision(reader->next);
        out.set_caught_up(reader->next >= accounts_);
        out.mutable_server_time()->set_seconds(kNow);
        return out;
      });
}

}  // namespace perennial::bench
