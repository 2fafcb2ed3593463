#include "health-svc/scorecard_library.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/page_token.h"
#include "common/base/status_macros.h"
#include "common/base/update_mask.h"
#include "common/server/audited_change.h"
#include "health-svc/config_edits.h"
#include "health-svc/request_names.h"
#include "health-svc/rules/scorecard_check.h"
#include "health-svc/rules/scorecard_diff.h"

namespace perennial::health {
namespace {

const std::vector<std::string>& MutableFields() {
  static const auto& fields = *new std::vector<std::string>{"display_name", "priority",   "applies_to", "groups",
                                                            "measures",     "exceptions", "bands"};
  return fields;
}

const std::vector<std::string>& OutputFields() {
  static const auto& fields = *new std::vector<std::string>{"id",     "revision",      "name",    "etag",   "note",
                                                            "author", "revision_time", "shipped", "deleted"};
  return fields;
}

absl::Status NoSuchScorecard(const std::string& id, std::int64_t revision = 0) {
  return WithReason(
      absl::NotFoundError(absl::StrCat("scorecards/", id, " ",
                                       revision == 0 ? "does not exist" : absl::StrCat("has no revision ", revision))),
      "NO_SUCH_SCORECARD");
}

// Scorecards in the order in which they are tried.
std::vector<v1::Scorecard> InOrder(const ScorecardConfiguration& configuration) {
  std::vector<v1::Scorecard> cards = configuration.InForce();
  std::sort(cards.begin(), cards.end(), [](const v1::Scorecard& a, const v1::Scorecard& b) {
    return std::pair(a.priority(), a.id()) < std::pair(b.priority(), b.id());
  });
  return cards;
}

// What is wrong with the scorecards when `card` is one of them.
absl::Status CheckTogether(const ScorecardConfiguration& configuration, const v1::Scorecard& card) {
  v1::ScorecardSet set;
  for (v1::Scorecard& other : configuration.InForce()) {
    if (other.id() != card.id()) *set.add_scorecards() = std::move(other);
  }
  *set.add_scorecards() = card;
  BadRequest bad;
  if (set.scorecards_size() > kMostScorecards) {
    bad.Add("scorecard", absl::StrCat("must be one of at most ", kMostScorecards));
  }
  if (const v1::Scorecard* last = LastWithFilter(set)) {
    bad.Add("scorecard.applies_to", absl::StrCat("leaves accounts without a scorecard: '", last->id(),
                                                 "', the last in order of priority, would not ", "apply to all"));
  }
  return bad.ToStatus();
}

// "12 general": priority and id, where a list stands.
std::string CursorOf(const v1::Scorecard& card) { return absl::StrCat(card.priority(), " ", card.id()); }

bool After(const v1::Scorecard& card, const std::string& cursor) {
  if (cursor.empty()) return true;
  const std::size_t space = cursor.find(' ');
  std::int32_t priority = 0;
  if (space == std::string::npos || !absl::SimpleAtoi(cursor.substr(0, space), &priority)) return true;
  return std::pair(card.priority(), card.id()) > std::pair(priority, cursor.substr(space + 1));
}

}  // namespace

absl::StatusOr<std::string> ScorecardOfName(absl::string_view name) {
  if (name.empty()) return absl::InvalidArgumentError("is required");
  if (!absl::ConsumePrefix(&name, "scorecards/") || !IsScorecardId(name)) {
    return absl::InvalidArgumentError("must look like scorecards/{id}");
  }
  return std::string(name);
}

absl::Status ScorecardLibrary::Check(const v1::Scorecard& card, BadRequest& bad) const {
  CheckScorecard(card, "scorecard", bad);
  const ReadLock read(portfolio_.lock());
  // What the facts are is not known yet; what else is wrong can be said.
  if (!portfolio_.caught_up()) return bad.empty() ? NotCaughtUp() : absl::OkStatus();
  CheckFactsOf(card, portfolio_.catalogue(), "scorecard", bad);
  return absl::OkStatus();
}

absl::StatusOr<v1::CreateScorecardResponse> ScorecardLibrary::Create(const v1::CreateScorecardRequest& request) {
  const std::string& id = request.scorecard_id();
  const Authorship by{.author = request.author(), .note = request.note()};
  BadRequest bad;
  if (!IsScorecardId(id)) bad.Add("scorecard_id", id.empty() ? "is required" : "must be 1 to 64 of a-z 0-9 _ -");
  CheckAuthorship(by, "author", bad);
  if (!request.has_scorecard()) {
    bad.Add("scorecard", "is required");
  } else {
    PERENNIAL_RETURN_IF_ERROR(Check(request.scorecard(), bad));
  }
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  auto stored = configurator_.ChangeScorecards(
      request.validate_only(), [&](const ScorecardConfiguration& present) -> absl::StatusOr<ConfigRevision> {
        if (present.Find(id) != nullptr) {
          return WithReason(absl::AlreadyExistsError(absl::StrCat("scorecards/", id, " exists")), "SCORECARD_EXISTS");
        }
        ConfigRevision next = present.Next(id, request.scorecard(), configurator_.Now());
        next.author = by.author;
        next.note = by.note;
        PERENNIAL_RETURN_IF_ERROR(CheckTogether(present, ToAnswer(next, request.scorecard())));
        return next;
      });
  PERENNIAL_RETURN_IF_ERROR(stored.status());
  v1::CreateScorecardResponse response;
  *response.mutable_scorecard() = *std::move(stored);
  return response;
}

absl::StatusOr<v1::Scorecard> ScorecardLibrary::Find(const std::string& id, std::int64_t revision) {
  std::optional<v1::Scorecard> found;
  configurator_.ReadScorecards([&](const ScorecardConfiguration& present) {
    const auto* kept = present.Find(id);
    if (kept != nullptr && (revision == 0 || kept->meta.revision == revision))
      found = ToAnswer(kept->meta, kept->definition);
  });
  if (found.has_value()) return *std::move(found);
  if (revision == 0) return NoSuchScorecard(id);
  const auto stored = configurator_.store().Get(kScorecardKind, id, revision);
  if (absl::IsNotFound(stored.status())) return NoSuchScorecard(id, revision);
  PERENNIAL_RETURN_IF_ERROR(stored.status());
  PERENNIAL_ASSIGN_OR_RETURN(const v1::Scorecard definition, ScorecardConfiguration::Parse(*stored));
  return ToAnswer(*stored, definition);
}

absl::StatusOr<v1::GetScorecardResponse> ScorecardLibrary::Get(const v1::GetScorecardRequest& request) {
  const auto id = ScorecardOfName(request.name());
  BadRequest bad;
  bad.AddIfError("name", id.status());
  if (request.revision() < 0) bad.Add("revision", "must not be negative");
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  v1::GetScorecardResponse response;
  PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_scorecard(), Find(*id, request.revision()));
  return response;
}

absl::StatusOr<v1::ListScorecardsResponse> ScorecardLibrary::List(const v1::ListScorecardsRequest& request) {
  constexpr absl::string_view kKey = "ListScorecards";
  const auto page_size = PageSize(request.page_size());
  const auto cursor = ReadPageToken(request.page_token(), kKey);
  BadRequest bad;
  bad.AddIfError("page_size", page_size.status());
  bad.AddIfError("page_token", cursor.status());
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  v1::ListScorecardsResponse response;
  configurator_.ReadScorecards([&](const ScorecardConfiguration& present) {
    for (v1::Scorecard& card : InOrder(present)) {
      if (!After(card, *cursor)) continue;
      if (response.scorecards_size() == *page_size) {
        response.set_next_page_token(MakePageToken(CursorOf(response.scorecards(*page_size - 1)), kKey));
        return;
      }
      *response.add_scorecards() = std::move(card);
    }
  });
  return response;
}

absl::StatusOr<v1::UpdateScorecardResponse> ScorecardLibrary::Update(const v1::UpdateScorecardRequest& request) {
  const auto id = ScorecardOfName(request.scorecard().name());
  const Authorship by{.author = request.author(), .note = request.note()};
  BadRequest bad;
  if (!request.has_scorecard()) bad.Add("scorecard", "is required");
  bad.AddIfError("scorecard.name", id.status());
  CheckAuthorship(by, "author", bad);
  const std::set<std::string> paths =
      ResolveUpdateMask(request.scorecard(), request.has_update_mask() ? &request.update_mask() : nullptr,
                        MutableFields(), {}, OutputFields(), bad);
  if (!id.ok()) return bad.ToStatus();
  auto stored = configurator_.ChangeScorecards(
      request.validate_only(), [&](const ScorecardConfiguration& present) -> absl::StatusOr<ConfigRevision> {
        const auto* kept = present.Find(*id);
        if (kept == nullptr) return bad.empty() ? NoSuchScorecard(*id) : bad.ToStatus();
        v1::Scorecard next = kept->definition;
        CopyFields(request.scorecard(), paths, next);
        PERENNIAL_RETURN_IF_ERROR(Check(next, bad));
        PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
        PERENNIAL_RETURN_IF_ERROR(CheckEtag(request.scorecard().etag(), kept->meta.revision, "scorecard"));
        NoteOldValue(ToAnswer(kept->meta, kept->definition));
        PERENNIAL_RETURN_IF_ERROR(CheckTogether(present, ToAnswer(kept->meta, next)));
        return RevisionOfUpdate(present, *kept, next, by, configurator_.Now());
      });
  PERENNIAL_RETURN_IF_ERROR(stored.status());
  v1::UpdateScorecardResponse response;
  *response.mutable_scorecard() = *std::move(stored);
  return response;
}

absl::StatusOr<v1::DeleteScorecardResponse> ScorecardLibrary::Delete(const v1::DeleteScorecardRequest& request) {
  const auto id = ScorecardOfName(request.name());
  const Authorship by{.author = request.author(), .note = request.note()};
  BadRequest bad;
  bad.AddIfError("name", id.status());
  CheckAuthorship(by, "author", bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  const auto stored = configurator_.ChangeScorecards(
      false, [&](const ScorecardConfiguration& present) -> absl::StatusOr<ConfigRevision> {
        const auto* kept = present.Find(*id);
        if (kept == nullptr) return NoSuchScorecard(*id);
        PERENNIAL_RETURN_IF_ERROR(CheckEtag(request.etag(), kept->meta.revision, "scorecard"));
        NoteOldValue(ToAnswer(kept->meta, kept->definition));
        v1::ScorecardSet rest;
        for (v1::Scorecard& card : present.InForce()) {
          if (card.id() != *id) *rest.add_scorecards() = std::move(card);
        }
        if (rest.scorecards().empty() || LastWithFilter(rest) != nullptr) {
          return WithReason(
              absl::FailedPreconditionError("some account would have no scorecard: the last in order of priority "
                                            "must apply to all"),
              "SCORECARD_NEEDED");
        }
        ConfigRevision next = present.Next(*id, kept->definition, configurator_.Now());
        next.author = by.author;
        next.note = by.note;
        next.deleted = true;
        return next;
      });
  PERENNIAL_RETURN_IF_ERROR(stored.status());
  return v1::DeleteScorecardResponse();
}

absl::StatusOr<v1::ListScorecardRevisionsResponse> ScorecardLibrary::ListRevisions(
    const v1::ListScorecardRevisionsRequest& request) {
  const auto id = ScorecardOfName(request.name());
  const std::string key = absl::StrCat("ListScorecardRevisions\n", request.name());
  const auto page_size = PageSize(request.page_size());
  const auto cursor = ReadPageToken(request.page_token(), key);
  BadRequest bad;
  bad.AddIfError("name", id.status());
  bad.AddIfError("page_size", page_size.status());
  bad.AddIfError("page_token", cursor.status());
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  std::int64_t before = std::numeric_limits<std::int64_t>::max();
  if (!cursor->empty()) (void)absl::SimpleAtoi(*cursor, &before);
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<ConfigRevision> found,
                             configurator_.store().List(kScorecardKind, *id, before, *page_size + 1));
  if (found.empty() && cursor->empty()) return NoSuchScorecard(*id);
  v1::ListScorecardRevisionsResponse response;
  for (const ConfigRevision& revision : found) {
    if (response.revisions_size() == *page_size) {
      response.set_next_page_token(MakePageToken(absl::StrCat(response.revisions(*page_size - 1).revision()), key));
      break;
    }
    PERENNIAL_ASSIGN_OR_RETURN(const v1::Scorecard definition, ScorecardConfiguration::Parse(revision));
    *response.add_revisions() = ToAnswer(revision, definition);
  }
  return response;
}

absl::StatusOr<v1::DiffScorecardRevisionsResponse> ScorecardLibrary::Diff(
    const v1::DiffScorecardRevisionsRequest& request) {
  const auto id = ScorecardOfName(request.name());
  BadRequest bad;
  bad.AddIfError("name", id.status());
  if (request.from_revision() < 0) bad.Add("from_revision", "must not be negative");
  if (request.to_revision() < 0) bad.Add("to_revision", "must not be negative");
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  const auto newest_before = [&](std::int64_t before) -> absl::StatusOr<ConfigRevision> {
    PERENNIAL_ASSIGN_OR_RETURN(std::vector<ConfigRevision> found,
                               configurator_.store().List(kScorecardKind, *id, before, 1));
    if (found.empty()) return NoSuchScorecard(*id);
    return found.front();
  };
  v1::DiffScorecardRevisionsResponse response;
  std::int64_t to = request.to_revision();
  if (to == 0) {
    PERENNIAL_ASSIGN_OR_RETURN(const ConfigRevision newest, newest_before(std::numeric_limits<std::int64_t>::max()));
    to = newest.revision;
  }
  PERENNIAL_ASSIGN_OR_RETURN(const v1::Scorecard after, Find(*id, to));
  v1::Scorecard before;
  std::int64_t from = request.from_revision();
  if (from > 0) {
    PERENNIAL_ASSIGN_OR_RETURN(before, Find(*id, from));
  } else if (const auto earlier = newest_before(to); earlier.ok()) {
    from = earlier->revision;
    PERENNIAL_ASSIGN_OR_RETURN(const v1::Scorecard definition, ScorecardConfiguration::Parse(*earlier));
    before = ToAnswer(*earlier, definition);
  } else if (!absl::IsNotFound(earlier.status())) {
    return earlier.status();
  }
  response.set_from_revision(from);
  response.set_to_revision(to);
  v1::Scorecard compared_before = DefinitionOf(before);
  v1::Scorecard compared_after = DefinitionOf(after);
  compared_before.set_deleted(before.deleted());
  compared_after.set_deleted(after.deleted());
  for (v1::ScorecardDifference& difference : DifferencesOf(compared_before, compared_after)) {
    *response.add_differences() = std::move(difference);
  }
  return response;
}

}  // namespace perennial::health
