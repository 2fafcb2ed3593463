#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "segment-svc/segment_engine.h"
#include "segment-svc/segment_graph.h"

namespace perennial::segments {

const PublishedSegments& SegmentEngine::Editor::segments() const { return engine_.segments_; }

absl::Time SegmentEngine::Editor::now() const {
  return absl::FromUnixMicros(absl::ToUnixMicros(engine_.clock_.Now()));
}

const std::optional<filter::Filter>& SegmentEngine::Editor::FilterOf(const std::string& id) const {
  return engine_.evaluator_.Find(id)->filter;
}

std::vector<std::string> SegmentEngine::Editor::CallersOf(const std::string& id) const {
  return perennial::segments::CallersOf(engine_.evaluator_.graph(), id);
}

absl::StatusOr<filter::Filter> SegmentEngine::Editor::Compile(const std::string& filter, const std::string& id) const {
  SegmentGraph graph = engine_.evaluator_.graph();
  graph[id];
  std::vector<std::string> known;
  for (const auto& [segment, calls] : graph) known.push_back(segment);
  PERENNIAL_ASSIGN_OR_RETURN(
      filter::Filter compiled,
      filter::Filter::Compile(filter, engine_.facts_.catalogue(), {.allow_segments = true, .known_segments = &known}));
  graph[id] = compiled.segments();
  const std::vector<std::string> cycle = FindCycle(graph, id);
  if (!cycle.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("would make segments call each other in a cycle: ", absl::StrJoin(cycle, " -> ")));
  }
  return compiled;
}

std::optional<facts::RowId> SegmentEngine::Editor::FindAccount(absl::string_view id) const {
  return engine_.facts_.table().Find(id);
}

std::optional<facts::RowId> SegmentEngine::Editor::FindAnyAccount(absl::string_view id) const {
  return engine_.facts_.table().FindAny(id);
}

absl::StatusOr<std::int64_t> SegmentEngine::Editor::Create(SegmentRecord& record,
                                                           const std::optional<filter::Filter>& filter, bool dry) {
  record.uid = engine_.greatest_uid_ + 1;
  MembershipEvaluator& evaluator = engine_.evaluator_;
  evaluator.Put({.uid = record.uid,
                 .id = record.id,
                 .references = record.references,
                 .filter = filter,
                 .is_static = record.is_static});
  const std::vector<Move> moves = evaluator.Evaluate({}, {record.id}, engine_.clock_.Now());
  const auto count = static_cast<std::int64_t>(evaluator.Members(record.id)->Count());
  absl::Status status;
  if (!dry) {
    StoreWrite write;
    write.created.push_back(record);
    status = engine_.Store(std::move(write), moves, {.cause = Cause::kDefinition, .only_segment = record.uid});
  }
  if (dry || !status.ok()) {
    evaluator.Remove(record.id);
    PERENNIAL_RETURN_IF_ERROR(status);
    return count;
  }
  engine_.greatest_uid_ = record.uid;
  return count;
}

absl::StatusOr<std::int64_t> SegmentEngine::Editor::Update(const SegmentRecord& record,
                                                           const std::optional<filter::Filter>& filter, bool dry) {
  MembershipEvaluator& evaluator = engine_.evaluator_;
  const MembershipEvaluator::Definition before = *evaluator.Find(record.id);
  std::vector<Move> moves;
  if (filter.has_value()) {
    evaluator.Put({.uid = record.uid,
                   .id = record.id,
                   .references = record.references,
                   .filter = filter,
                   .is_static = record.is_static});
    moves = evaluator.Evaluate({}, {record.id}, engine_.clock_.Now());
  }
  const auto count = static_cast<std::int64_t>(evaluator.Members(record.id)->Count());
  absl::Status status;
  if (dry) {
    evaluator.Undo(moves);
  } else {
    StoreWrite write;
    write.updated.push_back(record);
    status = engine_.Store(std::move(write), moves, {.cause = Cause::kDefinition, .only_segment = record.uid});
  }
  if (dry || !status.ok()) evaluator.Put(before);
  PERENNIAL_RETURN_IF_ERROR(status);
  return count;
}

absl::StatusOr<SegmentEngine::Editor::Decided> SegmentEngine::Editor::Decide(const SegmentRecord& record,
                                                                             const std::vector<facts::RowId>& rows,
                                                                             std::optional<bool> included,
                                                                             const std::string& author) {
  MembershipEvaluator& evaluator = engine_.evaluator_;
  std::vector<std::pair<facts::RowId, std::optional<bool>>> before;
  std::vector<facts::RowId> changed;
  StoreWrite write;
  for (const facts::RowId row : rows) {
    const std::optional<bool> decided = evaluator.DecisionOf(record.id, row);
    if (decided == included) continue;
    before.emplace_back(row, decided);
    changed.push_back(row);
    write.decisions.push_back({.segment_uid = record.uid,
                               .account_id = engine_.facts_.table().account_id(row),
                               .included = included,
                               .author = author,
                               .time = engine_.clock_.Now()});
    evaluator.SetDecision(record.id, row, included);
  }
  if (changed.empty()) return Decided();
  const std::vector<Move> moves = evaluator.EvaluateIn(record.id, changed, engine_.clock_.Now());
  Decided decided;
  for (const Move& move : moves) {
    if (move.segment_uid == record.uid) ++(move.entered ? decided.entered : decided.left);
  }
  const absl::Status status =
      engine_.Store(std::move(write), moves, {.cause = Cause::kManual, .only_segment = record.uid});
  if (!status.ok()) {
    for (const auto& [row, was] : before) evaluator.SetDecision(record.id, row, was);
    return status;
  }
  return decided;
}

absl::Status SegmentEngine::Editor::Delete(const SegmentRecord& record) {
  std::vector<Move> moves;
  engine_.evaluator_.Members(record.id)->ForEach([&](facts::RowId row) {
    moves.push_back({.segment_uid = record.uid, .row = row, .entered = false});
  });
  StoreWrite write;
  write.deleted.push_back(record.uid);
  PERENNIAL_RETURN_IF_ERROR(engine_.Store(std::move(write), moves, {.cause = Cause::kDefinition}));
  engine_.evaluator_.Remove(record.id);
  return absl::OkStatus();
}

}  // namespace perennial::segments
