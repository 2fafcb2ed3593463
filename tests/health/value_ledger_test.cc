// The feed of ledgers as fits read it: ledgers in parts, changes meanwhile, and feeds that break off.
#include "health-svc/value_ledger.h"

#include <gmock/gmock.h>

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/server/server.h"
#include "common/server/watch_stream.h"
#include "common/server/worker_pool.h"

namespace perennial::health {
namespace {

namespace accounts_v1 = perennial::accounts::v1;
using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr int kWhole = 0;
constexpr int kFirst = 1;  // continues with the next
constexpr int kLast = 2;   // continues the one before
constexpr int kMiddle = kFirst | kLast;

accounts_v1::AccountLedger PartOf(const std::string& account, std::int64_t revision, const std::vector<int>& mrr,
                                  int place = kWhole) {
  accounts_v1::AccountLedger part;
  part.set_account("accounts/" + account);
  part.set_revision(revision);
  part.set_continues_next((place & kFirst) != 0);
  part.set_continues_previous((place & kLast) != 0);
  for (const int amount : mrr) part.add_movements()->mutable_mrr_after()->set_amount(absl::StrCat(amount));
  return part;
}

std::vector<std::string> MrrOf(const accounts_v1::AccountLedger& ledger) {
  std::vector<std::string> mrr;
  for (const auto& movement : ledger.movements()) mrr.push_back(movement.mrr_after().amount());
  return mrr;
}

TEST(LedgerParts, AreTheirLedgerOnceTheLastHasCome) {
  LedgerParts parts;
  const auto whole = parts.Add(PartOf("small", 1, {5}));
  ASSERT_TRUE(whole.ok() && *whole != nullptr);
  ASSERT_TRUE(parts.Add(PartOf("great", 2, {1, 2}, kFirst)).ok());
  const auto middle = parts.Add(PartOf("great", 2, {3}, kMiddle));
  ASSERT_TRUE(middle.ok());
  EXPECT_EQ(*middle, nullptr);
  const auto last = parts.Add(PartOf("great", 2, {4}, kLast));
  ASSERT_TRUE(last.ok() && *last != nullptr);
  EXPECT_EQ((*last)->account(), "accounts/great");
  EXPECT_THAT(MrrOf(**last), ElementsAre("1", "2", "3", "4"));
  EXPECT_FALSE((*last)->continues_previous() || (*last)->continues_next());

  const auto next = parts.Add(PartOf("next", 3, {7}, kFirst));
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(*next, nullptr);
  const auto end = parts.Add(PartOf("next", 3, {}, kLast));
  ASSERT_TRUE(end.ok() && *end != nullptr);
  EXPECT_THAT(MrrOf(**end), ElementsAre("7")) << "nothing of the ledger before";
}

TEST(LedgerParts, AreRefusedWhenOneIsMissing) {
  const auto refuses = [](const std::vector<accounts_v1::AccountLedger>& good, const accounts_v1::AccountLedger& bad) {
    LedgerParts parts;
    for (const auto& part : good) EXPECT_TRUE(parts.Add(part).ok());
    return absl::IsDataLoss(parts.Add(bad).status());
  };
  EXPECT_TRUE(refuses({}, PartOf("a", 1, {1}, kLast))) << "without the first";
  EXPECT_TRUE(refuses({PartOf("a", 1, {1})}, PartOf("a", 1, {2}, kLast))) << "after a whole one";
  EXPECT_TRUE(refuses({PartOf("a", 1, {1}, kFirst)}, PartOf("b", 2, {1}))) << "without the last";
  EXPECT_TRUE(refuses({PartOf("a", 1, {1}, kFirst)}, PartOf("b", 1, {1}, kLast))) << "of another account";
  EXPECT_TRUE(refuses({PartOf("a", 1, {1}, kFirst)}, PartOf("a", 2, {1}, kMiddle))) << "of another revision";
}

// Sends what a test says, and ends the stream or leaves it open.
class ScriptedLedgers final : public accounts_v1::SubscriptionService::CallbackService {
 public:
  explicit ScriptedLedgers(std::vector<accounts_v1::WatchRevenueMovementsResponse> messages)
      : messages_(std::move(messages)) {
    auto server = Server::Start({.grace = std::chrono::milliseconds(2000)}, {this},
                                {accounts_v1::SubscriptionService::service_full_name()});
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  ~ScriptedLedgers() override {
    server_->Stop([this] { hub_.Drain(); });
  }
  ScriptedLedgers(const ScriptedLedgers&) = delete;
  ScriptedLedgers& operator=(const ScriptedLedgers&) = delete;

  grpc::ServerWriteReactor<accounts_v1::WatchRevenueMovementsResponse>* WatchRevenueMovements(
      grpc::CallbackServerContext*, const accounts_v1::WatchRevenueMovementsRequest*) override {
    const auto next = std::make_shared<std::size_t>(0);
    return WatchStream<accounts_v1::WatchRevenueMovementsResponse>::Start(
        hub_, pool_, [this, next]() -> absl::StatusOr<std::optional<accounts_v1::WatchRevenueMovementsResponse>> {
          if (*next < messages_.size()) return messages_[(*next)++];
          if (messages_.back().caught_up()) return std::nullopt;
          return absl::UnavailableError("the server stops");
        });
  }

  // Ledgers by account, in the order of the visits.
  absl::StatusOr<std::vector<std::pair<std::string, std::vector<std::string>>>> Visit() {
    std::vector<std::pair<std::string, std::vector<std::string>>> visits;
    const absl::Status status = ValueHistory(server_->InProcessChannel())
                                    .VisitLedgers(
                                        [] {
                                          auto context = std::make_unique<grpc::ClientContext>();
                                          context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
                                          return context;
                                        },
                                        [&](const std::string& account, const accounts_v1::AccountLedger& ledger) {
                                          visits.emplace_back(account, MrrOf(ledger));
                                        });
    if (!status.ok()) return status;
    return visits;
  }

 private:
  const std::vector<accounts_v1::WatchRevenueMovementsResponse> messages_;
  WatchHub hub_;
  WorkerPool pool_{{.threads = 1, .max_queued = 16}};
  std::unique_ptr<Server> server_;
};

accounts_v1::WatchRevenueMovementsResponse MessageOf(const std::vector<accounts_v1::AccountLedger>& ledgers,
                                                     bool caught_up = false) {
  accounts_v1::WatchRevenueMovementsResponse message;
  for (const auto& ledger : ledgers) *message.add_ledgers() = ledger;
  message.set_caught_up(caught_up);
  return message;
}

TEST(VisitLedgers, JoinsPartsAcrossMessagesAndLeavesOutDeletedAccounts) {
  accounts_v1::AccountLedger gone = PartOf("gone", 2, {});
  gone.set_deleted(true);
  ScriptedLedgers ledgers({MessageOf({PartOf("a", 1, {1}), gone, PartOf("b", 3, {2}, kFirst)}),
                           MessageOf({PartOf("b", 3, {3}, kMiddle)}), MessageOf({PartOf("b", 3, {4}, kLast)}),
                           MessageOf({PartOf("c", 4, {5})}, true)});
  const auto visits = ledgers.Visit();
  ASSERT_TRUE(visits.ok()) << visits.status();
  EXPECT_THAT(*visits, ElementsAre(Pair("a", ElementsAre("1")), Pair("b", ElementsAre("2", "3", "4")),
                                   Pair("c", ElementsAre("5"))));
}

TEST(VisitLedgers, VisitsAnAccountOnceThoughItChangesMeanwhile) {
  ScriptedLedgers ledgers({MessageOf({PartOf("a", 1, {1}), PartOf("b", 2, {2})}), MessageOf({PartOf("a", 3, {9})}, true)});
  const auto visits = ledgers.Visit();
  ASSERT_TRUE(visits.ok()) << visits.status();
  EXPECT_THAT(*visits, UnorderedElementsAre(Pair("a", ElementsAre("1")), Pair("b", ElementsAre("2"))));
}

TEST(VisitLedgers, FailsWhenNotAllHasCome) {
  ScriptedLedgers broken({MessageOf({PartOf("a", 1, {1}), PartOf("b", 2, {2}, kFirst)})});
  EXPECT_TRUE(absl::IsUnavailable(broken.Visit().status())) << broken.Visit().status();
  ScriptedLedgers with_a_gap({MessageOf({PartOf("b", 2, {2}, kFirst)}), MessageOf({PartOf("c", 3, {1})}, true)});
  EXPECT_TRUE(absl::IsDataLoss(with_a_gap.Visit().status())) << with_a_gap.Visit().status();
}

}  // namespace
}  // namespace perennial::health
