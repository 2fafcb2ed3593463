#include "segment-svc/preview.h"

#include <utility>
#include <vector>

#include "common/base/error_details.h"
#include "common/base/page_token.h"
#include "common/base/status_macros.h"
#include "common/filter/filter_reading.h"
#include "segment-svc/account_columns.h"
#include "segment-svc/called_segments.h"
#include "segment-svc/money_total.h"
#include "segment-svc/segment_checks.h"
#include "segment-svc/segment_protos.h"
#include "segment-svc/segments.h"

namespace perennial::segments {
namespace {

// Rows of `a` that are not in `b`.
facts::Bitmap Without(facts::Bitmap a, const facts::Bitmap& b) {
  for (std::size_t w = 0; w < a.words().size(); ++w) a.words()[w] &= ~b.words()[w];
  return a;
}

template <class Names>
void AddSample(const SegmentView& view, const facts::Bitmap& rows, int size, Names* names) {
  for (const facts::RowId row : HighestMrr(view.facts, rows, static_cast<std::size_t>(size))) {
    *names->Add() = AccountName(view.facts.table().account_id(row));
  }
}

}  // namespace

absl::StatusOr<v1::PreviewSegmentResponse> Preview::Run(const v1::PreviewSegmentRequest& request) const {
  BadRequest bad;
  CheckFilterText(request.filter(), "filter", bad);
  std::string compare_to;
  if (!request.compare_to().empty()) {
    auto id = CheckSegmentName(request.compare_to());
    bad.AddIfError("compare_to", id.status());
    if (id.ok()) compare_to = *std::move(id);
  }
  const auto sample_size = PageSize(request.sample_size(), 10, 100);
  bad.AddIfError("sample_size", sample_size.status());
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  return engine_.Read([&](const SegmentView& view) -> absl::StatusOr<v1::PreviewSegmentResponse> {
    if (!view.ready) return NotReadyStatus();
    const auto filter = CompileFor(view, request.filter());
    bad.AddIfError("filter", filter.status());
    PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
    const auto compared = view.segments.find(compare_to);
    if (!compare_to.empty() && compared == view.segments.end()) return NoSuchSegment(compare_to);

    const CalledSegments called(view, *filter);
    facts::Bitmap selected = filter->EvaluateAll(view.facts.table(), {.now = view.now, .segments = &called});
    selected.Resize(view.facts.table().row_count());
    v1::PreviewSegmentResponse response;
    *response.mutable_filter_reading() = filter::ToProto(*filter);
    response.set_count(static_cast<std::int64_t>(selected.Count()));
    MoneyTotal total;
    const NumberFact mrr(view.facts, "mrr");
    selected.ForEach([&](facts::RowId row) { total.Add(mrr[row]); });
    *response.mutable_mrr() = total.ToProto(currency_);
    AddSample(view, selected, *sample_size, response.mutable_sample());
    if (!compare_to.empty()) {
      const facts::Bitmap members = LiveRows(view.facts, compared->second.members);
      const facts::Bitmap entering = Without(selected, members);
      const facts::Bitmap leaving = Without(members, selected);
      response.set_entering_count(static_cast<std::int64_t>(entering.Count()));
      response.set_leaving_count(static_cast<std::int64_t>(leaving.Count()));
      AddSample(view, entering, *sample_size, response.mutable_entering_sample());
      AddSample(view, leaving, *sample_size, response.mutable_leaving_sample());
    }
    response.set_facts_revision(view.facts_revision);
    return response;
  });
}

}  // namespace perennial::segments
