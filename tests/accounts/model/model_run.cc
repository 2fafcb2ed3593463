#include "tests/accounts/model/model_run.h"

#include <chrono>

#include "absl/strings/str_cat.h"

namespace perennial::accounts::testing {
namespace {

constexpr int kStepsBetweenFullChecks = 15;

// Calls a unary method; its code and message.
template <class Stub, class Request, class Response>
grpc::Status SendTo(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  return (stub.*method)(&context, request, response);
}

// Sends each kind of request to its method.
struct Sender {
  ModelStubs& stubs;

#define PERENNIAL_MODEL_METHOD(stub, service, method)                                        \
  grpc::Status operator()(const v1::method##Request& request) const {                        \
    v1::method##Response response;                                                           \
    return SendTo(*stubs.stub, &v1::service::Stub::method, request, &response);                \
  }
  PERENNIAL_MODEL_METHOD(accounts, AccountService, CreateAccount)
  PERENNIAL_MODEL_METHOD(accounts, AccountService, UpdateAccount)
  PERENNIAL_MODEL_METHOD(accounts, AccountService, DeleteAccount)
  PERENNIAL_MODEL_METHOD(accounts, AccountService, UndeleteAccount)
  PERENNIAL_MODEL_METHOD(accounts, AccountService, PurgeAccount)
  PERENNIAL_MODEL_METHOD(rates, ExchangeRateService, SetExchangeRate)
  PERENNIAL_MODEL_METHOD(rates, ExchangeRateService, DeleteExchangeRate)
  PERENNIAL_MODEL_METHOD(accounts, AccountService, CreateContact)
  PERENNIAL_MODEL_METHOD(accounts, AccountService, UpdateContact)
  PERENNIAL_MODEL_METHOD(accounts, AccountService, DeleteContact)
  PERENNIAL_MODEL_METHOD(subscriptions, SubscriptionService, CreateSubscription)
  PERENNIAL_MODEL_METHOD(subscriptions, SubscriptionService, UpdateSubscription)
  PERENNIAL_MODEL_METHOD(subscriptions, SubscriptionService, CancelSubscription)
  PERENNIAL_MODEL_METHOD(goals, GoalService, CreateGoal)
  PERENNIAL_MODEL_METHOD(goals, GoalService, UpdateGoal)
  PERENNIAL_MODEL_METHOD(goals, GoalService, DeleteGoal)
  PERENNIAL_MODEL_METHOD(tasks, TaskService, CreateTask)
  PERENNIAL_MODEL_METHOD(tasks, TaskService, UpdateTask)
  PERENNIAL_MODEL_METHOD(tasks, TaskService, CompleteTask)
  PERENNIAL_MODEL_METHOD(records, RecordService, CorrectRecord)
  PERENNIAL_MODEL_METHOD(records, RecordService, DeleteRecord)
  PERENNIAL_MODEL_METHOD(lifecycle, LifecycleService, UpdateLifecycleRules)
  PERENNIAL_MODEL_METHOD(lifecycle, LifecycleService, MoveAccountPhase)
  PERENNIAL_MODEL_METHOD(lifecycle, LifecycleService, UndoPhaseMove)
#undef PERENNIAL_MODEL_METHOD
};

std::string NameOf(Fate fate) {
  constexpr const char* kNames[] = {"stored", "replaced", "duplicate", "invalid", "no account", "id reused"};
  return kNames[static_cast<int>(fate)];
}

Fate FateOf(int code) {
  if (code == Code::NOT_FOUND) return Fate::kNoAccount;
  return code == Code::ALREADY_EXISTS ? Fate::kIdReused : Fate::kInvalid;
}

}  // namespace

ModelRun::ModelRun(absl::Time start, absl::Duration patience)
    : patience_(patience), clock_(start), model_(start) {
  StartServer();
}

ModelRun::~ModelRun() { StopServer(); }

void ModelRun::StartServer() {
  auto server = AccountsServer::Start({.data = folder_.path(),
                                       .database = DatabaseFor(folder_.path()),
                                       .sweep_interval = std::chrono::milliseconds(2)},
                                      clock_);
  ASSERT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
  stubs_ = std::make_unique<ModelStubs>(server_->InProcessChannel());
  follower_.Connect(*stubs_->facts);
}

void ModelRun::StopServer() {
  follower_.Disconnect();
  stubs_.reset();
  server_.reset();
}

std::string ModelRun::Run(const std::vector<Step>& steps) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    std::string difference = Do(steps[i]);
    if (difference.empty()) difference = CheckAfterStep();
    if (difference.empty() && (i % kStepsBetweenFullChecks == 0 || i + 1 == steps.size())) difference = CheckAll();
    if (!difference.empty()) return absl::StrCat("after step ", i, ", ", TextOf(steps[i]), "\n", difference);
  }
  // A reader that begins now sees the same as the one that was there all the time.
  ModelFollower late;
  late.Connect(*stubs_->facts);
  return late.WaitFor(ExpectedFeed(), patience_);
}

std::string ModelRun::Do(const Step& step) {
  if (const auto* time = std::get_if<absl::Time>(&step)) {
    clock_.Set(*time);
    model_.SetNow(*time);
    return {};
  }
  if (std::holds_alternative<Restart>(step)) {
    StopServer();
    StartServer();
    return {};
  }
  if (const auto* records = std::get_if<v1::WriteRecordsRequest>(&step)) return Send(*records);
  return std::visit(
      [&](const auto& request) -> std::string {
        using Request = std::decay_t<decltype(request)>;
        if constexpr (std::is_invocable_v<Sender, const Request&>) {
          const grpc::Status status = Sender{*stubs_}(request);
          const Code code = model_.Apply(request);
          if (status.error_code() == code) return {};
          return absl::StrCat(" code ", status.error_code(), ", should be ", code, ": ", status.error_message(), "\n");
        } else {
          return "a step that nobody does";
        }
      },
      step);
}

std::string ModelRun::Send(const v1::WriteRecordsRequest& request) {
  v1::WriteRecordsResponse response;
  const grpc::Status status = SendTo(*stubs_->ingest, &v1::IngestService::Stub::WriteRecords, request, &response);
  if (!status.ok()) return absl::StrCat(" code ", status.error_code(), ": ", status.error_message(), "\n");
  const std::vector<Fate> fates = model_.Apply(request);
  std::map<Fate, std::int64_t> counts;
  std::map<int, Fate> refused;
  for (const auto& error : response.summary().errors()) refused[error.index()] = FateOf(error.status().code());
  std::string text;
  for (int i = 0; i < request.records_size(); ++i) {
    const Fate fate = fates[static_cast<std::size_t>(i)];
    ++counts[fate];
    const auto found = refused.find(i);
    const bool taken = fate == Fate::kStored || fate == Fate::kReplaced || fate == Fate::kDuplicate;
    if (taken == (found == refused.end()) && (taken || found->second == fate)) continue;
    absl::StrAppend(&text, " record ", i, " is ", taken ? "refused" : found == refused.end() ? "taken" : NameOf(found->second),
                    ", should be ", NameOf(fate), "\n");
  }
  const v1::BatchSummary& summary = response.summary();
  if (summary.stored() != counts[Fate::kStored] || summary.replaced() != counts[Fate::kReplaced] ||
      summary.duplicates() != counts[Fate::kDuplicate]) {
    absl::StrAppend(&text, " summary ", summary.ShortDebugString(), ", should be ", counts[Fate::kStored], " stored, ",
                    counts[Fate::kReplaced], " replaced, ", counts[Fate::kDuplicate], " duplicates\n");
  }
  return text;
}

std::map<std::string, FactMap> ModelRun::ExpectedFeed() const {
  std::map<std::string, FactMap> expected;
  for (const auto& [id, account] : model_.accounts()) {
    if (auto facts = model_.FactsOf(id, model_.now()); facts.has_value()) expected[id] = *std::move(facts);
  }
  return expected;
}

std::string ModelRun::AnyAccount() {
  if (model_.accounts().empty()) return "nobody";
  auto any = model_.accounts().begin();
  std::advance(any, static_cast<int>(random_() % model_.accounts().size()));
  return any->first;
}

// A moment of the past: any, that of some record or just before it, or an edge of a day.
absl::Time ModelRun::AnyMoment() {
  const auto ago = [&](unsigned most_days) { return model_.now() - absl::Seconds(random_() % (most_days * 86400)); };
  const auto found = model_.accounts().find(AnyAccount());
  const auto choice = random_() % 4;
  if (choice == 0) return Midnight(DayNumber(ago(200))) - absl::Microseconds(random_() % 2);
  if (choice == 1 || found == model_.accounts().end()) return ago(450);
  std::vector<absl::Time> moments;
  for (const auto& [key, states] : found->second.records) moments.push_back(TimeOf(states.back().event_time()));
  for (const auto& [id, record] : found->second.usage) moments.push_back(TimeOf(record.event_time()));
  for (const auto& [id, subscription] : found->second.subscriptions) {
    for (const auto& [since, state] : subscription.states) moments.push_back(since);
    moments.push_back(subscription.start);
  }
  if (moments.empty()) return ago(100);
  return std::min(moments[random_() % moments.size()] - absl::Microseconds(random_() % 2), model_.now());
}

std::string ModelRun::CheckAfterStep() {
  std::string difference = follower_.WaitFor(ExpectedFeed(), patience_);
  if (!difference.empty()) return difference;
  if (random_() % 16 == 0) {
    follower_.Disconnect();
    follower_.Connect(*stubs_->facts);
  }
  ModelChecks checks(model_, *stubs_, random_);
  difference = checks.Facts(AnyAccount(), std::nullopt);
  for (int i = 0; i < 2; ++i) absl::StrAppend(&difference, checks.Facts(AnyAccount(), AnyMoment()));
  return difference;
}

// What a corrected rate changes is computed in the background, and not all of it shows in the facts that were waited for.
std::string ModelRun::CheckAll() {
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(patience_);
  for (;;) {
    ModelChecks checks(model_, *stubs_, random_);
    std::string difference = absl::StrCat(checks.Accounts(), checks.Tasks(), checks.Export(AnyMoment()));
    for (const auto& [id, account] : model_.accounts()) absl::StrAppend(&difference, checks.Account(id));
    if (difference.empty() || std::chrono::steady_clock::now() > deadline) return difference;
  }
}

std::vector<Step> Shortened(std::vector<Step> story, absl::Time start, absl::Duration longest) {
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(longest);
  for (std::size_t size = story.size() / 2; size > 0; size = size == 1 ? 0 : (size + 1) / 2) {
    for (std::size_t begin = 0; begin < story.size();) {
      if (std::chrono::steady_clock::now() > deadline) return story;
      std::vector<Step> shorter(story.begin(), story.begin() + static_cast<std::ptrdiff_t>(begin));
      const std::size_t end = std::min(begin + size, story.size());
      shorter.insert(shorter.end(), story.begin() + static_cast<std::ptrdiff_t>(end), story.end());
      if (ModelRun(start, absl::Seconds(2)).Run(shorter).empty()) {
        begin = end;
      } else {
        story = std::move(shorter);
      }
    }
  }
  return story;
}

}  // namespace perennial::accounts::testing
