#include "common/filter/changed.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/time_util.h"
#include "common/filter/literals.h"
#include "common/filter/source_text.h"

namespace perennial::filter {
namespace {

constexpr double kMaxDays = 36525;

// The fact that tells since when `definition`'s has its value.
std::optional<facts::FactId> ChangeFactOf(const facts::FactDefinition& definition,
                                          const facts::FactCatalogue& catalogue) {
  if (definition.change_fact.empty()) return std::nullopt;
  const auto fact = catalogue.Find(definition.change_fact);
  if (!fact.has_value()) return std::nullopt;
  const facts::FactType type = catalogue.Get(*fact).type;
  return type == facts::FactType::kNumber || type == facts::FactType::kTime ? fact : std::nullopt;
}

absl::Status NotTold(const Value& name, const ProgramBuilder& builder) {
  std::vector<std::string> told;
  for (facts::FactId id = 0; id < builder.catalogue().size(); ++id) {
    const facts::FactDefinition& definition = builder.catalogue().Get(id);
    if (ChangeFactOf(definition, builder.catalogue()).has_value()) told.push_back(definition.name);
  }
  std::sort(told.begin(), told.end());
  return builder.Error(name.offset, absl::StrCat("nothing tells since when ", Shown(name.text), " has its value"),
                       told.empty() ? "changed() can be asked of no fact here"
                                    : absl::StrCat("changed() can be asked of ", absl::StrJoin(told, ", ")));
}

}  // namespace

absl::Status AddChanged(const Value& call, ProgramBuilder& builder) {
  const bool takes = call.arguments.size() == 2 && call.arguments[0].form != Value::Form::kCall &&
                     call.arguments[1].form != Value::Form::kCall;
  if (!takes) {
    return builder.Error(call.offset, "changed() takes a fact and a number of days",
                         R"(for example changed(phase, "30d"))");
  }
  const Value& name = call.arguments[0];
  const Value& window = call.arguments[1];
  const auto fact = builder.catalogue().Find(name.text);
  if (!fact.has_value()) return builder.UnknownFact(name);
  const auto since = ChangeFactOf(builder.catalogue().Get(*fact), builder.catalogue());
  if (!since.has_value()) return NotTold(name, builder);
  const auto days = ParseDurationDays(window.text);
  if (!days.has_value() || *days < 1 || *days > kMaxDays || *days != std::floor(*days)) {
    return builder.Error(window.offset,
                         absl::StrCat("expected whole days from \"1d\" to \"", kMaxDays, "d\", but found ",
                                      Shown(window.text)));
  }
  builder.AddChange(*fact, *since, *days);
  return absl::OkStatus();
}

double ChangeThreshold(absl::Time now, double days) {
  return absl::ToDoubleSeconds(StartOfDay(DayOf(now)) - absl::UnixEpoch()) - (days - 1) * 86400;
}

}  // namespace perennial::filter
