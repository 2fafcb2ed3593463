#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "common/filter/filter.h"
#include "segment-svc/account_columns.h"
#include "segment-svc/segment_view.h"

namespace perennial::segments {

// The published members of the segments that filters call, for evaluating those over a view.
class CalledSegments final : public filter::SegmentMembership {
 public:
  explicit CalledSegments(const SegmentView& view) : view_(view) {}
  CalledSegments(const SegmentView& view, const filter::Filter& filter) : view_(view) { Add(filter); }

  // To be called for a filter before it is evaluated.
  void Add(const filter::Filter& filter) {
    for (const std::string& id : filter.segments()) {
      const auto found = view_.segments.find(id);
      if (found == view_.segments.end() || members_.contains(id)) continue;
      members_.emplace(id, LiveRows(view_.facts, found->second.members));
    }
  }
  [[nodiscard]] const facts::Bitmap* Members(absl::string_view segment) const override {
    const auto found = members_.find(segment);
    return found == members_.end() ? nullptr : &found->second;
  }

 private:
  const SegmentView& view_;
  absl::flat_hash_map<std::string, facts::Bitmap> members_;
};

// Compiles a filter over what a view has. Errors as Filter::Compile().
inline absl::StatusOr<filter::Filter> CompileFor(const SegmentView& view, const std::string& text) {
  std::vector<std::string> known;
  for (const auto& [id, segment] : view.segments) known.push_back(id);
  return filter::Filter::Compile(text, view.facts.catalogue(), {.allow_segments = true, .known_segments = &known});
}

}  // namespace perennial::segments
