#include "tests/accounts/random_portfolio.h"

#include "absl/strings/str_cat.h"
#include "perennial/accounts/v1/exchange_rate_service.grpc.pb.h"
#include "perennial/accounts/v1/lifecycle_service.grpc.pb.h"

namespace perennial::accounts::testing {

void RandomPortfolioTest::SetUp() {
  ServerTest::SetUp();
  random_.seed(GetParam());
  follower_ = std::make_unique<FeedFollower>(*facts_);
  SetEuroRate();
}

void RandomPortfolioTest::SetEuroRate() {
  v1::SetExchangeRateRequest request;
  request.mutable_exchange_rate()->set_currency_code("EUR");
  request.mutable_exchange_rate()->set_rate(absl::StrCat("1.", UpTo(9)));
  SetTimestamp(clock_.Now(), request.mutable_exchange_rate()->mutable_effective_time());
  v1::SetExchangeRateResponse response;
  const auto rates = v1::ExchangeRateService::NewStub(channel_);
  EXPECT_TRUE(Send(*rates, &v1::ExchangeRateService::Stub::SetExchangeRate, request, &response).ok());
}

void RandomPortfolioTest::MovePhase(const std::string& id) {
  v1::MoveAccountPhaseRequest request;
  request.set_name("accounts/" + id);
  request.set_phase(static_cast<v1::LifecyclePhase>(1 + UpTo(4)));
  request.set_reason("because");
  request.set_author("ann");
  v1::MoveAccountPhaseResponse response;
  const auto lifecycle = v1::LifecycleService::NewStub(channel_);
  // Refused when it is in that phase already.
  (void)Send(*lifecycle, &v1::LifecycleService::Stub::MoveAccountPhase, request, &response);
}

absl::Time RandomPortfolioTest::Ahead() {
  return clock_.Now() + (UpTo(1) == 0 ? absl::Minutes(1 + UpTo(300)) : absl::Hours(1 + UpTo(1000)));
}

std::string RandomPortfolioTest::NewId(const std::string& prefix) { return absl::StrCat(prefix, counter_++); }

void RandomPortfolioTest::LetTimePass() {
  switch (UpTo(3)) {
    case 0:
      clock_.Advance(absl::Microseconds(1 + UpTo(1'000'000)));
      break;
    case 1:
      clock_.Advance(absl::Minutes(1 + UpTo(200)));
      break;
    case 2:
      clock_.Advance(absl::Hours(1 + UpTo(40)));
      break;
    default:
      clock_.Advance(absl::Hours(24 * (1 + UpTo(40))));
      break;
  }
}

void RandomPortfolioTest::Operate() {
  if (ids_.empty() || (ids_.size() < 6 && UpTo(9) == 0)) {
    ids_.push_back(NewId("account"));
    CreateAccount(ids_.back());
    return;
  }
  const std::string id = ids_[static_cast<std::size_t>(UpTo(static_cast<int>(ids_.size()) - 1))];
  if (deleted_.contains(id)) {
    EXPECT_TRUE(Undelete(id).ok());
    deleted_.erase(id);
    return;
  }
  switch (UpTo(9)) {
    case 0:
    case 1:
      OperateOnSubscriptions(id);
      break;
    case 2:
      OperateOnAccount(id);
      break;
    default:
      Write({RandomRecord(id)});
      break;
  }
}

void RandomPortfolioTest::OperateOnSubscriptions(const std::string& id) {
  std::vector<std::string>& present = subscriptions_of_[id];
  if (!present.empty() && UpTo(2) != 0) {
    return ChangeSubscription(id, present[static_cast<std::size_t>(UpTo(static_cast<int>(present.size()) - 1))]);
  }
  present.push_back(NewId("s"));
  v1::CreateSubscriptionRequest request = SubscriptionOf(id, present.back(), absl::StrCat(UpTo(5) * 10, ".25"));
  v1::Subscription& subscription = *request.mutable_subscription();
  subscription.set_seats(UpTo(5));
  if (UpTo(2) == 0) subscription.mutable_mrr()->set_currency_code("EUR");
  subscription.set_trial(UpTo(3) == 0);
  if (subscription.trial()) SetTimestamp(Ahead(), subscription.mutable_trial_end_time());
  if (UpTo(3) == 0) SetTimestamp(Ahead(), subscription.mutable_start_time());
  if (UpTo(3) == 0)
    SetTimestamp(ToTime(subscription.start_time()) + absl::Hours(UpTo(100)), subscription.mutable_end_time());
  if (UpTo(1) == 0) SetTimestamp(Ahead(), subscription.mutable_renewal_time());
  EXPECT_TRUE(Create(request).ok());
}

void RandomPortfolioTest::ChangeSubscription(const std::string& id, const std::string& subscription) {
  const std::string name = absl::StrCat("accounts/", id, "/subscriptions/", subscription);
  if (UpTo(2) == 0) {
    v1::CancelSubscriptionRequest request;
    request.set_name(name);
    if (UpTo(1) == 0) SetTimestamp(Ahead(), request.mutable_end_time());
    v1::CancelSubscriptionResponse response;
    // Refused for one that starts later than it would end.
    (void)Send(*subscriptions_, &v1::SubscriptionService::Stub::CancelSubscription, request, &response);
    return;
  }
  v1::UpdateSubscriptionRequest request;
  request.mutable_subscription()->set_name(name);
  for (const char* path : {"mrr", "trial"}) request.mutable_update_mask()->add_paths(path);
  request.mutable_subscription()->mutable_mrr()->set_amount(absl::StrCat(UpTo(9)));
  request.mutable_subscription()->mutable_mrr()->set_currency_code(UpTo(2) == 0 ? "EUR" : "USD");
  v1::UpdateSubscriptionResponse response;
  EXPECT_TRUE(Send(*subscriptions_, &v1::SubscriptionService::Stub::UpdateSubscription, request, &response).ok());
}

void RandomPortfolioTest::OperateOnAccount(const std::string& id) {
  if (UpTo(5) == 0) {
    EXPECT_TRUE(Delete(id).ok());
    deleted_.insert(id);
    return;
  }
  if (UpTo(3) == 0) return MovePhase(id);
  if (UpTo(3) == 0) return SetEuroRate();
  v1::UpdateAccountRequest request;
  request.mutable_account()->set_name("accounts/" + id);
  for (const char* path : {"owner", "tags", "attributes.score"}) request.mutable_update_mask()->add_paths(path);
  request.mutable_account()->set_owner(UpTo(2) == 0 ? "" : absl::StrCat("owner", UpTo(3)));
  if (UpTo(1) == 0) request.mutable_account()->add_tags(absl::StrCat("tag", UpTo(3)));
  if (UpTo(1) == 0) (*request.mutable_account()->mutable_attributes())["score"].set_number(UpTo(100) / 7.0);
  EXPECT_TRUE(Update(request).ok());
}

v1::Record RandomPortfolioTest::RandomTicket(const std::string& id) {
  std::vector<v1::Record>& tickets = tickets_of_[id];
  std::size_t chosen = tickets.empty() ? 0 : static_cast<std::size_t>(UpTo(static_cast<int>(tickets.size()) - 1));
  if (tickets.empty() || UpTo(1) == 0) {
    chosen = tickets.size();
    v1::Record record = RecordOf(id, NewId("t"));
    if (UpTo(1) == 0) SetTimestamp(Ahead(), record.mutable_ticket()->mutable_first_response_due_time());
    if (UpTo(1) == 0) SetTimestamp(Ahead(), record.mutable_ticket()->mutable_resolve_due_time());
    tickets.push_back(record);
  }
  v1::Record& record = tickets[chosen];
  v1::Ticket& ticket = *record.mutable_ticket();
  ticket.set_priority(static_cast<v1::TicketPriority>(UpTo(4)));
  SetTimestamp(clock_.Now(), ticket.mutable_update_time());
  if (!ticket.has_first_response_time() && UpTo(2) == 0)
    SetTimestamp(clock_.Now(), ticket.mutable_first_response_time());
  if (UpTo(3) == 0) {
    if (ticket.has_resolve_time()) {
      ticket.clear_resolve_time();  // opened again
    } else {
      SetTimestamp(clock_.Now(), ticket.mutable_resolve_time());
      ticket.set_satisfaction(1 + UpTo(4));
    }
  }
  return record;
}

v1::Record RandomPortfolioTest::RandomRecord(const std::string& id) {
  v1::Record record = RecordOf(id, NewId("r"));
  switch (UpTo(8)) {
    case 0: {
      // A state of the same ticket at the same moment would be another content under the same id.
      clock_.Advance(absl::Microseconds(1));
      return RandomTicket(id);
    }
    case 1:
      record.mutable_touchpoint()->set_channel(v1::TOUCHPOINT_CHANNEL_EMAIL);
      record.mutable_touchpoint()->set_direction(static_cast<v1::TouchpointDirection>(1 + UpTo(1)));
      break;
    case 2:
      record.mutable_survey()->set_kind(static_cast<v1::SurveyKind>(1 + UpTo(3)));
      record.mutable_survey()->set_score(1 + UpTo(4));
      break;
    case 3:
      record.mutable_milestone()->set_step(UpTo(3) == 0 ? "first_value" : "step");
      if (UpTo(1) == 0) record.mutable_milestone()->set_progress(UpTo(4) / 4.0);
      break;
    case 4:
      record.mutable_churn_report()->set_reason("price");
      break;
    default:
      record.mutable_usage()->set_metric(absl::StrCat("m", UpTo(3)));
      record.mutable_usage()->set_value(UpTo(5) / 3.0);
      if (UpTo(1) == 0) record.mutable_usage()->set_user(absl::StrCat("user", UpTo(3)));
      if (UpTo(5) == 0) SetTimestamp(clock_.Now() + absl::Minutes(UpTo(1000)), record.mutable_event_time());
      break;
  }
  return record;
}

std::map<std::string, Facts> RandomPortfolioTest::AllFacts(std::optional<absl::Time> as_of) {
  std::map<std::string, Facts> all;
  for (const std::string& id : ids_) {
    Facts facts = FactsOf(id, as_of);
    if (!facts.empty()) all[id] = std::move(facts);
  }
  return all;
}

bool RandomPortfolioTest::FeedShowsNow() {
  return Eventually([this] {
    std::int64_t newest = 0;
    for (const std::string& id : ids_) newest = std::max(newest, GetAccount(id).revision());
    follower_->ReadUntil(newest);
    return follower_->rows_ == AllFacts();
  });
}

}  // namespace perennial::accounts::testing
