#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "accounts-svc/store/store.h"
#include "common/base/clock.h"

namespace perennial::accounts {

// The store, for what calls change: with each change goes an entry of the audit trail, in the same transaction, so that there is
// no change without one. It tells the resource as it was and as it is (accounts, subscriptions, contacts, goals, tasks; of other
// things what was asked for). What the process changes by itself, and what is ingested, has none.
class AuditedStore final : public Store {
 public:
  // All must outlive this. `currency` is the reporting currency.
  AuditedStore(Store& store, const Clock& clock, std::string currency)
      : store_(store), clock_(clock), currency_(std::move(currency)) {}

  void SetCommitHook(CommitHook& hook) override { store_.SetCommitHook(hook); }
  // On the thread that handles the call (CurrentCall).
  absl::StatusOr<std::int64_t> Write(const std::function<absl::Status(WriteTransaction&)>& body) override;
  absl::Status Read(const std::function<absl::Status(ReadTransaction&)>& body) override { return store_.Read(body); }
  void Scrub() override { store_.Scrub(); }
  void SetFailureHook(std::function<void(const absl::Status&)> hook) override { store_.SetFailureHook(std::move(hook)); }
  [[nodiscard]] bool shared() const override { return store_.shared(); }

 private:
  // A resource as JSON; empty when it is absent or of another kind.
  absl::StatusOr<std::string> ContentOf(ReadTransaction& transaction, absl::string_view resource) const;

  Store& store_;
  const Clock& clock_;
  const std::string currency_;
};

}  // namespace perennial::accounts
