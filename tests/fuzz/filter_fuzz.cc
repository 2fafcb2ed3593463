// Feeds arbitrary bytes to the filter compiler. What compiles must compile again from its canonical form, to the same
// form, and must give the same rows by columns, alone and together with another, as row by row.
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include "common/filter/filter.h"

namespace perennial::filter {
namespace {

struct World {
  facts::FactCatalogue catalogue;
  facts::FactTable table;

  World() {
    using facts::FactType;
    const auto add = [&](const char* name, FactType type, const char* unit = "", const char* change = "") {
      return catalogue.Add({.name = name, .type = type, .unit = unit, .change_fact = change}).value();
    };
    const auto mrr = add("mrr", FactType::kNumber);
    const auto tenure = add("tenure_days", FactType::kNumber, "days");
    const auto name = add("name", FactType::kString);
    const auto industry = add("attributes.industry", FactType::kString);
    const auto silent = add("silent", FactType::kBool);
    const auto created = add("create_time", FactType::kTime);
    const auto tags = add("tags", FactType::kStringSet);
    const auto phase_days = add("phase_days", FactType::kNumber, "days");
    const auto band_time = add("health.band_time", FactType::kTime);
    add("phase", FactType::kString, "", "phase_days");
    add("health.band", FactType::kString, "", "health.band_time");
    const char* texts[] = {"", "a", "A", "acme", "*", "\"", "\xC3\xA9"};
    for (std::uint32_t i = 0; i < 130; ++i) {
      const facts::RowId row = table.Upsert(std::to_string(i));
      if (i % 9 != 0) table.SetNumber(row, phase_days, FactType::kNumber, i % 40);
      if (i % 9 != 1) table.SetNumber(row, band_time, FactType::kTime, 86400.0 * (i % 60) + i);
      if (i % 2 != 0) table.SetNumber(row, mrr, FactType::kNumber, i % 5 - 2.0);
      if (i % 3 != 0) table.SetNumber(row, tenure, FactType::kNumber, i);
      if (i % 5 != 0) table.SetText(row, name, absl::string_view(texts[i % 7]));
      if (i % 7 != 0) table.SetText(row, industry, absl::string_view(texts[i % 3]));
      if (i % 4 != 0) table.SetNumber(row, silent, FactType::kBool, i % 2);
      if (i % 6 != 0) table.SetNumber(row, created, FactType::kTime, 86400.0 * i);
      const facts::StringSet set(i % 3, texts[i % 7]);
      if (i % 8 != 0) table.SetSet(row, tags, &set);
      if (i % 11 == 0) table.Delete(row);
    }
  }
};

void Require(bool condition, const char* what, const std::string& canonical) {
  if (condition) return;
  std::cerr << what << ": " << canonical << "\n";
  std::abort();
}

void Run(absl::string_view text) {
  static const World& world = *new World;
  const CompileOptions options{.allow_segments = true};
  const auto filter = Filter::Compile(text, world.catalogue, options);
  if (!filter.ok()) {
    Require(filter.status().code() == absl::StatusCode::kInvalidArgument, "refused with another code",
            std::string(filter.status().message()));
    return;
  }
  const auto again = Filter::Compile(filter->canonical(), world.catalogue, options);
  Require(again.ok(), "the canonical form does not compile", filter->canonical());
  Require(again->canonical() == filter->canonical(), "the canonical form is not stable", filter->canonical());
  const EvaluationContext context{.now = absl::UnixEpoch() + absl::Hours(24 * 60)};
  const facts::Bitmap selected = filter->EvaluateAll(world.table, context);
  const auto both = Filter::EvaluateAll({&*again, &*filter}, world.table, context);
  Require(both[0] == selected && both[1] == selected, "the canonical form means something else", filter->canonical());
  for (facts::RowId row = 0; row < world.table.row_count(); ++row) {
    const bool by_row = world.table.live(row) && filter->Selects(facts::TableRow(world.table, row), context);
    Require(by_row == selected.Test(row), "columns and rows differ", filter->canonical());
  }
}

}  // namespace
}  // namespace perennial::filter

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  perennial::filter::Run(absl::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
