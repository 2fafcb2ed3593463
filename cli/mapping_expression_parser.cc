#include "cli/mapping_expression_parser.h"

#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"

namespace perennial::cli {
namespace {

// YAML's aliases can make a node contain itself.
constexpr int kMaxDepth = 32;

const std::vector<std::string>& SourceKeys() {
  static const auto* keys = new std::vector<std::string>{"column", "value", "template", "lookup", "first", "hash"};
  return *keys;
}

const std::vector<std::pair<std::string, TimeUnit>>& TimeUnits() {
  static const auto* units = new std::vector<std::pair<std::string, TimeUnit>>{{"seconds", TimeUnit::kSeconds},
                                                                               {"minutes", TimeUnit::kMinutes},
                                                                               {"hours", TimeUnit::kHours},
                                                                               {"days", TimeUnit::kDays},
                                                                               {"months", TimeUnit::kMonths}};
  return *units;
}

const std::vector<std::pair<std::string, Condition::Order>>& Orders() {
  using Order = Condition::Order;
  static const auto* orders = new std::vector<std::pair<std::string, Order>>{
      {"<", Order::kLess},      {"<=", Order::kLessOrEqual},    {"=", Order::kEqual},
      {"!=", Order::kNotEqual}, {">=", Order::kGreaterOrEqual}, {">", Order::kGreater}};
  return *orders;
}

const std::vector<std::pair<std::string, Condition::Type>>& Types() {
  using Type = Condition::Type;
  static const auto* types = new std::vector<std::pair<std::string, Type>>{
      {"text", Type::kText}, {"number", Type::kNumber}, {"time", Type::kTime}};
  return *types;
}

// The value of `name` in a table of names, or an error that lists them.
template <class T>
absl::StatusOr<T> Choose(const YamlReader& yaml, const YAML::Node& node, absl::string_view what,
                         const std::vector<std::pair<std::string, T>>& table) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string name, yaml.Text(node, what));
  std::vector<std::string> names;
  for (const auto& [each, value] : table) {
    if (each == name) return value;
    names.push_back(each);
  }
  return yaml.Error(node, UnknownName(what, name, names));
}

}  // namespace

absl::Status ExpressionParser::CheckDepth(const YAML::Node& node) const {
  if (depth_ <= kMaxDepth) return absl::OkStatus();
  return yaml_.Error(node, absl::StrCat("nested more than ", kMaxDepth, " deep"));
}

absl::Status ExpressionParser::ReadMaps(const YAML::Node& node) {
  if (!node) return absl::OkStatus();
  if (!node.IsMap()) return yaml_.Error(node, "'maps' must be a map from names to value maps");
  for (const auto& entry : node) {
    PERENNIAL_ASSIGN_OR_RETURN(const std::string name, yaml_.Text(entry.first, "maps"));
    ValueMap map;
    PERENNIAL_ASSIGN_OR_RETURN(const auto values, yaml_.TextMap(entry.second, name));
    map.values.insert(values.begin(), values.end());
    if (!maps_.emplace(name, std::make_shared<ValueMap>(std::move(map))).second) {
      return yaml_.Error(entry.first, absl::StrCat("map '", name, "' twice"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Expression> ExpressionParser::Parse(const YAML::Node& node, AttributeType* type) {
  ++depth_;
  const auto leave = absl::MakeCleanup([this] { --depth_; });
  PERENNIAL_RETURN_IF_ERROR(CheckDepth(node));
  Expression expression;
  expression.line = YamlReader::LineOf(node);
  if (node.IsScalar()) {
    expression.source = Expression::Source::kColumn;
    expression.text = node.Scalar();
    if (expression.text.empty()) return yaml_.Error(node, "the name of a column must not be empty");
    return expression;
  }
  std::vector<std::string> allowed = SourceKeys();
  allowed.insert(allowed.end(), {"optional", "map", "otherwise", "format", "plus", "minus", "when"});
  if (type != nullptr) allowed.emplace_back("type");
  PERENNIAL_RETURN_IF_ERROR(yaml_.CheckKeys(node, "a value", allowed));
  PERENNIAL_RETURN_IF_ERROR(ParseSource(node, &expression));
  PERENNIAL_RETURN_IF_ERROR(ParseTreatment(node, &expression));
  if (type != nullptr && node["type"]) {
    PERENNIAL_ASSIGN_OR_RETURN(const std::string name, yaml_.Text(node["type"], "type"));
    const absl::StatusOr<AttributeType> found = AttributeTypeOf(name);
    if (!found.ok()) return yaml_.Error(node["type"], UnknownName("type", name, {"text", "number", "flag", "time"}));
    *type = *found;
  }
  return expression;
}

absl::Status ExpressionParser::ParseSource(const YAML::Node& node, Expression* expression) {
  std::string key;
  for (const std::string& each : SourceKeys()) {
    if (!node[each]) continue;
    if (!key.empty())
      return yaml_.Error(node, absl::StrCat("a value has one source, not both '", key, "' and '", each, "'"));
    key = each;
  }
  if (key.empty()) return yaml_.Error(node, absl::StrCat("a value needs one of ", absl::StrJoin(SourceKeys(), ", ")));
  using Source = Expression::Source;
  if (key == "column" || key == "value") {
    expression->source = key == "column" ? Source::kColumn : Source::kConstant;
    PERENNIAL_ASSIGN_OR_RETURN(expression->text, yaml_.RequiredText(node, key));
  } else if (key == "template") {
    PERENNIAL_ASSIGN_OR_RETURN(const std::string text, yaml_.RequiredText(node, key));
    PERENNIAL_ASSIGN_OR_RETURN(*expression, ParseTemplate(node[key], text));
  } else if (key == "hash") {
    expression->source = Source::kHash;
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<std::string> columns, yaml_.Texts(node, key));
    if (columns.empty()) return yaml_.Error(node[key], "'hash' must be a list of columns");
    for (const std::string& column : columns) expression->parts.push_back({column, true, -1});
  } else if (key == "lookup") {
    expression->source = Source::kLookup;
    PERENNIAL_ASSIGN_OR_RETURN(expression->lookup, ParseLookup(node[key], true));
  } else {
    expression->source = Source::kFirst;
    if (!node[key].IsSequence() || node[key].size() == 0)
      return yaml_.Error(node[key], "'first' must be a list of values");
    for (const YAML::Node& option : node[key]) {
      PERENNIAL_ASSIGN_OR_RETURN(Expression parsed, Parse(option));
      expression->options.push_back(std::move(parsed));
    }
  }
  return absl::OkStatus();
}

absl::Status ExpressionParser::ParseTreatment(const YAML::Node& node, Expression* expression) {
  PERENNIAL_ASSIGN_OR_RETURN(expression->optional, yaml_.Flag(node, "optional", false));
  PERENNIAL_ASSIGN_OR_RETURN(expression->formats, yaml_.Texts(node, "format"));
  if (node["map"]) {
    PERENNIAL_ASSIGN_OR_RETURN(expression->map, ParseValueMap(node["map"]));
  }
  if (node["otherwise"]) {
    if (!expression->map) return yaml_.Error(node["otherwise"], "'otherwise' needs a 'map'");
    ValueMap map = *expression->map;
    PERENNIAL_ASSIGN_OR_RETURN(map.otherwise, yaml_.Text(node["otherwise"], "otherwise"));
    expression->map = std::make_shared<ValueMap>(std::move(map));
  }
  for (const bool back : {false, true}) {
    const YAML::Node shift = node[back ? "minus" : "plus"];
    if (!shift) continue;
    PERENNIAL_ASSIGN_OR_RETURN(TimeShift parsed, ParseShift(shift, back));
    expression->shifts.push_back(std::move(parsed));
  }
  if (node["when"]) {
    PERENNIAL_ASSIGN_OR_RETURN(Condition when, ParseCondition(node["when"]));
    expression->when = std::make_shared<Condition>(std::move(when));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const ValueMap>> ExpressionParser::ParseValueMap(const YAML::Node& node) {
  if (node.IsScalar()) {
    std::vector<std::string> names;
    for (const auto& [name, map] : maps_) {
      if (name == node.Scalar()) return map;
      names.push_back(name);
    }
    return yaml_.Error(node, UnknownName("map", node.Scalar(), names));
  }
  PERENNIAL_ASSIGN_OR_RETURN(const auto values, yaml_.TextMap(node, "map"));
  auto map = std::make_shared<ValueMap>();
  map->values.insert(values.begin(), values.end());
  return map;
}

absl::StatusOr<Expression> ExpressionParser::ParseTemplate(const YAML::Node& node, const std::string& text) const {
  Expression expression;
  expression.source = Expression::Source::kTemplate;
  expression.text = text;
  expression.line = YamlReader::LineOf(node);
  std::string literal;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '{' && c != '}') {
      literal.push_back(c);
    } else if (i + 1 < text.size() && text[i + 1] == c) {
      literal.push_back(c);
      ++i;
    } else {
      const std::size_t end = text.find('}', i);
      if (c == '}' || end == std::string::npos || end == i + 1) {
        return yaml_.Error(node, "a template names columns in braces, for example {account_id}; {{ and }} are braces");
      }
      if (!literal.empty()) expression.parts.push_back({std::exchange(literal, {}), false, -1});
      expression.parts.push_back({text.substr(i + 1, end - i - 1), true, -1});
      i = end;
    }
  }
  if (!literal.empty()) expression.parts.push_back({literal, false, -1});
  return expression;
}

absl::StatusOr<TimeShift> ExpressionParser::ParseShift(const YAML::Node& node, bool back) {
  PERENNIAL_RETURN_IF_ERROR(yaml_.CheckKeys(node, back ? "'minus'" : "'plus'", {"amount", "unit"}));
  if (!node["amount"] || !node["unit"]) return yaml_.Error(node, "a shift needs 'amount' and 'unit'");
  TimeShift shift;
  shift.back = back;
  PERENNIAL_ASSIGN_OR_RETURN(Expression amount, Parse(node["amount"]));
  shift.amount = std::make_shared<Expression>(std::move(amount));
  PERENNIAL_ASSIGN_OR_RETURN(shift.unit, Choose(yaml_, node["unit"], "unit", TimeUnits()));
  return shift;
}

absl::StatusOr<Lookup> ExpressionParser::ParseLookup(const YAML::Node& node, bool with_column) {
  std::vector<std::string> keys = {"file", "match", "key", "where"};
  if (with_column) keys.emplace_back("column");
  PERENNIAL_RETURN_IF_ERROR(yaml_.CheckKeys(node, with_column ? "a lookup" : "'exists_in'", keys));
  Lookup lookup;
  lookup.line = YamlReader::LineOf(node);
  PERENNIAL_ASSIGN_OR_RETURN(lookup.file, yaml_.RequiredText(node, "file"));
  PERENNIAL_ASSIGN_OR_RETURN(lookup.match, yaml_.RequiredText(node, "match"));
  if (with_column) {
    PERENNIAL_ASSIGN_OR_RETURN(lookup.column, yaml_.RequiredText(node, "column"));
  }
  if (!node["key"]) return yaml_.Error(node, "'key' is required: the value of this row that 'match' is compared with");
  PERENNIAL_ASSIGN_OR_RETURN(Expression key, Parse(node["key"]));
  lookup.key = std::make_shared<Expression>(std::move(key));
  if (node["where"]) {
    PERENNIAL_ASSIGN_OR_RETURN(Condition where, ParseCondition(node["where"]));
    lookup.where = std::make_shared<Condition>(std::move(where));
  }
  return lookup;
}

absl::StatusOr<Condition> ExpressionParser::ParseGroup(const YAML::Node& list, Condition::Kind kind) {
  Condition condition;
  condition.kind = kind;
  if (!list.IsSequence() || list.size() == 0) return yaml_.Error(list, "'all' and 'any' are lists of conditions");
  for (const YAML::Node& part : list) {
    PERENNIAL_ASSIGN_OR_RETURN(Condition parsed, ParseCondition(part));
    condition.parts.push_back(std::move(parsed));
  }
  return condition;
}

absl::StatusOr<Condition> ExpressionParser::ParseComparison(const YAML::Node& node) {
  PERENNIAL_RETURN_IF_ERROR(yaml_.CheckKeys(node, "a comparison", {"compare", "as"}));
  const YAML::Node sides = node["compare"];
  if (!sides.IsSequence() || sides.size() != 3) return yaml_.Error(sides, "'compare' must be [value, order, value]");
  Condition condition;
  condition.kind = Condition::Kind::kCompare;
  PERENNIAL_ASSIGN_OR_RETURN(Expression left, Parse(sides[0]));
  PERENNIAL_ASSIGN_OR_RETURN(condition.order, Choose(yaml_, sides[1], "order", Orders()));
  PERENNIAL_ASSIGN_OR_RETURN(Expression right, Parse(sides[2]));
  condition.left = std::make_shared<Expression>(std::move(left));
  condition.right = std::make_shared<Expression>(std::move(right));
  if (!node["as"]) return yaml_.Error(node, "a comparison needs 'as': text, number or time");
  PERENNIAL_ASSIGN_OR_RETURN(condition.type, Choose(yaml_, node["as"], "type", Types()));
  return condition;
}

absl::StatusOr<Condition> ExpressionParser::ParseTest(const YAML::Node& node) {
  PERENNIAL_RETURN_IF_ERROR(yaml_.CheckKeys(
      node, "a condition",
      {"all", "any", "not", "compare", "as", "exists_in", "column", "value_of", "equals", "in", "empty"}));
  Condition condition;
  if (static_cast<bool>(node["column"]) == static_cast<bool>(node["value_of"])) {
    return yaml_.Error(node, "a condition needs all, any, not, compare, exists_in, or one of column and value_of");
  }
  PERENNIAL_ASSIGN_OR_RETURN(Expression left, Parse(node["column"] ? node["column"] : node["value_of"]));
  condition.left = std::make_shared<Expression>(std::move(left));
  if (node.size() != 2 || (!node["equals"] && !node["in"] && !node["empty"])) {
    return yaml_.Error(node, "a condition on a value needs exactly one of equals, in, empty");
  }
  if (node["empty"]) {
    condition.kind = Condition::Kind::kEmpty;
    PERENNIAL_ASSIGN_OR_RETURN(condition.expected, yaml_.Flag(node, "empty", true));
    return condition;
  }
  condition.kind = Condition::Kind::kIn;
  PERENNIAL_ASSIGN_OR_RETURN(condition.values, yaml_.Texts(node, node["equals"] ? "equals" : "in"));
  if (node["equals"] && !node["equals"].IsScalar()) return yaml_.Error(node["equals"], "'equals' must be one text");
  return condition;
}

absl::StatusOr<Condition> ExpressionParser::ParseCondition(const YAML::Node& node) {
  ++depth_;
  const auto leave = absl::MakeCleanup([this] { --depth_; });
  PERENNIAL_RETURN_IF_ERROR(CheckDepth(node));
  if (!node.IsMap()) return yaml_.Error(node, "a condition must be a map, for example {column: status, equals: open}");
  if (node.size() == 1 && node["all"]) return ParseGroup(node["all"], Condition::Kind::kAll);
  if (node.size() == 1 && node["any"]) return ParseGroup(node["any"], Condition::Kind::kAny);
  if (node["compare"]) return ParseComparison(node);
  Condition condition;
  if (node.size() == 1 && node["not"]) {
    condition.kind = Condition::Kind::kNot;
    PERENNIAL_ASSIGN_OR_RETURN(Condition inner, ParseCondition(node["not"]));
    condition.parts.push_back(std::move(inner));
    return condition;
  }
  if (node.size() == 1 && node["exists_in"]) {
    condition.kind = Condition::Kind::kExists;
    PERENNIAL_ASSIGN_OR_RETURN(condition.lookup, ParseLookup(node["exists_in"], false));
    return condition;
  }
  return ParseTest(node);
}

}  // namespace perennial::cli
