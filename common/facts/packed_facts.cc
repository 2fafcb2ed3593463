#include "common/facts/packed_facts.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::facts {
namespace {

namespace v1 = perennial::accounts::v1;

absl::StatusOr<FactId> LocalId(std::uint32_t id, const std::vector<FactId>& ids) {
  if (id >= ids.size() || ids[id] == kNotAnnounced) {
    return absl::DataLossError(absl::StrCat("fact ", id, " was not announced"));
  }
  return ids[id];
}

v1::FactType TypeToProto(FactType type) {
  switch (type) {
    case FactType::kNumber: return v1::FACT_TYPE_NUMBER;
    case FactType::kString: return v1::FACT_TYPE_STRING;
    case FactType::kBool: return v1::FACT_TYPE_BOOL;
    case FactType::kTime: return v1::FACT_TYPE_TIME;
    case FactType::kStringSet: return v1::FACT_TYPE_STRING_SET;
  }
  return v1::FACT_TYPE_UNSPECIFIED;
}

}  // namespace

void Pack(const FactRow& row, v1::PackedFacts* out) {
  for (const auto& [fact, value] : row.values()) {
    if (const auto* number = std::get_if<double>(&value)) {
      out->add_number_ids(fact);
      out->add_number_values(*number);
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      out->add_text_ids(fact);
      out->add_text_values(*text);
    } else {
      const auto& set = std::get<StringSet>(value);
      if (set.empty()) out->add_empty_set_ids(fact);
      for (const std::string& element : set) {
        out->add_text_ids(fact);
        out->add_text_values(element);
      }
    }
  }
}

absl::StatusOr<FactRow> Unpack(const v1::PackedFacts& packed, const std::vector<FactId>& ids,
                               const FactCatalogue& catalogue) {
  if (packed.number_ids_size() != packed.number_values_size() || packed.text_ids_size() != packed.text_values_size()) {
    return absl::DataLossError("packed facts have ids without values");
  }
  FactRow row;
  row.Reserve(static_cast<std::size_t>(packed.number_ids_size() + packed.text_ids_size() + packed.empty_set_ids_size()));
  for (int i = 0; i < packed.number_ids_size(); ++i) {
    PERENNIAL_ASSIGN_OR_RETURN(const FactId fact, LocalId(packed.number_ids(i), ids));
    row.SetNumber(fact, packed.number_values(i));
  }
  for (int i = 0; i < packed.text_ids_size();) {
    PERENNIAL_ASSIGN_OR_RETURN(const FactId fact, LocalId(packed.text_ids(i), ids));
    if (catalogue.Get(fact).type != FactType::kStringSet) {
      row.SetText(fact, packed.text_values(i++));
      continue;
    }
    StringSet set;
    for (const std::uint32_t id = packed.text_ids(i); i < packed.text_ids_size() && packed.text_ids(i) == id; ++i) {
      set.push_back(packed.text_values(i));
    }
    row.SetSet(fact, std::move(set));
  }
  for (const std::uint32_t id : packed.empty_set_ids()) {
    PERENNIAL_ASSIGN_OR_RETURN(const FactId fact, LocalId(id, ids));
    row.SetSet(fact, {});
  }
  return row;
}

v1::FactDefinition ToProto(FactId id, const FactDefinition& definition) {
  v1::FactDefinition out;
  out.set_id(id);
  out.set_name(definition.name);
  out.set_type(TypeToProto(definition.type));
  out.set_unit(definition.unit);
  out.set_meaning(definition.meaning);
  out.set_age_fact(definition.age_fact);
  out.set_change_fact(definition.change_fact);
  return out;
}

absl::StatusOr<FactDefinition> FromProto(const v1::FactDefinition& definition) {
  FactDefinition out{.name = definition.name(),
                     .unit = definition.unit(),
                     .meaning = definition.meaning(),
                     .age_fact = definition.age_fact(),
                     .change_fact = definition.change_fact()};
  switch (definition.type()) {
    case v1::FACT_TYPE_NUMBER: out.type = FactType::kNumber; break;
    case v1::FACT_TYPE_STRING: out.type = FactType::kString; break;
    case v1::FACT_TYPE_BOOL: out.type = FactType::kBool; break;
    case v1::FACT_TYPE_TIME: out.type = FactType::kTime; break;
    case v1::FACT_TYPE_STRING_SET: out.type = FactType::kStringSet; break;
    default: return absl::DataLossError(absl::StrCat("fact '", definition.name(), "' has no known type"));
  }
  return out;
}

v1::Fact ToProto(const FactDefinition& definition, const FactValue& value) {
  v1::Fact out;
  out.set_name(definition.name);
  if (const auto* text = std::get_if<std::string>(&value)) {
    out.set_text(*text);
  } else if (const auto* set = std::get_if<StringSet>(&value)) {
    out.mutable_set()->mutable_values()->Assign(set->begin(), set->end());
  } else if (definition.type == FactType::kBool) {
    out.set_flag(std::get<double>(value) != 0);
  } else if (definition.type == FactType::kTime) {
    *out.mutable_time() = ToTimestamp(absl::UnixEpoch() + absl::Seconds(std::get<double>(value)));
  } else {
    out.set_number(std::get<double>(value));
  }
  return out;
}

}  // namespace perennial::facts
