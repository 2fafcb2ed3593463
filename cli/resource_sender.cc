#include "cli/resource_sender.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::cli {
namespace {

using accounts::v1::Contact;
using accounts::v1::ExchangeRate;
using accounts::v1::Goal;
using accounts::v1::LifecycleRules;
using accounts::v1::PhaseMove;
using accounts::v1::Task;
using google::protobuf::Message;
using Kind = ResourceOutcome::Kind;

constexpr absl::Duration kFirstPause = absl::Milliseconds(100);
constexpr absl::Duration kMostPause = absl::Seconds(2);
constexpr absl::Duration kGlance = absl::Milliseconds(100);

bool IsTransient(grpc::StatusCode code) {
  return code == grpc::StatusCode::UNAVAILABLE || code == grpc::StatusCode::RESOURCE_EXHAUSTED ||
         code == grpc::StatusCode::DEADLINE_EXCEEDED;
}

// What the server says about the request and not about itself.
bool IsRefusal(grpc::StatusCode code) {
  return code == grpc::StatusCode::INVALID_ARGUMENT || code == grpc::StatusCode::NOT_FOUND ||
         code == grpc::StatusCode::FAILED_PRECONDITION;
}

absl::Status ToStatus(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

// "accounts/{account}/contacts/{contact}": the parent and the id.
std::pair<std::string, std::string> SplitName(const std::string& name) {
  const std::size_t id = name.rfind('/');
  return {name.substr(0, name.rfind('/', id - 1)), name.substr(id + 1)};
}

template <class Resource>
const Resource* As(const Message& message) {
  return message.GetDescriptor() == Resource::descriptor() ? static_cast<const Resource*>(&message) : nullptr;
}

// Rates are told in several ways: 1.10 is 1.1.
bool SameNumber(const std::string& a, const std::string& b) {
  double x = 0;
  double y = 0;
  return a == b || (absl::SimpleAtod(a, &x) && absl::SimpleAtod(b, &y) && x == y);
}

// Without what the server says of a revision.
std::string ContentOf(LifecycleRules rules) {
  rules.clear_etag();
  rules.clear_revision_time();
  return rules.SerializeAsString();
}

}  // namespace

ResourceSender::ResourceSender(const std::shared_ptr<grpc::Channel>& channel, Options options,
                               std::function<bool()> interrupted)
    : options_(options),
      interrupted_(std::move(interrupted)),
      accounts_(accounts::v1::AccountService::NewStub(channel)),
      goals_(accounts::v1::GoalService::NewStub(channel)),
      tasks_(accounts::v1::TaskService::NewStub(channel)),
      rates_(accounts::v1::ExchangeRateService::NewStub(channel)),
      lifecycle_(accounts::v1::LifecycleService::NewStub(channel)) {}

template <class Stub, class Request, class Response>
absl::StatusOr<grpc::Status> ResourceSender::Call(Stub& stub,
                                                  grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                                               Response*),
                                                  const Request& request, Response* response) {
  const absl::Time give_up = absl::Now() + options_.give_up_after;
  absl::Duration pause = kFirstPause;
  for (;;) {
    if (interrupted_()) return absl::CancelledError("stopped");
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + options_.call_timeout));
    const grpc::Status status = (stub.*method)(&context, request, response);
    if (status.ok() || !IsTransient(status.error_code())) return status;
    if (absl::Now() >= give_up) {
      return absl::UnavailableError(absl::StrCat("gave up after ", absl::FormatDuration(options_.give_up_after), ": ",
                                                 status.error_message()));
    }
    // In short steps, so that Ctrl-C is heard.
    for (const absl::Time until = absl::Now() + pause; absl::Now() < until && !interrupted_();) {
      absl::SleepFor(std::min(kGlance, until - absl::Now()));
    }
    pause = std::min(pause * 2, kMostPause);
  }
}

template <class Stub, class Request, class Response>
absl::StatusOr<ResourceOutcome> ResourceSender::Create(Stub& stub,
                                                       grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                                                    const Request&, Response*),
                                                       const Request& request) {
  Response response;
  PERENNIAL_ASSIGN_OR_RETURN(const grpc::Status status, Call(stub, method, request, &response));
  if (status.ok()) return ResourceOutcome{};
  if (status.error_code() == grpc::StatusCode::ALREADY_EXISTS) return ResourceOutcome{.kind = Kind::kDuplicate};
  if (IsRefusal(status.error_code())) return ResourceOutcome{.kind = Kind::kRefused, .refusal = status};
  return ToStatus(status);
}

absl::StatusOr<ResourceOutcome> ResourceSender::SendOne(const Message& resource) {
  if (const auto* contact = As<Contact>(resource)) {
    accounts::v1::CreateContactRequest request;
    std::tie(*request.mutable_parent(), *request.mutable_contact_id()) = SplitName(contact->name());
    *request.mutable_contact() = *contact;
    if (contact->has_effective_time()) *request.mutable_effective_time() = contact->effective_time();
    return Create(*accounts_, &accounts::v1::AccountService::Stub::CreateContact, request);
  }
  if (const auto* goal = As<Goal>(resource)) {
    accounts::v1::CreateGoalRequest request;
    std::tie(*request.mutable_parent(), *request.mutable_goal_id()) = SplitName(goal->name());
    *request.mutable_goal() = *goal;
    if (goal->has_effective_time()) *request.mutable_effective_time() = goal->effective_time();
    return Create(*goals_, &accounts::v1::GoalService::Stub::CreateGoal, request);
  }
  if (const auto* task = As<Task>(resource)) {
    accounts::v1::CreateTaskRequest request;
    std::tie(*request.mutable_parent(), *request.mutable_task_id()) = SplitName(task->name());
    *request.mutable_task() = *task;
    return Create(*tasks_, &accounts::v1::TaskService::Stub::CreateTask, request);
  }
  if (const auto* rate = As<ExchangeRate>(resource)) return Send(*rate);
  if (const auto* rules = As<LifecycleRules>(resource)) return Send(*rules);
  if (const auto* move = As<PhaseMove>(resource)) return Send(*move);
  return absl::InternalError(absl::StrCat("no method takes a ", resource.GetTypeName()));
}

absl::Status ResourceSender::LoadRates() {
  if (rates_loaded_) return absl::OkStatus();
  accounts::v1::ListExchangeRatesRequest request;
  request.set_page_size(1000);
  do {
    accounts::v1::ListExchangeRatesResponse page;
    PERENNIAL_ASSIGN_OR_RETURN(
        const grpc::Status status,
        Call(*rates_, &accounts::v1::ExchangeRateService::Stub::ListExchangeRates, request, &page));
    if (!status.ok()) return ToStatus(status);
    for (const ExchangeRate& rate : page.exchange_rates()) {
      known_rates_[{rate.currency_code(), ToTime(rate.effective_time())}] = rate.rate();
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  rates_loaded_ = true;
  return absl::OkStatus();
}

absl::StatusOr<ResourceOutcome> ResourceSender::Send(const ExchangeRate& rate) {
  PERENNIAL_RETURN_IF_ERROR(LoadRates());
  const std::pair<std::string, absl::Time> key = {rate.currency_code(), ToTime(rate.effective_time())};
  const auto known = known_rates_.find(key);
  if (known != known_rates_.end() && SameNumber(known->second, rate.rate())) {
    return ResourceOutcome{.kind = Kind::kDuplicate};
  }
  accounts::v1::SetExchangeRateRequest request;
  *request.mutable_exchange_rate() = rate;
  PERENNIAL_ASSIGN_OR_RETURN(
      ResourceOutcome outcome,
      Create(*rates_, &accounts::v1::ExchangeRateService::Stub::SetExchangeRate, request));
  if (outcome.kind == Kind::kStored && known != known_rates_.end()) outcome.kind = Kind::kReplaced;
  if (outcome.kind != Kind::kRefused) known_rates_[key] = rate.rate();
  return outcome;
}

// A revision that is there must say the same; else the next one must be it.
absl::StatusOr<ResourceOutcome> ResourceSender::Send(const LifecycleRules& rules) {
  accounts::v1::GetLifecycleRulesRequest get;
  get.set_revision(rules.revision());
  accounts::v1::GetLifecycleRulesResponse present;
  PERENNIAL_ASSIGN_OR_RETURN(
      const grpc::Status found,
      Call(*lifecycle_, &accounts::v1::LifecycleService::Stub::GetLifecycleRules, get, &present));
  const auto refused = [&](const std::string& why) {
    return ResourceOutcome{.kind = Kind::kRefused,
                           .refusal = grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, why)};
  };
  if (found.ok()) {
    if (ContentOf(present.rules()) == ContentOf(rules)) return ResourceOutcome{.kind = Kind::kDuplicate};
    return refused(absl::StrCat("revision ", rules.revision(), " of the rules is there and says something else"));
  }
  if (found.error_code() != grpc::StatusCode::NOT_FOUND) return ToStatus(found);
  accounts::v1::UpdateLifecycleRulesRequest request;
  *request.mutable_rules() = rules;
  request.mutable_rules()->clear_etag();
  request.set_author(rules.author());
  request.set_note(rules.note());
  accounts::v1::UpdateLifecycleRulesResponse stored;
  PERENNIAL_ASSIGN_OR_RETURN(
      const grpc::Status status,
      Call(*lifecycle_, &accounts::v1::LifecycleService::Stub::UpdateLifecycleRules, request, &stored));
  if (IsRefusal(status.error_code())) return ResourceOutcome{.kind = Kind::kRefused, .refusal = status};
  if (!status.ok()) return ToStatus(status);
  if (stored.rules().revision() == rules.revision()) return ResourceOutcome{};
  return refused(absl::StrCat("these rules are revision ", stored.rules().revision(), " here, not ", rules.revision()));
}

absl::StatusOr<ResourceOutcome> ResourceSender::SendUndone(const PhaseMove& move) {
  accounts::v1::ListPhaseMovesRequest list;
  list.set_parent(move.account());
  list.set_page_size(1000);
  list.set_show_undone(true);
  do {
    accounts::v1::ListPhaseMovesResponse page;
    PERENNIAL_ASSIGN_OR_RETURN(const grpc::Status found,
                               Call(*lifecycle_, &accounts::v1::LifecycleService::Stub::ListPhaseMoves, list, &page));
    if (IsRefusal(found.error_code())) return ResourceOutcome{.kind = Kind::kRefused, .refusal = found};
    if (!found.ok()) return ToStatus(found);
    for (PhaseMove& present : *page.mutable_phase_moves()) {
      present.clear_create_time();
      if (google::protobuf::util::MessageDifferencer::Equals(present, move)) {
        return ResourceOutcome{.kind = Kind::kDuplicate};
      }
    }
    list.set_page_token(page.next_page_token());
  } while (!list.page_token().empty());
  accounts::v1::MoveAccountPhaseRequest request;
  request.set_name(move.account());
  request.set_phase(move.phase());
  *request.mutable_effective_time() = move.effective_time();
  request.set_reason(move.reason());
  request.set_author(move.author());
  *request.mutable_undone()->mutable_undo_time() = move.undo_time();
  request.mutable_undone()->set_undo_author(move.undo_author());
  request.mutable_undone()->set_undo_reason(move.undo_reason());
  return Create(*lifecycle_, &accounts::v1::LifecycleService::Stub::MoveAccountPhase, request);
}

absl::StatusOr<ResourceOutcome> ResourceSender::Send(const PhaseMove& move) {
  if (move.has_undo_time()) return SendUndone(move);
  accounts::v1::GetAccountLifecycleRequest get;
  get.set_name(move.account());
  accounts::v1::GetAccountLifecycleResponse present;
  PERENNIAL_ASSIGN_OR_RETURN(
      const grpc::Status found,
      Call(*lifecycle_, &accounts::v1::LifecycleService::Stub::GetAccountLifecycle, get, &present));
  if (IsRefusal(found.error_code())) return ResourceOutcome{.kind = Kind::kRefused, .refusal = found};
  if (!found.ok()) return ToStatus(found);
  for (const accounts::v1::PhaseChange& change : present.phase_changes()) {
    if (change.author() == move.author() && change.cause() == move.reason() && change.phase() == move.phase() &&
        ToTime(change.enter_time()) == ToTime(move.effective_time())) {
      return ResourceOutcome{.kind = Kind::kDuplicate};
    }
  }
  accounts::v1::MoveAccountPhaseRequest request;
  request.set_name(move.account());
  request.set_phase(move.phase());
  *request.mutable_effective_time() = move.effective_time();
  request.set_reason(move.reason());
  request.set_author(move.author());
  return Create(*lifecycle_, &accounts::v1::LifecycleService::Stub::MoveAccountPhase, request);
}

absl::StatusOr<std::vector<ResourceOutcome>> ResourceSender::Send(const std::vector<Resource>& resources) {
  std::vector<ResourceOutcome> outcomes(resources.size());
  std::atomic<std::size_t> next{0};
  Mutex mutex;
  absl::Status failure;
  const auto work = [&] {
    for (std::size_t i = next++; i < resources.size(); i = next++) {
      absl::StatusOr<ResourceOutcome> outcome = SendOne(*resources[i]);
      if (outcome.ok()) {
        outcomes[i] = *std::move(outcome);
        continue;
      }
      next = resources.size();
      MutexLock lock(mutex);
      if (failure.ok()) failure = outcome.status();
    }
  };
  const auto any_order = [](const Resource& resource) {
    return As<Contact>(*resource) != nullptr || As<Goal>(*resource) != nullptr || As<Task>(*resource) != nullptr;
  };
  const bool at_once = std::all_of(resources.begin(), resources.end(), any_order);
  const std::size_t threads = at_once ? std::min<std::size_t>(resources.size(), options_.most_calls) : 1;
  std::vector<std::thread> helpers;
  for (std::size_t i = 1; i < threads; ++i) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();
  PERENNIAL_RETURN_IF_ERROR(failure);
  return outcomes;
}

}  // namespace perennial::cli
