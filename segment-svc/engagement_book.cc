#include "segment-svc/engagement_book.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::segments {
namespace {

bool GoesBefore(const v1::EngagementModel& a, const v1::EngagementModel& b) {
  return std::forward_as_tuple(a.priority(), a.name()) < std::forward_as_tuple(b.priority(), b.name());
}

void Remove(std::vector<v1::EngagementModel>& models, const std::string& name) {
  models.erase(std::remove_if(models.begin(), models.end(), [&](const auto& model) { return model.name() == name; }),
               models.end());
}

}  // namespace

absl::StatusOr<std::unique_ptr<EngagementBook>> EngagementBook::Open(
    EngagementStore& store, const Clock& clock, const std::vector<v1::EngagementModel>& shipped) {
  std::unique_ptr<EngagementBook> book(new EngagementBook(store, clock));
  PERENNIAL_ASSIGN_OR_RETURN(book->state_, store.Load());
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<std::string> before, store.Shipped());
  std::set<std::string> taken(before.begin(), before.end());
  std::set<std::string> names;
  for (const v1::EngagementModel& model : book->state_.models) names.insert(model.name());
  std::vector<v1::EngagementModel> created;
  std::vector<std::string> ids;
  for (v1::EngagementModel model : shipped) {
    if (!taken.insert(IdIn(model.name())).second) continue;
    ids.push_back(IdIn(model.name()));
    // Somebody's own model of that name stays.
    if (names.contains(model.name())) continue;
    SetTimestamp(clock.Now(), model.mutable_create_time());
    SetTimestamp(clock.Now(), model.mutable_update_time());
    created.push_back(std::move(model));
  }
  if (ids.empty()) return book;
  PERENNIAL_RETURN_IF_ERROR(store.PutShipped(created, ids));
  PERENNIAL_ASSIGN_OR_RETURN(book->state_, store.Load());
  return book;
}

absl::Status EngagementBook::Editor::Put(const v1::EngagementModel& model) {
  PERENNIAL_RETURN_IF_ERROR(book_.store_.Put(model));
  std::vector<v1::EngagementModel>& models = book_.state_.models;
  Remove(models, model.name());
  models.insert(std::lower_bound(models.begin(), models.end(), model, GoesBefore), model);
  return absl::OkStatus();
}

absl::Status EngagementBook::Editor::Put(const v1::Manager& manager) {
  PERENNIAL_RETURN_IF_ERROR(book_.store_.Put(manager));
  book_.state_.managers[IdIn(manager.name())] = manager;
  return absl::OkStatus();
}

absl::Status EngagementBook::Editor::DeleteModel(const std::string& id) {
  PERENNIAL_RETURN_IF_ERROR(book_.store_.DeleteModel(id));
  Remove(book_.state_.models, ModelName(id));
  return absl::OkStatus();
}

absl::Status EngagementBook::Editor::DeleteManager(const std::string& id) {
  PERENNIAL_RETURN_IF_ERROR(book_.store_.DeleteManager(id));
  book_.state_.managers.erase(id);
  absl::erase_if(book_.state_.assignments, [&](const auto& assignment) { return assignment.second == id; });
  return absl::OkStatus();
}

absl::Status EngagementBook::Editor::Assign(const std::vector<AssignmentRecord>& assignments,
                                            const std::string& author) {
  PERENNIAL_RETURN_IF_ERROR(book_.store_.Assign(assignments, now(), author));
  for (const AssignmentRecord& assignment : assignments) {
    book_.state_.assignments[assignment.account_id] = assignment.manager_id;
  }
  return absl::OkStatus();
}

absl::Status EngagementBook::Editor::Forget(const std::string& account_id) {
  PERENNIAL_RETURN_IF_ERROR(book_.store_.Forget(account_id));
  book_.state_.assignments.erase(account_id);
  return absl::OkStatus();
}

std::vector<std::string> EngagementBook::UsersOf(const std::string& segment_id) const {
  return Read([&](const EngagementState& state) {
    std::vector<std::string> users;
    for (const v1::EngagementModel& model : state.models) {
      // The canonical form writes every call the same way.
      if (absl::StrContains(model.canonical_filter(), absl::StrCat("segment(\"", segment_id, "\")"))) {
        users.push_back(model.name());
      }
    }
    return users;
  });
}

}  // namespace perennial::segments
