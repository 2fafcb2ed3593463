#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "perennial/segments/v1/engagement.pb.h"

namespace perennial::segments {

// Models, managers, and who was assigned to whom, as they are stored.
struct EngagementState {
  // By priority, then id: the order in which they are tried. Complete but for canonical_filter.
  std::vector<v1::EngagementModel> models;
  std::map<std::string, v1::Manager> managers;               // by id
  absl::flat_hash_map<std::string, std::string> assignments;  // manager's id by account's id
};

inline std::string ModelName(absl::string_view id) { return "engagementModels/" + std::string(id); }
inline std::string ManagerName(absl::string_view id) { return "managers/" + std::string(id); }
// The id in a name that is known to be good.
inline std::string IdIn(absl::string_view name) { return std::string(name.substr(name.find('/') + 1)); }

}  // namespace perennial::segments
