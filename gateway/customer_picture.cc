#include "gateway/customer_picture.h"

#include <utility>

#include "common/server/grpc_status.h"
#include "gateway/forwarded_metadata.h"

namespace perennial::gateway {
namespace {

// The most that a list method gives in one answer.
constexpr int kPageSize = 1000;
constexpr int kTimelineEntries = 20;

}  // namespace

CustomerStubs::CustomerStubs(Backend& accounts_svc, Backend& health_svc, Backend& segment_svc)
    : accounts_backend(accounts_svc),
      health_backend(health_svc),
      segments_backend(segment_svc),
      accounts(accounts_svc.channel()),
      subscriptions(accounts_svc.channel()),
      facts(accounts_svc.channel()),
      goals(accounts_svc.channel()),
      tasks(accounts_svc.channel()),
      timeline(accounts_svc.channel()),
      scores(health_svc.channel()),
      flags(health_svc.channel()),
      segments(segment_svc.channel()),
      engagements(segment_svc.channel()) {}

CustomerPicture::CustomerPicture(CustomerStubs& stubs, grpc::CallbackServerContext& context, std::string name,
                                 std::chrono::system_clock::time_point deadline, v1::GetCustomer360Response& response,
                                 Done done)
    : stubs_(stubs),
      caller_context_(context),
      name_(std::move(name)),
      deadline_(deadline),
      response_(response),
      done_(std::move(done)) {}

template <class Request, class Response, class Call>
void CustomerPicture::Start(Part<Request, Response>& part, const Backend& backend, Call call) {
  pending_.fetch_add(1);
  part.context = grpc::ClientContext::FromCallbackServerContext(caller_context_);
  part.context->set_deadline(deadline_);
  ForwardRequestMetadata(caller_context_, *part.context);
  call(part.context.get(), [self = shared_from_this(), &part, &backend](const grpc::Status& status) {
    part.status = backend.StatusForCaller(status);
    self->OnPart();
  });
}

void CustomerPicture::Ask() {
  account_.request.set_name(name_);
  subscriptions_.request.set_parent(name_);
  subscriptions_.request.set_page_size(kPageSize);
  facts_.request.set_name(name_);
  health_.request.set_name(name_);
  flags_.request.set_parent(name_);
  flags_.request.set_page_size(kPageSize);
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
  response_.mutable_account()->Swap(account_.response.mutable_account());
  if (Has("subscriptions", subscriptions_.status)) {
    response_.mutable_subscriptions()->Swap(subscriptions_.response.mutable_subscriptions());
  }
  if (Has("facts", facts_.status)) response_.mutable_facts()->Swap(facts_.response.mutable_facts());
  if (Has("health", health_.status)) response_.mutable_health()->Swap(health_.response.mutable_explanation());
  if (Has("flags", flags_.status)) response_.mutable_flags()->Swap(flags_.response.mutable_flags());
  if (Has("segments", segments_.status)) response_.mutable_segments()->Swap(segments_.response.mutable_memberships());
  if (Has("engagement", engagement_.status)) response_.mutable_engagement()->Swap(&engagement_.response);
  if (Has("contacts", contacts_.status)) response_.mutable_contacts()->Swap(contacts_.response.mutable_contacts());
  if (Has("goals", goals_.status)) response_.mutable_goals()->Swap(goals_.response.mutable_goals());
  if (Has("tasks", tasks_.status)) response_.mutable_tasks()->Swap(tasks_.response.mutable_tasks());
  if (Has("timeline", timeline_.status)) response_.mutable_timeline()->Swap(timeline_.response.mutable_entries());
  done_(grpc::Status::OK);
}

bool CustomerPicture::Has(absl::string_view field, const grpc::Status& status) {
  if (status.ok()) return true;
  v1::MissingPart* missing = response_.add_missing_parts();
  missing->set_part(std::string(field));
  *missing->mutable_status() = ToRpcStatus(FromGrpcStatus(status));
  return false;
}

}  // namespace perennial::gateway
