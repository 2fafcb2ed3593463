#pragma once

#include <optional>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "accounts-svc/facts/fact_numbering.h"
#include "accounts-svc/store/store.h"
#include "common/base/clock.h"
#include "common/base/error_details.h"
#include "perennial/accounts/v1/goal_service.pb.h"

namespace perennial::accounts {

// The rules of GoalService: each method checks its request, names everything that is wrong with it, and changes all or
// nothing. Thread-safe. Errors are those that the proto lists for the method.
//
// A goal of words is achieved by the update that brings its value to the target; a goal of a fact by the commit that
// changes the fact (FactsWriter).
class Goals {
 public:
  // All must outlive this.
  Goals(Store& store, FactNumbering& numbering, const Clock& clock)
      : store_(store), numbering_(numbering), clock_(clock) {}

  absl::StatusOr<v1::CreateGoalResponse> Create(const v1::CreateGoalRequest& request);
  absl::StatusOr<v1::GetGoalResponse> Get(const v1::GetGoalRequest& request);
  absl::StatusOr<v1::ListGoalsResponse> List(const v1::ListGoalsRequest& request);
  absl::StatusOr<v1::UpdateGoalResponse> Update(const v1::UpdateGoalRequest& request);
  absl::StatusOr<v1::DeleteGoalResponse> Delete(const v1::DeleteGoalRequest& request);

 private:
  // The client's fields that `fields` names, each by itself.
  void CheckFields(const v1::Goal& goal, const std::set<std::string>& fields, BadRequest& bad) const;
  // OK when `name` is a fact that a goal can follow.
  absl::Status CheckFact(const std::string& name) const;
  // A goal as clients see it, with its progress by the account's present facts, which are read in `transaction`.
  absl::StatusOr<v1::Goal> ToProto(ReadTransaction& transaction, const AccountRecord& account,
                                   const CareRecord& record) const;
  // The goal as it stands, deleted or not, for the answer to its change.
  absl::StatusOr<v1::Goal> Standing(absl::string_view account_id, absl::string_view id);

  Store& store_;
  FactNumbering& numbering_;
  const Clock& clock_;
};

}  // namespace perennial::accounts
