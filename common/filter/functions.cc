#include "common/filter/functions.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/nearest.h"
#include "common/base/resource_name.h"
#include "common/filter/changed.h"
#include "common/filter/literals.h"
#include "common/filter/name_hints.h"
#include "common/filter/source_text.h"

namespace perennial::filter {
namespace {

constexpr double kMaxDays = 36525;

absl::Status UnknownFunction(const Value& call, const ProgramBuilder& builder) {
  return builder.Error(call.offset, absl::StrCat("unknown function ", Shown(call.text)),
                       DidYouMean(NearestName(call.text, {"changed", "days_ago", "now", "segment"}),
                                  R"(there are segment("id"), changed(fact, "30d"), days_ago(n) and now())"));
}

absl::Status AddSegment(const Value& id, const CompileOptions& options, ProgramBuilder& builder) {
  if (options.known_segments != nullptr) {
    const std::vector<std::string>& known = *options.known_segments;
    if (std::find(known.begin(), known.end(), id.text) == known.end()) {
      return builder.Error(id.offset, absl::StrCat("unknown segment ", Shown(id.text)),
                           DidYouMean(NearestName(id.text, {known.begin(), known.end()})));
    }
  } else if (const absl::Status status = CheckSlug(id.text); !status.ok()) {
    return builder.Error(id.offset, absl::StrCat(Shown(id.text), " names no segment"),
                         absl::StrCat("it ", status.message()));
  }
  builder.AddSegment(id.text);
  return absl::OkStatus();
}

}  // namespace

absl::Status AddCall(const Expression& restriction, const CompileOptions& options, ProgramBuilder& builder) {
  const Value& call = restriction.left;
  if (call.text == "now" || call.text == "days_ago") {
    return builder.Error(call.offset, absl::StrCat(call.text, "() is a time and stands right of a comparator"),
                         "the fact stands left of it: fact < days_ago(30)");
  }
  if (call.text != "segment" && call.text != "changed") return UnknownFunction(call, builder);
  if (restriction.comparator.has_value()) {
    const absl::string_view example = call.text == "segment" ? R"(segment("id"))" : R"(changed(fact, "30d"))";
    return builder.Error(restriction.comparator_offset,
                         absl::StrCat(call.text, "() is true or false by itself and is not compared"),
                         absl::StrCat("write ", example, " or NOT ", example));
  }
  if (call.text == "changed") return AddChanged(call, builder);
  if (!options.allow_segments) {
    return builder.Error(call.offset, "segment() cannot be used here", "only segments can refer to segments");
  }
  if (call.arguments.size() != 1 || call.arguments[0].form == Value::Form::kCall) {
    return builder.Error(call.offset, "segment() takes the id of one segment", "for example segment(\"at-risk\")");
  }
  return AddSegment(call.arguments[0], options, builder);
}

absl::StatusOr<double> DaysBeforeNow(const Value& call, const ProgramBuilder& builder) {
  if (call.text == "now") {
    if (call.arguments.empty()) return 0.0;
    return builder.Error(call.offset, "now() takes no argument", "for an earlier time write days_ago(n)");
  }
  if (call.text == "segment" || call.text == "changed") {
    return builder.Error(call.offset, absl::StrCat(call.text, "() is true or false and is not compared"),
                         call.text == "segment" ? R"(write segment("id") alone)"
                                                : R"(write changed(fact, "30d") alone)");
  }
  if (call.text != "days_ago") return UnknownFunction(call, builder);
  std::optional<double> days;
  if (call.arguments.size() == 1 && call.arguments[0].form == Value::Form::kWord) {
    days = ParseNumber(call.arguments[0].text);
    if (!days.has_value()) days = ParseDurationDays(call.arguments[0].text);
  }
  if (days.has_value() && *days >= -kMaxDays && *days <= kMaxDays) return *days;
  return builder.Error(call.offset, absl::StrCat("days_ago() takes one number of days, -", kMaxDays, " to ", kMaxDays),
                       "for example days_ago(30)");
}

}  // namespace perennial::filter
