#include "gateway/customer_picture.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace perennial::gateway {
namespace {

// The most that a list method gives in one answer.
constexpr int kPageSize = 1000;
constexpr int kTimelineEntries = 20;

}  // namespace

CustomerPicture::CustomerPicture(CustomerStubs& stubs, PartsCaller caller, std::string name,
                                 v1::GetCustomer360Response& response, Done done)
    : stubs_(stubs), caller_(std::move(caller)), name_(std::move(name)), response_(response), done_(std::move(done)) {}

template <class Request, class Response, class Call>
void CustomerPicture::Start(Part<Request, Response>& part, Backend& backend, Call call) {
  pending_.fetch_add(1);
  AskFor(caller_, part, backend, std::move(call), [self = shared_from_this()] { self->OnPart(); });
}

void CustomerPicture::Ask() {
  account_.request.set_name(name_);
  subscriptions_.request.set_parent(name_);
  subscriptions_.request.set_page_size(kPageSize);
  facts_.request.set_name(name_);
  health_.request.set_name(name_);
  flags_.request.set_parent(name_);
  flags_.request.set_page_size(kPageSize);
  value_.request.set_name(absl::StrCat(name_, "/value"));
  segments_.request.set_account(name_);
  segments_.request.set_page_size(kPageSize);
  engagement_.request.set_account(name_);

  Start(account_, stubs_.accounts_backend, [this](auto* context, auto done) {
    stubs_.accounts.async()->GetAccount(context, &account_.request, &account_.response, std::move(done));
  });
  Start(subscriptions_, stubs_.accounts_backend, [this](auto* context, auto done) {
    stubs_.subscriptions.async()->ListSubscriptions(context, &subscriptions_.request, &subscriptions_.response,
                                                    std::move(done));
  });
  Start(facts_, stubs_.accounts_backend, [this](auto* context, auto done) {
    stubs_.facts.async()->GetFacts(context, &facts_.request, &facts_.response, std::move(done));
  });
  Start(health_, stubs_.health_backend, [this](auto* context, auto done) {
    stubs_.scores.async()->ExplainHealthScore(context, &health_.request, &health_.response, std::move(done));
  });
  Start(flags_, stubs_.health_backend, [this](auto* context, auto done) {
    stubs_.flags.async()->ListFlags(context, &flags_.request, &flags_.response, std::move(done));
  });
  Start(value_, stubs_.health_backend, [this](auto* context, auto done) {
    stubs_.values.async()->GetValue(context, &value_.request, &value_.response, std::move(done));
  });
  Start(segments_, stubs_.segments_backend, [this](auto* context, auto done) {
    stubs_.segments.async()->ListAccountSegments(context, &segments_.request, &segments_.response, std::move(done));
  });
  Start(engagement_, stubs_.segments_backend, [this](auto* context, auto done) {
    stubs_.engagements.async()->GetEngagement(context, &engagement_.request, &engagement_.response, std::move(done));
  });
  AskForCare();
  OnPart();
}

void CustomerPicture::AskForCare() {
  contacts_.request.set_parent(name_);
  contacts_.request.set_page_size(kPageSize);
  goals_.request.set_parent(name_);
  goals_.request.set_page_size(kPageSize);
  tasks_.request.set_parent(name_);
  tasks_.request.set_page_size(kPageSize);
  tasks_.request.set_state(accounts::v1::TASK_STATE_OPEN);
  timeline_.request.set_parent(name_);
  timeline_.request.set_page_size(kTimelineEntries);

  Start(contacts_, stubs_.accounts_backend, [this](auto* context, auto done) {
    stubs_.accounts.async()->ListContacts(context, &contacts_.request, &contacts_.response, std::move(done));
  });
  Start(goals_, stubs_.accounts_backend, [this](auto* context, auto done) {
    stubs_.goals.async()->ListGoals(context, &goals_.request, &goals_.response, std::move(done));
  });
  Start(tasks_, stubs_.accounts_backend, [this](auto* context, auto done) {
    stubs_.tasks.async()->ListTasks(context, &tasks_.request, &tasks_.response, std::move(done));
  });
  Start(timeline_, stubs_.accounts_backend, [this](auto* context, auto done) {
    stubs_.timeline.async()->ListTimeline(context, &timeline_.request, &timeline_.response, std::move(done));
  });
}

void CustomerPicture::OnPart() {
  if (pending_.fetch_sub(1) == 1) Compose();
}

void CustomerPicture::Compose() {
  // Without the account there is no picture.
  if (!account_.status.ok()) return done_(account_.status);
  const auto is_there = [this](absl::string_view field, const grpc::Status& status) {
    return IsThere(field, status, response_);
  };
  response_.mutable_account()->Swap(account_.response.mutable_account());
  if (is_there("subscriptions", subscriptions_.status)) {
    response_.mutable_subscriptions()->Swap(subscriptions_.response.mutable_subscriptions());
  }
  if (is_there("facts", facts_.status)) response_.mutable_facts()->Swap(facts_.response.mutable_facts());
  if (is_there("health", health_.status)) response_.mutable_health()->Swap(health_.response.mutable_explanation());
  if (is_there("flags", flags_.status)) response_.mutable_flags()->Swap(flags_.response.mutable_flags());
  if (is_there("value", value_.status)) response_.mutable_value()->Swap(value_.response.mutable_value());
  if (is_there("segments", segments_.status)) response_.mutable_segments()->Swap(segments_.response.mutable_memberships());
  if (is_there("engagement", engagement_.status)) response_.mutable_engagement()->Swap(&engagement_.response);
  if (is_there("contacts", contacts_.status)) response_.mutable_contacts()->Swap(contacts_.response.mutable_contacts());
  if (is_there("goals", goals_.status)) response_.mutable_goals()->Swap(goals_.response.mutable_goals());
  if (is_there("tasks", tasks_.status)) response_.mutable_tasks()->Swap(tasks_.response.mutable_tasks());
  if (is_there("timeline", timeline_.status)) response_.mutable_timeline()->Swap(timeline_.response.mutable_entries());
  done_(grpc::Status::OK);
}

}  // namespace perennial::gateway
