#pragma once

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"
#include "health-svc/store/config_store.h"
#include "perennial/health/v1/flag.pb.h"
#include "perennial/health/v1/scorecard.pb.h"

namespace perennial::health {

// Who makes the revisions that are shipped.
constexpr const char* kShippedAuthor = "perennial";

// The message without what is told of it from outside (name, revision, author, ...): what a revision defines.
v1::Scorecard DefinitionOf(v1::Scorecard card);
v1::FlagRule DefinitionOf(v1::FlagRule rule);

// A revision as it is answered. `body` of the meta data is not looked at.
v1::Scorecard ToAnswer(const ConfigRevision& meta, v1::Scorecard definition);
v1::FlagRule ToAnswer(const ConfigRevision& meta, v1::FlagRule definition);

inline std::int64_t LeastRevision(const v1::Scorecard& card) { return std::max<std::int64_t>(card.revision(), 1); }
inline std::int64_t LeastRevision(const v1::FlagRule&) { return 1; }

// Etag of a revision.
inline std::string EtagOf(std::int64_t revision) { return absl::StrCat("r", revision); }

// Everything of one kind that is configured: the newest revision of each id. Not thread-safe.
template <class Message>
class Configuration {
 public:
  struct Kept {
    ConfigRevision meta;  // without the body
    Message definition;
  };

  // `store` must outlive this.
  Configuration(ConfigStore& store, std::string kind) : store_(store), kind_(std::move(kind)) {}

  // Reads what is stored.
  absl::Status Load() {
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<ConfigRevision> newest, store_.Newest(kind_));
    for (const ConfigRevision& revision : newest) PERENNIAL_RETURN_IF_ERROR(Take(revision));
    return absl::OkStatus();
  }
  // Stores revisions, then keeps them.
  absl::Status Append(const std::vector<ConfigRevision>& revisions) {
    if (revisions.empty()) return absl::OkStatus();
    PERENNIAL_RETURN_IF_ERROR(store_.Append(revisions));
    for (const ConfigRevision& revision : revisions) PERENNIAL_RETURN_IF_ERROR(Take(revision));
    return absl::OkStatus();
  }
  // Keeps revisions that are stored already, or never will be.
  absl::Status Hold(const std::vector<ConfigRevision>& revisions) {
    for (const ConfigRevision& revision : revisions) PERENNIAL_RETURN_IF_ERROR(Take(revision));
    return absl::OkStatus();
  }
  // What there is with further revisions, in the order in which they were made; with `anew` those alone. Those of other
  // kinds are left out.
  [[nodiscard]] absl::StatusOr<Configuration> After(const std::vector<ConfigRevision>& revisions, bool anew) const {
    Configuration out(store_, kind_);
    if (!anew) out.all_ = all_;
    for (const ConfigRevision& revision : revisions) {
      if (revision.kind == kind_) PERENNIAL_RETURN_IF_ERROR(out.Take(revision));
    }
    return out;
  }
  // Is what another was from now on.
  void Become(Configuration other) { all_ = std::move(other.all_); }
  // The next revision of an id.
  [[nodiscard]] ConfigRevision Next(const std::string& id, const Message& definition, absl::Time time) const {
    const auto found = all_.find(id);
    return {.kind = kind_,
            .id = id,
            .revision = found == all_.end() ? 1 : found->second.meta.revision + 1,
            .time = absl::FromUnixMicros(absl::ToUnixMicros(time)),
            .body = DefinitionOf(definition).SerializeAsString()};
  }
  // Revisions by which what was shipped follows what is shipped now: what people changed or deleted stays as it is.
  [[nodiscard]] std::vector<ConfigRevision> Follow(const std::vector<Message>& shipped, absl::Time time) const {
    std::vector<ConfigRevision> out;
    for (const Message& message : shipped) {
      const auto found = all_.find(message.id());
      const Kept* kept = found == all_.end() ? nullptr : &found->second;
      if (kept != nullptr && !kept->meta.shipped) continue;
      if (kept != nullptr && !kept->meta.deleted && LeastRevision(message) <= kept->meta.revision &&
          google::protobuf::util::MessageDifferencer::Equals(kept->definition, DefinitionOf(message))) {
        continue;
      }
      ConfigRevision next = Next(message.id(), message, time);
      next.revision = std::max(next.revision, LeastRevision(message));
      out.push_back(Shipped(std::move(next), kept == nullptr ? "shipped" : "shipped anew"));
    }
    for (const auto& [id, kept] : all_) {
      const bool still = std::any_of(shipped.begin(), shipped.end(), [&](const Message& m) { return m.id() == id; });
      if (still || kept.meta.deleted || !kept.meta.shipped) continue;
      ConfigRevision next = Next(id, kept.definition, time);
      next.deleted = true;
      out.push_back(Shipped(std::move(next), "not shipped any more"));
    }
    return out;
  }
  // What there is, by id; deleted ones too, to go on counting their revisions.
  [[nodiscard]] const std::map<std::string, Kept, std::less<>>& all() const { return all_; }
  // Null when there is none, or it was deleted.
  [[nodiscard]] const Kept* Find(const std::string& id) const {
    const auto found = all_.find(id);
    return found == all_.end() || found->second.meta.deleted ? nullptr : &found->second;
  }
  // Those in force, each with its id and revision.
  [[nodiscard]] std::vector<Message> InForce() const {
    std::vector<Message> out;
    for (const auto& [id, kept] : all_) {
      if (!kept.meta.deleted) out.push_back(ToAnswer(kept.meta, kept.definition));
    }
    return out;
  }
  [[nodiscard]] ConfigStore& store() const { return store_; }
  [[nodiscard]] const std::string& kind() const { return kind_; }

  static absl::StatusOr<Message> Parse(const ConfigRevision& revision) {
    Message message;
    if (!message.ParseFromString(revision.body)) {
      return absl::DataLossError("a stored scorecard or flag rule is damaged; restore the database");
    }
    return message;
  }

 private:
  static ConfigRevision Shipped(ConfigRevision revision, const char* note) {
    revision.author = kShippedAuthor;
    revision.note = note;
    revision.shipped = true;
    return revision;
  }
  absl::Status Take(const ConfigRevision& revision) {
    PERENNIAL_ASSIGN_OR_RETURN(Message message, Parse(revision));
    Kept& kept = all_[revision.id];
    kept.meta = revision;
    kept.meta.body.clear();
    kept.definition = std::move(message);
    return absl::OkStatus();
  }

  ConfigStore& store_;
  const std::string kind_;
  std::map<std::string, Kept, std::less<>> all_;
};

using ScorecardConfiguration = Configuration<v1::Scorecard>;
using FlagRuleConfiguration = Configuration<v1::FlagRule>;

}  // namespace perennial::health
