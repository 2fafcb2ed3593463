#include "segment-svc/assignment_plan.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "segment-svc/segment_protos.h"

namespace perennial::segments {
namespace {

constexpr int kMostNamed = 1000;

template <class List, class Element>
bool Has(const List& list, const Element& element) {
  return std::find(list.begin(), list.end(), element) != list.end();
}

std::string EtagOfPlan(const v1::AssignAccountsResponse& plan) {
  std::uint64_t hash = Fnv1a64("plan");
  for (const v1::Assignment& assignment : plan.assignments()) {
    // Names have no blanks.
    const std::string move =
        absl::StrCat(assignment.account(), " ", assignment.previous_manager(), " ", assignment.manager(), " ");
    hash = Fnv1a64(move, hash);
  }
  return absl::StrCat("\"", absl::Hex(hash, absl::kZeroPad16), "\"");
}

}  // namespace

AssignmentPlan::AssignmentPlan(EngagementView& engagement, Options options)
    : engagement_(engagement), options_(std::move(options)), models_(engagement.ModelsOfAll()) {
  for (const auto& [id, manager] : engagement.state().managers) books_[manager.name()].manager = &manager;
}

v1::AssignAccountsResponse AssignmentPlan::Make(const facts::Bitmap& rows) {
  CountLoads();
  std::vector<facts::RowId> scope;
  rows.ForEach([&](facts::RowId row) {
    if (engagement_.NeedsManager(row, models_[row])) scope.push_back(row);
  });
  std::sort(scope.begin(), scope.end(),
            [&](facts::RowId a, facts::RowId b) { return engagement_.WeighsMore(a, b); });
  if (options_.rebalance && options_.manager_id.empty()) Release(scope);
  for (const facts::RowId row : scope) Decide(row);
  response_.set_etag(EtagOfPlan(response_));
  return std::move(response_);
}

void AssignmentPlan::CountLoads() {
  engagement_.view().facts.table().live_rows().ForEach([&](facts::RowId row) {
    if (!engagement_.NeedsManager(row, models_[row])) return;
    if (Book* book = CurrentOf(row)) book->load += engagement_.WeightOf(models_[row]);
  });
}

void AssignmentPlan::Release(const std::vector<facts::RowId>& scope) {
  for (auto row = scope.rbegin(); row != scope.rend(); ++row) {
    Book* book = CurrentOf(*row);
    if (book == nullptr || book->load <= book->manager->capacity()) continue;
    book->load -= engagement_.WeightOf(models_[*row]);
    released_[*row] = true;
  }
}

AssignmentPlan::Book* AssignmentPlan::CurrentOf(facts::RowId row) {
  const v1::Manager* manager = engagement_.ManagerOf(row);
  return manager == nullptr ? nullptr : &books_.at(manager->name());
}

std::string AssignmentPlan::Misfit(const v1::Manager& manager, std::uint8_t model_index,
                                   const std::string& language) const {
  const v1::EngagementModel& model = engagement_.state().models[model_index];
  if (!manager.roles().empty() && !Has(manager.roles(), static_cast<int>(model.manager_role()))) {
    return absl::StrCat("has another role than ", v1::ManagerRole_Name(model.manager_role()));
  }
  if (model.manager_profile() != v1::MANAGER_PROFILE_UNSPECIFIED &&
      manager.profile() != v1::MANAGER_PROFILE_UNSPECIFIED && manager.profile() != model.manager_profile()) {
    return absl::StrCat("is not ", v1::ManagerProfile_Name(model.manager_profile()));
  }
  for (const std::string& skill : model.required_skills()) {
    if (!Has(manager.skills(), skill)) return absl::StrCat("lacks the skill ", skill);
  }
  if (!language.empty() && !manager.languages().empty() && !Has(manager.languages(), language)) {
    return absl::StrCat("does not speak ", language);
  }
  return "";
}

const std::vector<AssignmentPlan::Book*>& AssignmentPlan::Fitting(const Group& group) {
  const auto [at, added] = fitting_.try_emplace(group);
  if (!added) return at->second;
  for (auto& [name, book] : books_) {
    if (Misfit(*book.manager, group.first, group.second).empty()) at->second.push_back(&book);
  }
  return at->second;
}

AssignmentPlan::Book* AssignmentPlan::LeastLoaded(const std::vector<Book*>& books, std::int32_t weight) {
  Book* best = nullptr;
  for (Book* book : books) {
    const std::int64_t load = book->load + weight;
    if (load > book->manager->capacity()) continue;
    // As fractions, without rounding; of equals the first by name.
    if (best == nullptr ||
        load * best->manager->capacity() < (best->load + weight) * std::int64_t{book->manager->capacity()}) {
      best = book;
    }
  }
  return best;
}

void AssignmentPlan::Decide(facts::RowId row) {
  const std::uint8_t model = models_[row];
  const std::int32_t weight = engagement_.WeightOf(model);
  const std::string& language = engagement_.language(row);
  Book* const current = CurrentOf(row);
  const auto keep = [&] { response_.set_kept_count(response_.kept_count() + 1); };
  if (!options_.manager_id.empty()) {
    Book& wanted = books_.at(ManagerName(options_.manager_id));
    if (current == &wanted) return keep();
    const std::string misfit = Misfit(*wanted.manager, model, language);
    if (!misfit.empty()) return Fail(row, current, absl::StrCat(wanted.manager->name(), " ", misfit));
    if (wanted.load + weight > wanted.manager->capacity()) {
      return Fail(row, current, absl::StrCat(wanted.manager->name(), " has no capacity left for ", weight));
    }
    return Move(row, current, wanted, "was asked for");
  }
  const bool released = released_.contains(row);
  std::string left;
  if (current != nullptr && !released) {
    left = Misfit(*current->manager, model, language);
    if (left.empty()) return keep();
  }
  if (response_.assignments_size() >= options_.limit) {
    if (released) current->load += weight;
    return response_.set_remaining_count(response_.remaining_count() + 1);
  }
  const std::vector<Book*>& fitting = Fitting({model, language});
  Book* const best = LeastLoaded(fitting, weight);
  if (best == nullptr || best == current) {
    // Better somebody who does not quite fit, or has too much, than nobody.
    if (released) current->load += weight;
    if (current != nullptr) return keep();
    return Fail(row, current,
                fitting.empty() ? absl::StrCat("no manager has the role, skills and language that it needs")
                                : absl::StrCat("none of the ", fitting.size(), " managers who fit has capacity left"));
  }
  std::string why = absl::StrCat("least loaded of ", fitting.size(), " who fit: ", best->load + weight, " of ",
                                 best->manager->capacity(), " with it");
  if (released) absl::StrAppend(&why, "; ", current->manager->name(), " has more than their capacity");
  if (!left.empty()) absl::StrAppend(&why, "; ", current->manager->name(), " ", left);
  Move(row, released ? nullptr : current, *best, std::move(why));
  if (released) {
    response_.mutable_assignments(response_.assignments_size() - 1)->set_previous_manager(current->manager->name());
  }
}

void AssignmentPlan::Move(facts::RowId row, Book* from, Book& to, std::string reason) {
  if (response_.assignments_size() >= options_.limit) {
    return response_.set_remaining_count(response_.remaining_count() + 1);
  }
  const std::int32_t weight = engagement_.WeightOf(models_[row]);
  if (from != nullptr) from->load -= weight;
  to.load += weight;
  v1::Assignment* assignment = response_.add_assignments();
  *assignment = Describe(row, from, std::move(reason));
  assignment->set_manager(to.manager->name());
}

void AssignmentPlan::Fail(facts::RowId row, const Book* from, std::string reason) {
  response_.set_unassignable_count(response_.unassignable_count() + 1);
  if (response_.unassignable_size() < kMostNamed) {
    *response_.add_unassignable() = Describe(row, from, std::move(reason));
  }
}

v1::Assignment AssignmentPlan::Describe(facts::RowId row, const Book* from, std::string reason) const {
  v1::Assignment assignment;
  assignment.set_account(AccountName(engagement_.account_id(row)));
  if (from != nullptr) assignment.set_previous_manager(from->manager->name());
  assignment.set_model(engagement_.state().models[models_[row]].name());
  assignment.set_weight(engagement_.WeightOf(models_[row]));
  assignment.set_reason(std::move(reason));
  return assignment;
}

}  // namespace perennial::segments
