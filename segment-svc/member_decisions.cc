#include "segment-svc/member_decisions.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/page_token.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "common/server/audited_change.h"
#include "segment-svc/segment_checks.h"
#include "segment-svc/segment_protos.h"
#include "segment-svc/segments.h"

namespace perennial::segments {
namespace {

constexpr int kMostAccounts = 1000;

// What Add, Remove and Reset have in common.
struct Checked {
  std::string segment_id;
  std::vector<std::string> account_ids;
};

template <class Request>
Checked Check(const Request& request, BadRequest& bad) {
  Checked checked;
  auto id = CheckSegmentName(request.parent());
  bad.AddIfError("parent", id.status());
  if (id.ok()) checked.segment_id = *std::move(id);
  if (request.accounts().empty()) bad.Add("accounts", "is required");
  if (request.accounts_size() > kMostAccounts) {
    bad.Add("accounts", absl::StrCat("has ", request.accounts_size(), " elements; the most is ", kMostAccounts));
    return checked;
  }
  absl::flat_hash_set<std::string> seen;
  for (int i = 0; i < request.accounts_size(); ++i) {
    const std::string field = absl::StrCat("accounts[", i, "]");
    auto account = IdOf(request.accounts(i), "accounts");
    bad.AddIfError(field, account.status());
    if (!account.ok()) continue;
    if (!seen.insert(*account).second) bad.Add(field, "was named before");
    checked.account_ids.push_back(*std::move(account));
  }
  return checked;
}

// Rows of the accounts, when all of them exist; what is bad is added otherwise.
std::vector<facts::RowId> RowsOf(const SegmentEngine::Editor& editor, const std::vector<std::string>& account_ids,
                                 BadRequest& bad) {
  std::vector<facts::RowId> rows;
  for (std::size_t i = 0; i < account_ids.size(); ++i) {
    const auto row = editor.FindAccount(account_ids[i]);
    if (row.has_value()) {
      rows.push_back(*row);
    } else {
      bad.Add(absl::StrCat("accounts[", i, "]"), "does not exist");
    }
  }
  return rows;
}

v1::MemberDecision ToProto(const std::string& segment, const DecisionRecord& decision) {
  v1::MemberDecision out;
  out.set_segment(segment);
  out.set_account(AccountName(decision.account_id));
  out.set_included(decision.included);
  out.set_author(decision.author);
  SetTimestamp(decision.time, out.mutable_decide_time());
  return out;
}

// Decides for the accounts, and tells the audit trail what was decided about them before and is now. Within an edit, so that nobody
// decides between.
absl::StatusOr<SegmentEngine::Editor::Decided> DecideAloud(SegmentEngine::Editor& editor, SegmentStore& store,
                                                           const SegmentRecord& record, const Checked& checked,
                                                           const std::vector<facts::RowId>& rows,
                                                           std::optional<bool> included, const std::string& author) {
  const auto decisions = [&]() -> absl::StatusOr<v1::ListMemberDecisionsResponse> {
    v1::ListMemberDecisionsResponse all;
    PERENNIAL_ASSIGN_OR_RETURN(const auto records, store.DecisionsAbout(record.uid, checked.account_ids));
    for (const DecisionRecord& decision : records) {
      *all.add_decisions() = ToProto(absl::StrCat("segments/", record.id), decision);
    }
    return all;
  };
  PERENNIAL_ASSIGN_OR_RETURN(const v1::ListMemberDecisionsResponse before, decisions());
  NoteOldValue(before);
  PERENNIAL_ASSIGN_OR_RETURN(const auto decided, editor.Decide(record, rows, included, author));
  // What is decided is; that it cannot be read now is no reason to say otherwise.
  if (const auto after = decisions(); after.ok()) NoteNewValue(*after);
  return decided;
}

template <class Request>
absl::StatusOr<SegmentEngine::Editor::Decided> Decide(SegmentEngine& engine, SegmentStore& store, const Request& request,
                                                      const Checked& checked, bool included) {
  return engine.Edit([&](SegmentEngine::Editor& editor) -> absl::StatusOr<SegmentEngine::Editor::Decided> {
    const auto found = editor.segments().find(checked.segment_id);
    if (found == editor.segments().end()) return NoSuchSegment(checked.segment_id);
    BadRequest bad;
    const std::vector<facts::RowId> rows = RowsOf(editor, checked.account_ids, bad);
    PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
    const SegmentRecord record = found->second.record;
    // A list has nothing to be an exception from.
    const bool forget = record.is_static && !included;
    return DecideAloud(editor, store, record, checked, rows, forget ? std::nullopt : std::optional(included),
                       request.author());
  });
}

absl::StatusOr<std::int64_t> ReadRevision(absl::string_view token, absl::string_view request) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string text, ReadPageToken(token, request));
  std::int64_t revision = std::numeric_limits<std::int64_t>::max();
  if (!text.empty() && !absl::SimpleAtoi(text, &revision)) return absl::InvalidArgumentError("is damaged");
  return revision;
}

absl::StatusOr<std::int64_t> UidOf(const SegmentEngine& engine, const std::string& id) {
  return engine.Read([&](const SegmentView& view) -> absl::StatusOr<std::int64_t> {
    const auto found = view.segments.find(id);
    if (found == view.segments.end()) return NoSuchSegment(id);
    return found->second.record.uid;
  });
}

}  // namespace

absl::StatusOr<v1::AddMemberResponse> MemberDecisions::Add(const v1::AddMemberRequest& request) {
  BadRequest bad;
  const Checked checked = Check(request, bad);
  CheckAuthor(request.author(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  PERENNIAL_ASSIGN_OR_RETURN(const auto decided, Decide(engine_, store_, request, checked, true));
  v1::AddMemberResponse response;
  response.set_entered_count(decided.entered);
  return response;
}

absl::StatusOr<v1::RemoveMemberResponse> MemberDecisions::Remove(const v1::RemoveMemberRequest& request) {
  BadRequest bad;
  const Checked checked = Check(request, bad);
  CheckAuthor(request.author(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  PERENNIAL_ASSIGN_OR_RETURN(const auto decided, Decide(engine_, store_, request, checked, false));
  v1::RemoveMemberResponse response;
  response.set_left_count(decided.left);
  return response;
}

absl::StatusOr<v1::ResetMemberResponse> MemberDecisions::Reset(const v1::ResetMemberRequest& request) {
  BadRequest bad;
  const Checked checked = Check(request, bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  return engine_.Edit([&](SegmentEngine::Editor& editor) -> absl::StatusOr<v1::ResetMemberResponse> {
    const auto found = editor.segments().find(checked.segment_id);
    if (found == editor.segments().end()) return NoSuchSegment(checked.segment_id);
    // A decision may also be about an account that was deleted.
    std::vector<facts::RowId> rows;
    for (const std::string& account : checked.account_ids) {
      if (const auto row = editor.FindAnyAccount(account)) rows.push_back(*row);
    }
    const SegmentRecord record = found->second.record;
    PERENNIAL_ASSIGN_OR_RETURN(const auto decided,
                               DecideAloud(editor, store_, record, checked, rows, std::nullopt, ""));
    v1::ResetMemberResponse response;
    response.set_entered_count(decided.entered);
    response.set_left_count(decided.left);
    return response;
  });
}

absl::StatusOr<v1::ListMemberDecisionsResponse> MemberDecisions::List(
    const v1::ListMemberDecisionsRequest& request) const {
  BadRequest bad;
  const auto id = CheckSegmentName(request.parent());
  bad.AddIfError("parent", id.status());
  const auto page_size = PageSize(request.page_size());
  bad.AddIfError("page_size", page_size.status());
  const std::string same = absl::StrCat("ListMemberDecisions ", request.parent());
  const auto after = ReadPageToken(request.page_token(), same);
  bad.AddIfError("page_token", after.status());
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t uid, UidOf(engine_, *id));
  PERENNIAL_ASSIGN_OR_RETURN(std::vector<DecisionRecord> decisions, store_.Decisions(uid, *after, *page_size + 1));
  v1::ListMemberDecisionsResponse response;
  if (decisions.size() > static_cast<std::size_t>(*page_size)) {
    decisions.pop_back();
    response.set_next_page_token(MakePageToken(decisions.back().account_id, same));
  }
  for (const DecisionRecord& decision : decisions) {
    *response.add_decisions() = ToProto(request.parent(), decision);
  }
  return response;
}

absl::StatusOr<v1::ListSegmentHistoryResponse> MemberDecisions::ListHistory(
    const v1::ListSegmentHistoryRequest& request) const {
  BadRequest bad;
  const auto id = CheckSegmentName(request.parent());
  bad.AddIfError("parent", id.status());
  const auto page_size = PageSize(request.page_size());
  bad.AddIfError("page_size", page_size.status());
  const std::string same = absl::StrCat("ListSegmentHistory ", request.parent());
  const auto before = ReadRevision(request.page_token(), same);
  bad.AddIfError("page_token", before.status());
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t uid, UidOf(engine_, *id));
  PERENNIAL_ASSIGN_OR_RETURN(std::vector<DefinitionRecord> definitions,
                             store_.Definitions(uid, *before, *page_size + 1));
  v1::ListSegmentHistoryResponse response;
  if (definitions.size() > static_cast<std::size_t>(*page_size)) {
    definitions.pop_back();
    response.set_next_page_token(MakePageToken(absl::StrCat(definitions.back().definition_revision), same));
  }
  for (const DefinitionRecord& definition : definitions) {
    v1::SegmentRevision* out = response.add_revisions();
    out->set_segment(request.parent());
    out->set_definition_revision(definition.definition_revision);
    out->set_filter(definition.filter);
    out->set_author(definition.author);
    SetTimestamp(definition.create_time, out->mutable_create_time());
  }
  return response;
}

}  // namespace perennial::segments
