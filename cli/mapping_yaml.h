#pragma once

#include <yaml-cpp/yaml.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace perennial::cli {

// The name of `names` that `name` was probably meant to be; empty when none is near.
std::string NearestName(absl::string_view name, const std::vector<std::string>& names);
// "unknown <what> '<name>'; did you mean '<nearest>'? (allowed: a, b, c)".
std::string UnknownName(absl::string_view what, absl::string_view name, const std::vector<std::string>& names);

// Reads YAML strictly: every error names the source, the line and what is allowed, and a key that nobody asked for is
// an error. Nodes of other types than the one asked for are errors, never exceptions.
class YamlReader {
 public:
  explicit YamlReader(std::string source) : source_(std::move(source)) {}

  [[nodiscard]] absl::StatusOr<YAML::Node> Load(const std::string& text) const;
  // "<source>:<line>: <message>".
  [[nodiscard]] absl::Status Error(int line, absl::string_view message) const;
  [[nodiscard]] absl::Status Error(const YAML::Node& node, absl::string_view message) const {
    return Error(LineOf(node), message);
  }
  static int LineOf(const YAML::Node& node) { return node.Mark().line + 1; }

  // OK when `node` is a map with none but these keys, each at most once. `what` names the node, for example "a file".
  [[nodiscard]] absl::Status CheckKeys(const YAML::Node& node, absl::string_view what,
                                       const std::vector<std::string>& allowed) const;
  // The text of a scalar; `key` is for the message.
  [[nodiscard]] absl::StatusOr<std::string> Text(const YAML::Node& node, absl::string_view key) const;
  [[nodiscard]] absl::StatusOr<std::string> RequiredText(const YAML::Node& map, const std::string& key) const;
  // true or false; `absent` when `map` does not have the key.
  [[nodiscard]] absl::StatusOr<bool> Flag(const YAML::Node& map, const std::string& key, bool absent) const;
  // A list of texts, or one text alone; empty when `map` does not have the key.
  [[nodiscard]] absl::StatusOr<std::vector<std::string>> Texts(const YAML::Node& map, const std::string& key) const;
  // A map of texts, in the order of the file.
  [[nodiscard]] absl::StatusOr<std::vector<std::pair<std::string, std::string>>> TextMap(const YAML::Node& node,
                                                                                         absl::string_view key) const;

 private:
  const std::string source_;
};

}  // namespace perennial::cli
