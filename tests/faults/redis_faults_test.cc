// Faults of Redis, met by the real processes: a replica of health-svc answers for the accounts of another one that is gone, from Redis,
// else from the facts. Reads go through the gateway.
#include <grpcpp/grpcpp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "perennial/accounts/v1/account_service.grpc.pb.h"
#include "perennial/health/v1/health_score_service.grpc.pb.h"
#include "tests/faults/matrix.h"
#include "tests/testing/redis_fixture.h"

namespace perennial::testing {
namespace {

namespace health_v1 = perennial::health::v1;

constexpr int kAccounts = 40;
constexpr char kScorecards[] =
    "scorecards { id: 'general' revision: 1 groups { id: 'usage' weight: 1 } "
    "measures { id: 'use' group: 'usage' fact: 'attributes.use' weight: 1 missing: MISSING_POLICY_REDISTRIBUTE "
    "  curve { linear { points { value: 0 score: 0 } points { value: 100 score: 100 } } } } "
    "bands { id: 'red' } bands { id: 'green' lower_bound: 50 } }";

std::string KeyOf(const std::string& account) { return absl::StrCat("perennial:health:v1:score:{", account, "}"); }

// A place where connections get no answer of any kind, not even a refusal: a listener whose queue is full.
class BlackHole {
 public:
  BlackHole() {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    listen(listener_, 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    for (int& fd : waiting_) {
      fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
      (void)connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
    }
  }
  ~BlackHole() {
    for (const int fd : waiting_) close(fd);
    close(listener_);
  }
  [[nodiscard]] std::string address() const { return absl::StrCat("127.0.0.1:", port_); }

 private:
  int listener_ = -1;
  int port_ = 0;
  int waiting_[4] = {};
};

// Shard 0 of two has written its scores to Redis and is gone; the gateway knows shard 1 alone.
class RedisFaults : public MatrixTest {
 protected:
  void SetUp() override {
    WriteScorecards();
    Start(accounts_, {"accounts-svc", absl::StrCat("--port=", accounts_port_), "--data=" + Path("accounts"), "--metrics_port=-1"});
    StartShard(owner_, 0, redis_.address());
    StartShard(replica_, 1, redis_.address());
    StartGateway();
    CreateAccounts();
    ASSERT_TRUE(Until([&] { return AllCached() && OthersCached(); })) << "not all scores are in Redis";
    owner_->Kill();
    ASSERT_TRUE(Until([&] { return replica_->running() && ReplicaIsReady() && TryScore(others_[0], nullptr).ok(); }));
  }
  std::string LogsOfTest() const override {
    std::string logs;
    for (const char* name : {"accounts-svc", "0", "1", "gateway"}) {
      const std::string log = ReadFile(Path(absl::StrCat(name, ".log")));
      absl::StrAppend(&logs, "-- ", name, "\n", log.substr(log.size() < 2000 ? 0 : log.size() - 2000));
    }
    return logs;
  }

  [[nodiscard]] std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  void WriteScorecards() const {
    std::FILE* file = std::fopen(Path("scorecards").c_str(), "w");
    std::fputs(kScorecards, file);
    std::fclose(file);
  }
  void Start(std::unique_ptr<Process>& process, std::vector<std::string> command, const std::string& log = "") const {
    const std::string name = command[0];
    command[0] = absl::StrCat(PERENNIAL_BINARY_DIR, "/", name);
    process = std::make_unique<Process>(command, Path((log.empty() ? name : log) + ".log"));
  }
  void StartShard(std::unique_ptr<Process>& process, int shard, const std::string& redis) {
    Start(process,
          {"health-svc", absl::StrCat("--port=", health_port_[shard]), absl::StrCat("--data=", Path("health"), shard),
           absl::StrCat("--accounts=127.0.0.1:", accounts_port_), absl::StrCat("--shard=", shard, "/2"),
           absl::StrCat("--replicas=127.0.0.1:", health_port_[0], ",127.0.0.1:", health_port_[1]), "--redis=" + redis,
           absl::StrCat("--metrics_port=", metrics_port_[shard]), "--scorecards=" + Path("scorecards")},
          absl::StrCat(shard));
  }
  void StartGateway() {
    Start(gateway_, {"gateway", "--port=0", "--port_file=" + Path("port"), "--http_port=-1",
                     absl::StrCat("--accounts=127.0.0.1:", accounts_port_), absl::StrCat("--health=127.0.0.1:", health_port_[1]),
                     "--segments=127.0.0.1:1"});
    ASSERT_TRUE(Until([&] { return ReadFile(Path("port")).find('\n') != std::string::npos; }));
    const std::string address = ReadFile(Path("port"));
    channel_ = grpc::CreateChannel(address.substr(0, address.find('\n')), grpc::InsecureChannelCredentials());
    scores_ = health_v1::HealthScoreService::NewStub(channel_);
  }
  void CreateAccounts() {
    const auto stub = accounts::v1::AccountService::NewStub(channel_);
    for (int i = 0; i < kAccounts; ++i) {
      accounts::v1::CreateAccountRequest request;
      request.set_account_id(absl::StrCat("a", i));
      request.mutable_account()->set_display_name(absl::StrCat("Account ", i));
      (*request.mutable_account()->mutable_attributes())["use"].set_number(i);
      accounts::v1::CreateAccountResponse response;
      ASSERT_TRUE(Until([&] {
        grpc::ClientContext context;
        SetTime(context);
        const auto code = stub->CreateAccount(&context, request, &response).error_code();
        return code == grpc::StatusCode::OK || code == grpc::StatusCode::ALREADY_EXISTS;
      }));
      if (Fnv1a64(request.account_id()) % 2 == 0) others_.push_back(i);
    }
    ASSERT_GT(others_.size(), 10U);
  }
  static void SetTime(grpc::ClientContext& context) {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  }
  bool AllCached() {
    for (int i = 0; i < kAccounts; ++i) {
      if (redis_.Run({"EXISTS", KeyOf(absl::StrCat("a", i))}).integer != 1) return false;
    }
    return true;
  }
  bool OthersCached() {
    for (const int number : others_) {
      if (redis_.Run({"EXISTS", KeyOf(absl::StrCat("a", number))}).integer != 1) return false;
    }
    return true;
  }
  bool ReplicaIsReady() {
    const auto stub = grpc::health::v1::Health::NewStub(
        grpc::CreateChannel(absl::StrCat("127.0.0.1:", health_port_[1]), grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    SetTime(context);
    grpc::health::v1::HealthCheckRequest request;
    request.set_service("readiness");
    grpc::health::v1::HealthCheckResponse response;
    return stub->Check(&context, request, &response).ok() &&
           response.status() == grpc::health::v1::HealthCheckResponse::SERVING;
  }

  // The score that the gateway tells of an account of the replica that is gone; fails the test when there is none.
  double ScoreOf(int number) {
    double score = -1;
    const grpc::Status status = TryScore(number, &score);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return score;
  }
  grpc::Status TryScore(int number, double* score) {
    grpc::ClientContext context;
    SetTime(context);
    health_v1::GetHealthScoreRequest request;
    request.set_name(absl::StrCat("accounts/a", number, "/healthScore"));
    health_v1::GetHealthScoreResponse response;
    const grpc::Status status = scores_->GetHealthScore(&context, request, &response);
    if (status.ok() && score != nullptr) *score = response.health_score().score();
    return status;
  }
  // Every account of the other replica has its score, and this replica stays ready.
  void ExpectAnswers() {
    for (const int number : others_) EXPECT_NEAR(ScoreOf(number), number, 1e-6);
    EXPECT_TRUE(ReplicaIsReady());
  }
  double Reads(const std::string& result) {
    return MetricOf(metrics_port_[1], "perennial_health_cache_reads_total",
                    absl::StrCat("scores=\"others\",result=\"", result, "\""));
  }
  double OfOthers(const std::string& name) {
    return MetricOf(metrics_port_[1], absl::StrCat("perennial_health_score_", name), "scores=\"others\"");
  }
  double Breaker(const std::string& name) {
    return MetricOf(metrics_port_[1], "perennial_redis_" + name, "client=\"reader_of_others\"");
  }
  // Asks until Redis has failed so often that it is left alone.
  void ExpectBreakerOpens() {
    EXPECT_TRUE(Until([&] {
      ExpectAnswers();
      return Breaker("refused_total") > 0;
    }));
    EXPECT_GE(Breaker("failures_total"), 5);
    Observe(absl::StrCat(Breaker("failures_total"), " failures, then left alone"));
  }
  void ExpectHitsAgain() {
    const double before = Reads("hit");
    EXPECT_TRUE(Until([&] {
      ExpectAnswers();
      return Reads("hit") > before;
    }));
    Observe("read again once it answers");
  }
  RedisReply Redis(const RedisCommand& command) { return redis_.Run(command); }

  const TemporaryFolder folder_;
  RedisServer redis_;
  const int accounts_port_ = FreePort();
  const int health_port_[2] = {FreePort(), FreePort()};
  const int metrics_port_[2] = {FreePort(), FreePort()};
  std::unique_ptr<Process> accounts_;
  std::unique_ptr<Process> owner_;
  std::unique_ptr<Process> replica_;
  std::unique_ptr<Process> gateway_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<health_v1::HealthScoreService::Stub> scores_;
  std::vector<int> others_;  // numbers of the accounts of shard 0
};

TEST_F(RedisFaults, RedisThatIsDownFailsNoReadAndIsLeftAlone) {
  Row("F5");
  // On a busy machine one or the other read may take longer than Redis is waited for.
  EXPECT_TRUE(Until([&] {
    ExpectAnswers();
    return Reads("hit") >= static_cast<double>(others_.size());
  }));
  redis_.Stop();
  ExpectBreakerOpens();
  EXPECT_GT(Reads("error"), 0);
  redis_.Start();
  StartShard(owner_, 0, redis_.address());  // what Redis had is lost: its writer brings it back
  ASSERT_TRUE(Until([&] { return OthersCached(); }));
  owner_->Kill();
  ExpectHitsAgain();
}

TEST_F(RedisFaults, RedisThatHangsCostsAFewTimeoutsAndNotEachTime) {
  Row("F6");
  redis_.Freeze();
  ExpectBreakerOpens();
  redis_.Thaw();
  ExpectHitsAgain();
  (void)Redis({"CLIENT", "PAUSE", "300", "ALL"});
  ExpectAnswers();
  Observe("answers while Redis pauses its clients");
}

TEST_F(RedisFaults, RedisThatCannotBeReachedCostsAFewTimeouts) {
  Row("F7");
  const BlackHole nowhere;
  replica_->Kill();
  StartShard(replica_, 1, nowhere.address());
  ASSERT_TRUE(Until([&] { return replica_->running() && ReplicaIsReady() && TryScore(others_[0], nullptr).ok(); }));
  ExpectBreakerOpens();
  EXPECT_EQ(Reads("hit"), 0);
}

TEST_F(RedisFaults, TheTimeoutHoldsAfterAReconnectionToo) {
  Row("F8");
  const double before = Reads("hit");
  (void)Redis({"CLIENT", "KILL", "TYPE", "normal"});
  ExpectHitsAgain();
  EXPECT_GT(Reads("hit"), before);
  redis_.Freeze();
  ExpectBreakerOpens();
  redis_.Thaw();
}

TEST_F(RedisFaults, WhatIsNoScoreIsAbsentAndDeleted) {
  Row("F9");
  const std::string rubbish = KeyOf(absl::StrCat("a", others_[0]));
  const std::string list = KeyOf(absl::StrCat("a", others_[1]));
  ASSERT_EQ(Redis({"SET", rubbish, std::string("\0\xff rubbish", 10)}).text, "OK");
  (void)Redis({"DEL", list});
  ASSERT_EQ(Redis({"LPUSH", list, "x"}).integer, 1);
  EXPECT_TRUE(Until([&] {
    ExpectAnswers();
    return Reads("poisoned") >= 2;
  }));
  EXPECT_TRUE(Until([&] { return Redis({"EXISTS", rubbish}).integer == 0; }));
  Observe("random bytes and another type: computed anew, counted");
  const auto writes_fail_until = [&](const RedisCommand& spoil, const RedisCommand& mend) {
    (void)Redis({"DEL", list});
    (void)Redis(spoil);
    StartShard(owner_, 0, redis_.address());
    EXPECT_TRUE(Until([&] { return MetricOf(metrics_port_[0], "perennial_health_cache_write_errors_total") > 0; }));
    ExpectAnswers();
    (void)Redis(mend);
    EXPECT_TRUE(Until([&] { return Redis({"EXISTS", list}).integer == 1; }));
    owner_->Kill();
    ExpectAnswers();
  };
  writes_fail_until({"CONFIG", "SET", "maxmemory", "1"}, {"CONFIG", "SET", "maxmemory", "0"});
  Observe("full: answers, and is written once there is room");
  writes_fail_until({"REPLICAOF", "127.0.0.1", "1"}, {"REPLICAOF", "NO", "ONE"});
  Observe("read-only: the same");
}

TEST_F(RedisFaults, WhileRedisLoadsItsDataNoReadFailsAndItIsReadOnceItHas) {
  Row("F9");
  redis_.RestartLoading();
  const double hits = Reads("hit");
  const double errors = Reads("error");
  EXPECT_TRUE(Until([&] {
    ExpectAnswers();
    return Reads("error") >= errors + 5;
  }));
  EXPECT_TRUE(redis_.IsLoading()) << "else nothing was shown";
  EXPECT_EQ(Reads("hit"), hits);
  EXPECT_EQ(Reads("poisoned"), 0) << "and it keeps what it has";
  redis_.FinishLoading();
  ASSERT_TRUE(OthersCached());
  ExpectHitsAgain();
  Observe("loading: answers, counted");
}

TEST_F(RedisFaults, AScoreThatManyAskForIsComputedOnce) {
  Row("F10");
  constexpr int kReaders = 500;
  struct Reader {
    grpc::ClientContext context;
    health_v1::GetHealthScoreRequest request;
    health_v1::GetHealthScoreResponse response;
  };
  const int hot = others_[0];
  // The source must not be away for as long as it is waited for, on a machine that is busy; then another round tells.
  bool told = false;
  for (int round = 0; round < 10 && !told; ++round) {
    (void)Redis({"DEL", KeyOf(absl::StrCat("a", hot))});
    const double computed = OfOthers("recomputations_total");
    const double joined = OfOthers("joined_total");
    accounts_->Freeze();
    std::vector<Reader> readers(kReaders);
    std::atomic<int> right = 0;
    std::atomic<int> done = 0;
    for (Reader& reader : readers) {
      SetTime(reader.context);
      reader.request.set_name(absl::StrCat("accounts/a", hot, "/healthScore"));
      scores_->async()->GetHealthScore(&reader.context, &reader.request, &reader.response, [&](const grpc::Status& status) {
        if (status.ok() && std::abs(reader.response.health_score().score() - hot) < 1e-6) ++right;
        ++done;
      });
    }
    EXPECT_TRUE(Until([&] { return OfOthers("joined_total") - joined == kReaders - 1 || done > 0; }));
    told = done == 0;
    accounts_->Thaw();
    EXPECT_TRUE(Until([&] { return done == kReaders; }));
    told = told && right == kReaders;
    if (told) {
      EXPECT_EQ(OfOthers("recomputations_total") - computed, 1);
    }
  }
  EXPECT_TRUE(told);
  Observe("500 readers of a score that is gone: computed once, 499 wait for it");
  std::set<std::int64_t> times;
  for (int i = 0; i < kAccounts; ++i) {
    if (i != hot) times.insert(Redis({"PTTL", KeyOf(absl::StrCat("a", i))}).integer / 1000);
  }
  constexpr std::int64_t kDay = 24L * 3600;
  EXPECT_GT(*times.rbegin() - *times.begin(), kDay / 20) << "they expire at different times";
  EXPECT_LE(*times.rbegin(), kDay * 12 / 10);
  Observe(absl::StrCat("keys expire ", (*times.rbegin() - *times.begin()) / 60, " minutes apart"));
}

}  // namespace
}  // namespace perennial::testing
