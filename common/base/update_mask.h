#pragma once

#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/message.h>

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "common/base/error_details.h"

namespace perennial {

// Which fields an update changes, by AIP-134: the paths of the mask; "*" or no mask at all mean all `mutable_fields`, in the
// second case only those that are set in `resource`. Paths that may not be changed are added to `bad` under "update_mask".
// A path "field.key" stands for one key of a map field listed in `map_fields`; it is returned as it is. Output-only fields in
// `ignored_fields` are allowed and dropped. "*" must stand alone.
inline std::set<std::string> ResolveUpdateMask(const google::protobuf::Message& resource,
                                               const google::protobuf::FieldMask* mask,
                                               const std::vector<std::string>& mutable_fields,
                                               const std::vector<std::string>& map_fields,
                                               const std::vector<std::string>& ignored_fields, BadRequest& bad) {
  std::set<std::string> paths;
  const auto contains = [](const std::vector<std::string>& list, absl::string_view text) {
    for (const std::string& element : list) {
      if (element == text) return true;
    }
    return false;
  };
  if (mask == nullptr || mask->paths_size() == 0) {
    std::vector<const google::protobuf::FieldDescriptor*> set;
    resource.GetReflection()->ListFields(resource, &set);
    for (const auto* field : set) {
      if (contains(mutable_fields, field->name())) paths.insert(field->name());
    }
    return paths;
  }
  for (const std::string& path : mask->paths()) {
    const std::string field = path.substr(0, path.find('.'));
    if (path == "*") {
      if (mask->paths_size() > 1) bad.Add("update_mask", "must name \"*\" alone");
      paths.insert(mutable_fields.begin(), mutable_fields.end());
    } else if (contains(mutable_fields, path) || (field != path && contains(map_fields, field))) {
      paths.insert(path);
    } else if (!contains(ignored_fields, path)) {
      bad.Add("update_mask", absl::StrCat("has the path '", path.substr(0, 64), "', which cannot be changed; allowed are ",
                                          absl::StrJoin(mutable_fields, ", "), " and *"));
    }
  }
  return paths;
}

}  // namespace perennial
