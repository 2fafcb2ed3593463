#include "health-svc/configurator.h"

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace perennial::health {
namespace {

constexpr std::size_t kLongestAuthor = 128;
constexpr std::size_t kLongestNote = 1000;

template <class Message>
std::vector<Message> With(const Configuration<Message>& configuration, const ConfigRevision& revision,
                          const Message& changed) {
  std::vector<Message> out;
  for (Message& message : configuration.InForce()) {
    if (message.id() != revision.id) out.push_back(std::move(message));
  }
  if (!revision.deleted) out.push_back(changed);
  return out;
}

v1::ScorecardSet ToSet(const std::vector<v1::Scorecard>& cards) {
  v1::ScorecardSet set;
  for (const v1::Scorecard& card : cards) *set.add_scorecards() = card;
  return set;
}

v1::FlagRuleSet ToSet(const std::vector<v1::FlagRule>& rules) {
  v1::FlagRuleSet set;
  for (const v1::FlagRule& rule : rules) *set.add_rules() = rule;
  return set;
}

absl::StatusOr<Scorecards> Compile(const std::vector<v1::Scorecard>& cards) {
  return Scorecards::Compile(ToSet(cards));
}
absl::StatusOr<FlagRules> Compile(const std::vector<v1::FlagRule>& rules) { return FlagRules::Compile(ToSet(rules)); }

// What people changed here would be lost without a word.
template <class Message>
absl::Status CheckShippedOnly(const Configuration<Message>& configuration) {
  for (const Message& message : configuration.InForce()) {
    if (message.shipped()) continue;
    return absl::FailedPreconditionError(absl::StrCat("--shard: '", message.id(), "' was changed by ", message.author(),
                                                      " and lies in this database only, while the first replica keeps "
                                                      "the configuration of all; make the change there "
                                                      "and start this one with an empty --data"));
  }
  return absl::OkStatus();
}

}  // namespace

void CheckAuthorship(const Authorship& by, absl::string_view field, BadRequest& bad) {
  if (by.author.empty()) {
    bad.Add(field, "is required");
  } else if (by.author.size() > kLongestAuthor) {
    bad.Add(field, absl::StrCat("must be at most ", kLongestAuthor, " bytes"));
  }
  if (by.note.size() > kLongestNote) bad.Add("note", absl::StrCat("must be at most ", kLongestNote, " bytes"));
}

absl::StatusOr<std::unique_ptr<Configurator>> Configurator::Open(ConfigStore& store,
                                                                 const v1::ScorecardSet& shipped_scorecards,
                                                                 const v1::FlagRuleSet& shipped_rules,
                                                                 const Clock& clock, Role role) {
  std::unique_ptr<Configurator> out(new Configurator(store, clock));
  const MutexLock lock(out->mu_);
  PERENNIAL_RETURN_IF_ERROR(out->scorecards_.Load());
  PERENNIAL_RETURN_IF_ERROR(out->rules_.Load());
  const std::vector<v1::Scorecard> cards(shipped_scorecards.scorecards().begin(),
                                         shipped_scorecards.scorecards().end());
  const std::vector<v1::FlagRule> rules(shipped_rules.rules().begin(), shipped_rules.rules().end());
  if (role == Role::kKeeps) {
    PERENNIAL_RETURN_IF_ERROR(out->LoadToKeep(cards, rules));
  } else {
    PERENNIAL_RETURN_IF_ERROR(out->LoadToFollow(cards, rules));
  }
  return out;
}

absl::Status Configurator::LoadToKeep(const std::vector<v1::Scorecard>& cards, const std::vector<v1::FlagRule>& rules) {
  PERENNIAL_RETURN_IF_ERROR(store_.ForgetSource());
  PERENNIAL_RETURN_IF_ERROR(scorecards_.Append(scorecards_.Follow(cards, clock_.Now())));
  return rules_.Append(rules_.Follow(rules, clock_.Now()));
}

absl::Status Configurator::LoadToFollow(const std::vector<v1::Scorecard>& cards,
                                        const std::vector<v1::FlagRule>& rules) {
  PERENNIAL_ASSIGN_OR_RETURN(followed_position_, store_.SourcePosition());
  if (!followed_position_.empty()) return absl::OkStatus();
  PERENNIAL_RETURN_IF_ERROR(CheckShippedOnly(scorecards_));
  PERENNIAL_RETURN_IF_ERROR(CheckShippedOnly(rules_));
  PERENNIAL_RETURN_IF_ERROR(scorecards_.Hold(scorecards_.Follow(cards, clock_.Now())));
  return rules_.Hold(rules_.Follow(rules, clock_.Now()));
}

absl::StatusOr<Scorecards> Configurator::CompileScorecards() {
  const MutexLock lock(mu_);
  return Compile(scorecards_.InForce());
}

absl::StatusOr<FlagRules> Configurator::CompileRules() {
  const MutexLock lock(mu_);
  return Compile(rules_.InForce());
}

void Configurator::Follow(Assessor& assessor, std::function<void()> changed) {
  const MutexLock lock(mu_);
  assessor_ = &assessor;
  changed_ = std::move(changed);
}

void Configurator::ReadScorecards(const std::function<void(const ScorecardConfiguration&)>& body) {
  const MutexLock lock(mu_);
  body(scorecards_);
}

void Configurator::ReadRules(const std::function<void(const FlagRuleConfiguration&)>& body) {
  const MutexLock lock(mu_);
  body(rules_);
}

absl::Status Configurator::TakeFollowed(const std::vector<ConfigRevision>& revisions, const std::string& position,
                                        bool anew) {
  const MutexLock lock(mu_);
  PERENNIAL_ASSIGN_OR_RETURN(ScorecardConfiguration next_scorecards, scorecards_.After(revisions, anew));
  PERENNIAL_ASSIGN_OR_RETURN(FlagRuleConfiguration next_rules, rules_.After(revisions, anew));
  PERENNIAL_ASSIGN_OR_RETURN(Scorecards cards, Compile(next_scorecards.InForce()));
  PERENNIAL_ASSIGN_OR_RETURN(FlagRules rules, Compile(next_rules.InForce()));
  PERENNIAL_RETURN_IF_ERROR(assessor_->Reconfigure(std::move(cards), std::move(rules),
                                                   [&] { return store_.AppendFollowed(revisions, position, anew); }));
  scorecards_.Become(std::move(next_scorecards));
  rules_.Become(std::move(next_rules));
  followed_position_ = position;
  changed_();
  return absl::OkStatus();
}

std::string Configurator::followed_position() {
  const MutexLock lock(mu_);
  return followed_position_;
}

template <class Message>
absl::StatusOr<Message> Configurator::Change(
    bool validate_only, Configuration<Message>& configuration,
    const std::function<absl::StatusOr<ConfigRevision>(const Configuration<Message>&)>& body) {
  PERENNIAL_ASSIGN_OR_RETURN(const ConfigRevision revision, body(configuration));
  PERENNIAL_ASSIGN_OR_RETURN(const Message definition, Configuration<Message>::Parse(revision));
  const Message changed = ToAnswer(revision, definition);
  // A revision that is there already asks for nothing.
  const auto known = configuration.all().find(revision.id);
  if (known != configuration.all().end() && known->second.meta.revision == revision.revision) return changed;
  absl::StatusOr<Scorecards> cards = Compile(scorecards_.InForce());
  absl::StatusOr<FlagRules> rules = Compile(rules_.InForce());
  if constexpr (std::is_same_v<Message, v1::Scorecard>) {
    cards = Compile(With(configuration, revision, changed));
  } else {
    rules = Compile(With(configuration, revision, changed));
  }
  PERENNIAL_RETURN_IF_ERROR(cards.status());
  PERENNIAL_RETURN_IF_ERROR(rules.status());
  if (validate_only) {
    PERENNIAL_RETURN_IF_ERROR(HealthFacts::Check(*cards, *rules));
    return changed;
  }
  PERENNIAL_RETURN_IF_ERROR(
      assessor_->Reconfigure(*std::move(cards), *std::move(rules), [&] { return configuration.Append({revision}); }));
  changed_();
  return changed;
}

absl::StatusOr<v1::Scorecard> Configurator::ChangeScorecards(
    bool validate_only, const std::function<absl::StatusOr<ConfigRevision>(const ScorecardConfiguration&)>& body) {
  const MutexLock lock(mu_);
  return Change(validate_only, scorecards_, body);
}

absl::StatusOr<v1::FlagRule> Configurator::ChangeRules(
    bool validate_only, const std::function<absl::StatusOr<ConfigRevision>(const FlagRuleConfiguration&)>& body) {
  const MutexLock lock(mu_);
  return Change(validate_only, rules_, body);
}

}  // namespace perennial::health
