#include "health-svc/health_scores.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/page_token.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "common/filter/filter.h"
#include "common/filter/filter_reading.h"
#include "health-svc/request_names.h"
#include "health-svc/rules/explanation.h"
#include "health-svc/score_listing.h"

namespace perennial::health {
namespace {

// All fields of a request for one score.
template <class Request>
absl::Status CheckOne(const Request& request) {
  BadRequest bad;
  bad.AddIfError("name", AccountOfScoreName(request.name()).status());
  bad.AddIfError("min_facts_revision", CheckFactsRevision(request.min_facts_revision()));
  return bad.ToStatus();
}

void CheckTime(const google::protobuf::Timestamp& time, bool present, absl::string_view field, BadRequest& bad) {
  if (present && !IsValidTimestamp(time)) bad.Add(field, "must be a time of the years 1 to 9999");
}

}  // namespace

std::string ListKey(const v1::ListHealthScoresRequest& request) {
  return absl::StrCat("ListHealthScores\n", request.filter(), "\n", request.order_by());
}

absl::Status HealthScores::Check(const v1::GetHealthScoreRequest& request) { return CheckOne(request); }
absl::Status HealthScores::Check(const v1::ExplainHealthScoreRequest& request) { return CheckOne(request); }

absl::Status HealthScores::Check(const v1::BatchGetHealthScoresRequest& request) {
  BadRequest bad;
  CheckBatch(request, AccountOfScoreName, bad);
  return bad.ToStatus();
}

absl::Status HealthScores::Check(const v1::ListHealthScoresRequest& request) const {
  BadRequest bad;
  CheckList(portfolio_, request, ParseScoreOrder(request.order_by()).status(), ListKey(request), bad);
  return bad.ToStatus();
}

absl::StatusOr<bool> HealthScores::GetFromMemory(const v1::GetHealthScoreRequest& request,
                                                 v1::GetHealthScoreResponse* response) const {
  const auto account = AccountOfScoreName(request.name());
  if (!account.ok() || request.min_facts_revision() < 0) return Check(request);
  const ReadLock read(portfolio_.lock());
  if (const auto row = portfolio_.Find(*account)) {
    portfolio_.GetScore(*row, response->mutable_health_score());
    return true;
  }
  if (portfolio_.caught_up() || portfolio_.IsDeleted(*account)) return NoSuchAccounts({std::string(*account)});
  return false;
}

absl::StatusOr<StoredScore> HealthScores::GetStored(const std::string& account) const {
  auto stored = store_.GetScore(account);
  if (absl::IsNotFound(stored.status())) return NoSuchAccounts({account});
  return stored;
}

absl::StatusOr<v1::GetHealthScoreResponse> HealthScores::ToResponse(absl::StatusOr<StoredScore> found) {
  if (!found.ok()) return found.status();
  if (found->deleted) return NoSuchAccounts({found->account_id});
  v1::GetHealthScoreResponse response;
  *response.mutable_health_score() = std::move(found->score);
  return response;
}

absl::StatusOr<v1::BatchGetHealthScoresResponse> HealthScores::BatchGet(
    const v1::BatchGetHealthScoresRequest& request) const {
  PERENNIAL_RETURN_IF_ERROR(Check(request));
  v1::BatchGetHealthScoresResponse response;
  std::vector<std::string> missing;
  const ReadLock read(portfolio_.lock());
  for (const std::string& name : request.names()) {
    const absl::string_view account = *AccountOfScoreName(name);
    if (const auto row = portfolio_.Find(account)) {
      portfolio_.GetScore(*row, response.add_health_scores());
    } else {
      missing.emplace_back(account);
    }
  }
  if (!missing.empty()) return NoSuchAccounts(missing);
  return response;
}

absl::StatusOr<v1::ListHealthScoresResponse> HealthScores::List(const v1::ListHealthScoresRequest& request) const {
  PERENNIAL_RETURN_IF_ERROR(Check(request));
  PERENNIAL_ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
  PERENNIAL_ASSIGN_OR_RETURN(const std::string cursor, ReadPageToken(request.page_token(), ListKey(request)));
  PERENNIAL_ASSIGN_OR_RETURN(const ScoreOrder order, ParseScoreOrder(request.order_by()));
  v1::ListHealthScoresResponse response;
  const ReadLock read(portfolio_.lock());
  std::optional<facts::Bitmap> selected;
  if (!request.filter().empty()) {
    const auto filter = filter::Filter::Compile(request.filter(), portfolio_.catalogue());
    BadRequest bad;
    bad.AddIfError("filter", filter.status());
    PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
    selected = filter->EvaluateAll(portfolio_.table(), {.now = clock_.Now()});
    *response.mutable_filter_reading() = filter::ToProto(*filter);
  }
  PERENNIAL_ASSIGN_OR_RETURN(const ScorePage page,
                             PickPage(portfolio_, selected.has_value() ? *selected : portfolio_.table().live_rows(),
                                      order, static_cast<std::size_t>(page_size), cursor));
  for (const facts::RowId row : page.rows) portfolio_.GetScore(row, response.add_health_scores());
  response.set_total_size(page.total);
  if (!page.next_cursor.empty()) response.set_next_page_token(MakePageToken(page.next_cursor, ListKey(request)));
  return response;
}

absl::StatusOr<v1::ExplainHealthScoreResponse> HealthScores::Explain(
    const v1::ExplainHealthScoreRequest& request) const {
  PERENNIAL_RETURN_IF_ERROR(Check(request));
  const absl::string_view account = *AccountOfScoreName(request.name());
  v1::ExplainHealthScoreResponse response;
  const ReadLock read(portfolio_.lock());
  const auto row = portfolio_.Find(account);
  if (!row.has_value()) return NoSuchAccounts({std::string(account)});
  const Portfolio::Entry& entry = portfolio_.entry(*row);
  v1::HealthScore score;
  portfolio_.GetScore(*row, &score);
  if (entry.frozen) {
    if (const CompiledScorecard* scorecard = portfolio_.ScorecardOf(*row)) {
      *response.mutable_explanation() = ExplainKept(score, *scorecard);
    } else {
      response.mutable_explanation()->set_summary("Kept from before the account churned; its scorecard is no more.");
    }
  } else if (entry.seen) {
    const facts::TableRow facts(portfolio_.table(), *row);
    const Evaluation evaluation = portfolio_.scorecards().Evaluate(facts, {.now = entry.as_of}, portfolio_.CarriedOf(*row));
    *response.mutable_explanation() = health::Explain(evaluation, facts, portfolio_.catalogue());
  } else {
    return NotCaughtUp();
  }
  if (score.has_override()) {
    const v1::HealthScoreOverride& by = score.override();
    std::string* summary = response.mutable_explanation()->mutable_summary();
    *summary =
        absl::StrCat(by.author(), " set the score to ", by.score(), ": ", by.reason(), ". Beneath it: ", *summary);
  }
  *response.mutable_explanation()->mutable_score() = std::move(score);
  return response;
}

absl::StatusOr<v1::ListHealthScoreHistoryResponse> HealthScores::ListHistory(
    const v1::ListHealthScoreHistoryRequest& request) const {
  const std::string key =
      absl::StrCat("ListHealthScoreHistory\n", request.parent(), "\n", request.start_time().ShortDebugString(), "\n",
                   request.end_time().ShortDebugString());
  const auto account = AccountOfParent(request.parent());
  const auto page_size = PageSize(request.page_size());
  const auto cursor = ReadPageToken(request.page_token(), key);
  BadRequest bad;
  bad.AddIfError("parent", account.status());
  bad.AddIfError("page_size", page_size.status());
  bad.AddIfError("page_token", cursor.status());
  CheckTime(request.start_time(), request.has_start_time(), "start_time", bad);
  CheckTime(request.end_time(), request.has_end_time(), "end_time", bad);
  if (request.has_start_time() && request.has_end_time() &&
      ToTime(request.end_time()) <= ToTime(request.start_time())) {
    bad.Add("end_time", "must be later than start_time");
  }
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  {
    const ReadLock read(portfolio_.lock());
    if (!portfolio_.Find(*account).has_value()) return NoSuchAccounts({std::string(*account)});
  }
  HistoryQuery query{.account_id = std::string(*account), .limit = *page_size + 1};
  if (request.has_start_time()) query.start = ToTime(request.start_time());
  if (request.has_end_time()) query.end = ToTime(request.end_time());
  std::int64_t before = 0;
  if (!cursor->empty() && absl::SimpleAtoi(*cursor, &before)) query.end = absl::FromUnixMicros(before);
  PERENNIAL_ASSIGN_OR_RETURN(std::vector<v1::HealthScoreChange> changes, store_.ListHistory(query));
  v1::ListHealthScoreHistoryResponse response;
  const bool more = changes.size() > static_cast<std::size_t>(*page_size);
  if (more) changes.pop_back();
  if (more) {
    response.set_next_page_token(
        MakePageToken(absl::StrCat(absl::ToUnixMicros(ToTime(changes.back().start_time()))), key));
  }
  for (v1::HealthScoreChange& change : changes) *response.add_changes() = std::move(change);
  return response;
}

}  // namespace perennial::health
