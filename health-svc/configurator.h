#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/error_details.h"
#include "common/base/mutex.h"
#include "health-svc/assessor.h"
#include "health-svc/configuration.h"
#include "health-svc/rules/flag_rules.h"
#include "health-svc/rules/scorecard.h"

namespace perennial::health {

// Who changes a configuration, and why.
struct Authorship {
  std::string author;
  std::string note = {};
};

// Adds what is wrong with an authorship to `bad`; `field` is the author's.
void CheckAuthorship(const Authorship& by, absl::string_view field, BadRequest& bad);

// The scorecards and flag rules in force: keeps them, changes them one after another, and lets an assessor follow. Safe
// for many threads.
//
// Of several replicas that share the accounts the first keeps the configuration as a replica that is alone does. The
// others follow it: what is shipped with them counts for nothing but to have something until they first hear of the
// first one.
class Configurator {
 public:
  enum class Role { kKeeps, kFollows };

  // Reads what is stored and lets it follow what is shipped. `store` and `clock` must outlive it. FAILED_PRECONDITION
  // when a replica that is to follow has changes that people made to a configuration of its own.
  static absl::StatusOr<std::unique_ptr<Configurator>> Open(ConfigStore& store,
                                                            const v1::ScorecardSet& shipped_scorecards,
                                                            const v1::FlagRuleSet& shipped_rules, const Clock& clock,
                                                            Role role = Role::kKeeps);

  // All that is in force, compiled. INVALID_ARGUMENT when it does not go together.
  absl::StatusOr<Scorecards> CompileScorecards();
  absl::StatusOr<FlagRules> CompileRules();
  // Whose accounts follow changes; `changed` is called after each. Once, before any change; both must outlive this.
  void Follow(Assessor& assessor, std::function<void()> changed);

  // Calls `body` with what there is, for reading.
  void ReadScorecards(const std::function<void(const ScorecardConfiguration&)>& body);
  void ReadRules(const std::function<void(const FlagRuleConfiguration&)>& body);
  // Makes the revision that `body` asks for, in force from then on; returns it. With `validate_only` nothing is stored.
  // INVALID_ARGUMENT when it does not go together with the rest; else errors of `body` and of the store.
  absl::StatusOr<v1::Scorecard> ChangeScorecards(
      bool validate_only, const std::function<absl::StatusOr<ConfigRevision>(const ScorecardConfiguration&)>& body);
  absl::StatusOr<v1::FlagRule> ChangeRules(
      bool validate_only, const std::function<absl::StatusOr<ConfigRevision>(const FlagRuleConfiguration&)>& body);
  // Puts revisions of the replica that this one follows in force, and remembers how far that is; with `anew` they are
  // all there is. After an error nothing has changed.
  absl::Status TakeFollowed(const std::vector<ConfigRevision>& revisions, const std::string& position, bool anew);
  // How far it has followed; empty before it first did.
  std::string followed_position();
  [[nodiscard]] ConfigStore& store() { return store_; }
  [[nodiscard]] absl::Time Now() const { return clock_.Now(); }

 private:
  Configurator(ConfigStore& store, const Clock& clock)
      : store_(store), clock_(clock), scorecards_(store, kScorecardKind), rules_(store, kFlagRuleKind) {}
  absl::Status LoadToKeep(const std::vector<v1::Scorecard>& cards, const std::vector<v1::FlagRule>& rules)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status LoadToFollow(const std::vector<v1::Scorecard>& cards, const std::vector<v1::FlagRule>& rules)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  template <class Message>
  absl::StatusOr<Message> Change(
      bool validate_only, Configuration<Message>& configuration,
      const std::function<absl::StatusOr<ConfigRevision>(const Configuration<Message>&)>& body)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  ConfigStore& store_;
  const Clock& clock_;
  Mutex mu_;
  ScorecardConfiguration scorecards_ ABSL_GUARDED_BY(mu_);
  FlagRuleConfiguration rules_ ABSL_GUARDED_BY(mu_);
  Assessor* assessor_ ABSL_GUARDED_BY(mu_) = nullptr;
  std::function<void()> changed_ ABSL_GUARDED_BY(mu_);
  std::string followed_position_ ABSL_GUARDED_BY(mu_);
};

}  // namespace perennial::health
