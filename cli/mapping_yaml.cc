#include "cli/mapping_yaml.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"

namespace perennial::cli {
namespace {

// Insertions, deletions, replacements and swaps of neighbours from `a` to `b`.
std::size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(last.begin(), last.end(), 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      row[j + 1] = std::min({last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1});
      const bool swapped = i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j];
      if (swapped) row[j + 1] = std::min(row[j + 1], before[j - 1] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last.back();
}

}  // namespace

std::string NearestName(absl::string_view name, const std::vector<std::string>& names) {
  std::string nearest;
  std::size_t least = std::max<std::size_t>(1, name.size() / 3) + 1;
  for (const std::string& candidate : names) {
    const std::size_t distance = EditDistance(name, candidate);
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string UnknownName(absl::string_view what, absl::string_view name, const std::vector<std::string>& names) {
  const std::string nearest = NearestName(name, names);
  std::string message = absl::StrCat("unknown ", what, " '", name, "'");
  if (!nearest.empty()) absl::StrAppend(&message, "; did you mean '", nearest, "'?");
  if (!names.empty()) absl::StrAppend(&message, " (allowed: ", absl::StrJoin(names, ", "), ")");
  return message;
}

absl::Status YamlReader::Error(int line, absl::string_view message) const {
  return absl::InvalidArgumentError(absl::StrCat(source_, ":", line, ": ", message));
}

absl::StatusOr<YAML::Node> YamlReader::Load(const std::string& text) const {
  try {
    return YAML::Load(text);
  } catch (const YAML::Exception& error) {
    return Error(error.mark.line + 1, absl::StrCat("no valid YAML: ", error.msg));
  }
}

absl::Status YamlReader::CheckKeys(const YAML::Node& node, absl::string_view what,
                                   const std::vector<std::string>& allowed) const {
  if (!node.IsMap()) {
    return Error(node, absl::StrCat(what, " must be a map with the keys ", absl::StrJoin(allowed, ", ")));
  }
  std::set<std::string> seen;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) return Error(entry.first, absl::StrCat("a key of ", what, " must be a text"));
    const std::string& key = entry.first.Scalar();
    if (std::find(allowed.begin(), allowed.end(), key) == allowed.end()) {
      return Error(entry.first, absl::StrCat(UnknownName("key", key, allowed), " in ", what));
    }
    if (!seen.insert(key).second) return Error(entry.first, absl::StrCat("key '", key, "' twice in ", what));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> YamlReader::Text(const YAML::Node& node, absl::string_view key) const {
  if (!node.IsScalar()) return Error(node, absl::StrCat("'", key, "' must be a text"));
  return node.Scalar();
}

absl::StatusOr<std::string> YamlReader::RequiredText(const YAML::Node& map, const std::string& key) const {
  const YAML::Node node = map[key];
  if (!node) return Error(map, absl::StrCat("'", key, "' is required"));
  PERENNIAL_ASSIGN_OR_RETURN(std::string text, Text(node, key));
  if (text.empty()) return Error(node, absl::StrCat("'", key, "' must not be empty"));
  return text;
}

absl::StatusOr<bool> YamlReader::Flag(const YAML::Node& map, const std::string& key, bool absent) const {
  const YAML::Node node = map[key];
  if (!node) return absent;
  if (node.IsScalar() && node.Scalar() == "true") return true;
  if (node.IsScalar() && node.Scalar() == "false") return false;
  return Error(node, absl::StrCat("'", key, "' must be true or false"));
}

absl::StatusOr<std::vector<std::string>> YamlReader::Texts(const YAML::Node& map, const std::string& key) const {
  const YAML::Node node = map[key];
  std::vector<std::string> texts;
  if (!node) return texts;
  if (node.IsScalar()) return std::vector<std::string>{node.Scalar()};
  if (!node.IsSequence()) return Error(node, absl::StrCat("'", key, "' must be a list of texts"));
  for (const YAML::Node& item : node) {
    PERENNIAL_ASSIGN_OR_RETURN(std::string text, Text(item, key));
    texts.push_back(std::move(text));
  }
  return texts;
}

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> YamlReader::TextMap(const YAML::Node& node,
                                                                                     absl::string_view key) const {
  if (!node.IsMap()) return Error(node, absl::StrCat("'", key, "' must be a map of texts"));
  std::vector<std::pair<std::string, std::string>> entries;
  std::set<std::string> seen;
  for (const auto& entry : node) {
    PERENNIAL_ASSIGN_OR_RETURN(std::string from, Text(entry.first, key));
    PERENNIAL_ASSIGN_OR_RETURN(std::string to, Text(entry.second, key));
    if (!seen.insert(from).second) return Error(entry.first, absl::StrCat("'", from, "' twice in '", key, "'"));
    entries.emplace_back(std::move(from), std::move(to));
  }
  return entries;
}

}  // namespace perennial::cli
