#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/mapping.h"
#include "cli/mapping_yaml.h"

namespace perennial::cli {

// Reads the expressions and conditions of a mapping. `yaml` must outlive it.
class ExpressionParser {
 public:
  explicit ExpressionParser(const YamlReader& yaml) : yaml_(yaml) {}

  // Reads the named value maps, which expressions then refer to.
  absl::Status ReadMaps(const YAML::Node& node);
  // A column's name, or a map with one source. With `type`, the key "type" is allowed and read into it.
  absl::StatusOr<Expression> Parse(const YAML::Node& node, AttributeType* type = nullptr);
  // "usage {usage_id} of {account_id}": columns in braces; {{ and }} are braces.
  absl::StatusOr<Expression> ParseTemplate(const YAML::Node& node, const std::string& text) const;
  absl::StatusOr<Condition> ParseCondition(const YAML::Node& node);

 private:
  absl::Status ParseSource(const YAML::Node& node, Expression* expression);
  absl::Status ParseTreatment(const YAML::Node& node, Expression* expression);
  absl::StatusOr<std::shared_ptr<const ValueMap>> ParseValueMap(const YAML::Node& node);
  absl::StatusOr<TimeShift> ParseShift(const YAML::Node& node, bool back);
  absl::StatusOr<Lookup> ParseLookup(const YAML::Node& node, bool with_column);
  absl::StatusOr<Condition> ParseComparison(const YAML::Node& node);
  absl::StatusOr<Condition> ParseTest(const YAML::Node& node);
  absl::StatusOr<Condition> ParseGroup(const YAML::Node& list, Condition::Kind kind);
  absl::Status CheckDepth(const YAML::Node& node) const;

  const YamlReader& yaml_;
  std::map<std::string, std::shared_ptr<const ValueMap>> maps_;
  int depth_ = 0;
};

}  // namespace perennial::cli
