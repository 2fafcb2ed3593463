#include "gateway/customer_batch.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace perennial::gateway {
namespace {

constexpr int kMostAtOnce = 32;
constexpr int kPageSize = 1000;

}  // namespace

CustomerBatch::CustomerBatch(CustomerStubs& stubs, PartsCaller caller, std::vector<std::string> names,
                             v1::BatchGetCustomer360Response& response, Done done)
    : stubs_(stubs), caller_(std::move(caller)), response_(response), done_(std::move(done)) {
  for (std::string& name : names) {
    customers_.push_back(std::make_unique<Customer>());
    customers_.back()->name = std::move(name);
  }
}

void CustomerBatch::Ask() {
  for (const auto& customer : customers_) accounts_.request.add_names(customer->name);
  AskFor(
      caller_, accounts_, stubs_.accounts_backend,
      [this](auto* context, auto done) {
        stubs_.accounts.async()->BatchGetAccounts(context, &accounts_.request, &accounts_.response, std::move(done));
      },
      [self = shared_from_this()] { self->OnAccounts(); });
}

void CustomerBatch::OnAccounts() {
  // Without the accounts there is no picture.
  CheckSize(accounts_.response.accounts_size(), accounts_.status);
  if (!accounts_.status.ok()) return done_(accounts_.status);
  Add([this](const auto& over) { AskForScores(over); });
  Add([this](const auto& over) { AskForValues(over); });
  for (const auto& customer : customers_) AddJobsOf(*customer);
  Run();
}

void CustomerBatch::CheckSize(int size, grpc::Status& status) const {
  if (status.ok() && static_cast<std::size_t>(size) != customers_.size()) {
    status = {grpc::StatusCode::INTERNAL, "internal error"};
  }
}

void CustomerBatch::AskForScores(const std::function<void()>& over) {
  for (const auto& customer : customers_) scores_.request.add_names(customer->name);
  AskFor(
      caller_, scores_, stubs_.health_backend,
      [this](auto* context, auto done) {
        stubs_.scores.async()->BatchGetHealthScores(context, &scores_.request, &scores_.response, std::move(done));
      },
      [this, over] {
        CheckSize(scores_.response.health_scores_size(), scores_.status);
        for (std::size_t i = 0; i < customers_.size(); ++i) {
          auto& part = customers_[i]->score;
          part.status = scores_.status;
          if (scores_.status.ok()) part.response.mutable_health_score()->Swap(scores_.response.mutable_health_scores(static_cast<int>(i)));
          // An account that is not scored yet must not hide the scores of the others.
          if (scores_.status.error_code() != grpc::StatusCode::NOT_FOUND) continue;
          part.request.set_name(customers_[i]->name);
          Add([this, &part](const auto& one_over) {
            AskFor(
                caller_, part, stubs_.health_backend,
                [this, &part](auto* context, auto done) {
                  stubs_.scores.async()->GetHealthScore(context, &part.request, &part.response, std::move(done));
                },
                one_over);
          });
        }
        over();
      });
}

void CustomerBatch::AskForValues(const std::function<void()>& over) {
  for (const auto& customer : customers_) values_.request.add_names(absl::StrCat(customer->name, "/value"));
  AskFor(
      caller_, values_, stubs_.health_backend,
      [this](auto* context, auto done) {
        stubs_.values.async()->BatchGetValue(context, &values_.request, &values_.response, std::move(done));
      },
      [this, over] {
        CheckSize(values_.response.values_size(), values_.status);
        for (std::size_t i = 0; i < customers_.size(); ++i) {
          auto& part = customers_[i]->value;
          part.status = values_.status;
          if (values_.status.ok()) part.response.mutable_value()->Swap(values_.response.mutable_values(static_cast<int>(i)));
          if (values_.status.error_code() != grpc::StatusCode::NOT_FOUND) continue;
          part.request.set_name(absl::StrCat(customers_[i]->name, "/value"));
          Add([this, &part](const auto& one_over) {
            AskFor(
                caller_, part, stubs_.health_backend,
                [this, &part](auto* context, auto done) {
                  stubs_.values.async()->GetValue(context, &part.request, &part.response, std::move(done));
                },
                one_over);
          });
        }
        over();
      });
}

void CustomerBatch::AddJobsOf(Customer& customer) {
  customer.facts.request.set_name(customer.name);
  customer.flags.request.set_parent(customer.name);
  customer.flags.request.set_page_size(kPageSize);
  customer.segments.request.set_account(customer.name);
  customer.segments.request.set_page_size(kPageSize);
  customer.engagement.request.set_account(customer.name);
  const auto add = [this](auto& part, Backend& backend, auto call) {
    Add([this, &part, &backend, call](const auto& over) {
      AskFor(
          caller_, part, backend,
          [&part, call](auto* context, auto done) { call(context, &part.request, &part.response, std::move(done)); },
          over);
    });
  };
  add(customer.facts, stubs_.accounts_backend,
      [this](auto* context, auto* request, auto* response, auto done) { stubs_.facts.async()->GetFacts(context, request, response, std::move(done)); });
  add(customer.flags, stubs_.health_backend,
      [this](auto* context, auto* request, auto* response, auto done) { stubs_.flags.async()->ListFlags(context, request, response, std::move(done)); });
  add(customer.segments, stubs_.segments_backend, [this](auto* context, auto* request, auto* response, auto done) {
    stubs_.segments.async()->ListAccountSegments(context, request, response, std::move(done));
  });
  add(customer.engagement, stubs_.segments_backend,
      [this](auto* context, auto* request, auto* response, auto done) { stubs_.engagements.async()->GetEngagement(context, request, response, std::move(done)); });
}

void CustomerBatch::Add(Job job) {
  MutexLock lock(mu_);
  jobs_.push_back(std::move(job));
}

void CustomerBatch::Run() {
  for (;;) {
    Job job;
    {
      MutexLock lock(mu_);
      if (jobs_.empty() && running_ == 0) {
        running_ = -1;  // composed once
      } else if (jobs_.empty() || running_ < 0 || running_ >= kMostAtOnce) {
        return;
      } else {
        job = std::move(jobs_.front());
        jobs_.pop_front();
        ++running_;
      }
    }
    if (job == nullptr) return Compose();
    job([self = shared_from_this()] {
      {
        MutexLock lock(self->mu_);
        --self->running_;
      }
      self->Run();
    });
  }
}

void CustomerBatch::Compose() {
  for (std::size_t i = 0; i < customers_.size(); ++i) {
    Customer& customer = *customers_[i];
    v1::GetCustomer360Response& picture = *response_.add_customers();
    picture.mutable_account()->Swap(accounts_.response.mutable_accounts(static_cast<int>(i)));
    if (IsThere("facts", customer.facts.status, picture)) {
      picture.mutable_facts()->Swap(customer.facts.response.mutable_facts());
    }
    if (IsThere("health", customer.score.status, picture)) {
      picture.mutable_health()->mutable_score()->Swap(customer.score.response.mutable_health_score());
    }
    if (IsThere("flags", customer.flags.status, picture)) {
      picture.mutable_flags()->Swap(customer.flags.response.mutable_flags());
    }
    if (IsThere("value", customer.value.status, picture)) {
      picture.mutable_value()->Swap(customer.value.response.mutable_value());
    }
    if (IsThere("segments", customer.segments.status, picture)) {
      picture.mutable_segments()->Swap(customer.segments.response.mutable_memberships());
    }
    if (IsThere("engagement", customer.engagement.status, picture)) {
      picture.mutable_engagement()->Swap(&customer.engagement.response);
    }
  }
  done_(grpc::Status::OK);
}

}  // namespace perennial::gateway
