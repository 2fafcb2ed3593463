#include "common/filter/bare_literal.h"

#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/nearest.h"
#include "common/base/status_macros.h"
#include "common/filter/literals.h"
#include "common/filter/source_text.h"

namespace perennial::filter {
namespace {

using facts::FactDefinition;
using facts::FactId;
using facts::FactType;

constexpr absl::string_view kQuote = "quote it to search for the text";
// Shorter words are near too many names to be taken for a slip.
constexpr std::size_t kShortestMisspelling = 4;
// Each check looks at the whole catalogue; a filter that searches for more texts than this means them.
constexpr std::size_t kMaxMisspellingChecks = 16;

absl::string_view ExampleOf(FactType type) {
  switch (type) {
    case FactType::kNumber: return " > 0";
    case FactType::kTime: return " > days_ago(30)";
    case FactType::kStringSet: return ":\"text\"";
    default: return " = \"text\"";
  }
}

absl::Status AddBareFact(const Value& literal, FactId fact, ProgramBuilder& builder) {
  const FactDefinition& definition = builder.catalogue().Get(fact);
  if (definition.type == FactType::kBool) {
    builder.AddNumber(fact, Comparator::kEqual, 1);
    return absl::OkStatus();
  }
  return builder.Error(
      literal.offset,
      absl::StrCat("expected a comparison, but '", definition.name, "' is a ", facts::NameOf(definition.type)),
      absl::StrCat("compare it, for example ", definition.name, ExampleOf(definition.type), ", or ask ",
                   definition.name, ":*"));
}

absl::Status CheckBareWord(const Value& word, const ProgramBuilder& builder) {
  const std::string upper = absl::AsciiStrToUpper(word.text);
  if (upper == "AND" || upper == "OR" || upper == "NOT") {
    return builder.Error(word.offset, absl::StrCat("unexpected ", Shown(word.text)),
                         absl::StrCat("write ", upper, " in upper case, or ", kQuote));
  }
  if (ParseNumber(word.text).has_value() || word.text == "true" || word.text == "false") {
    return builder.Error(word.offset, absl::StrCat("expected a comparison, but found ", Shown(word.text), " alone"),
                         kQuote);
  }
  if (absl::StrContains(word.text, ".")) return builder.UnknownFact(word, kQuote);
  if (word.text.size() < kShortestMisspelling || builder.search_count() >= kMaxMisspellingChecks)
    return absl::OkStatus();
  for (FactId id = 0; id < builder.catalogue().size(); ++id) {
    const std::string& name = builder.catalogue().Get(id).name;
    if (EditDistance(word.text, name, 1) > 1) continue;
    return builder.Error(word.offset, absl::StrCat("unknown fact ", Shown(word.text)),
                         absl::StrCat("did you mean '", name, "'? If not, ", kQuote));
  }
  return absl::OkStatus();
}

std::optional<FactId> FactOf(absl::string_view name, FactType type, const facts::FactCatalogue& catalogue) {
  const auto fact = catalogue.Find(name);
  return fact.has_value() && catalogue.Get(*fact).type == type ? fact : std::nullopt;
}

absl::Status AddSearch(const Value& literal, ProgramBuilder& builder) {
  const SearchedFacts where{.name = FactOf("name", FactType::kString, builder.catalogue()),
                            .owner = FactOf("owner", FactType::kString, builder.catalogue()),
                            .tags = FactOf("tags", FactType::kStringSet, builder.catalogue())};
  if (!where.name.has_value() && !where.owner.has_value() && !where.tags.has_value()) {
    return builder.Error(literal.offset, absl::StrCat("nothing can be searched here for ", Shown(literal.text)),
                         "compare a fact with it");
  }
  // It is looked for anywhere in a text, so wildcards at its ends add nothing.
  absl::string_view text = literal.text;
  if (literal.star_front) text.remove_prefix(1);
  if (literal.star_back && !text.empty()) text.remove_suffix(1);
  if (text.empty()) return builder.Error(literal.offset, "expected a text to search for, but it is empty");
  builder.AddSearch(text, where);
  return absl::OkStatus();
}

}  // namespace

absl::Status AddBareLiteral(const Value& literal, ProgramBuilder& builder) {
  if (literal.form == Value::Form::kWord) {
    if (const auto fact = builder.catalogue().Find(literal.text)) return AddBareFact(literal, *fact, builder);
    PERENNIAL_RETURN_IF_ERROR(CheckBareWord(literal, builder));
  }
  return AddSearch(literal, builder);
}

}  // namespace perennial::filter
