#pragma once

#include <google/protobuf/message.h>

#include <memory>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "common/base/error_details.h"

namespace perennial::segments {

// Gives `to` the values that `from` has in the fields `names`, also where those are empty.
inline void CopyFields(const google::protobuf::Message& from, const std::set<std::string>& names,
                       google::protobuf::Message& to) {
  const google::protobuf::Descriptor& type = *from.GetDescriptor();
  std::unique_ptr<google::protobuf::Message> part(from.New());
  part->CopyFrom(from);
  for (int i = 0; i < type.field_count(); ++i) {
    const google::protobuf::FieldDescriptor* field = type.field(i);
    if (names.contains(field->name())) {
      to.GetReflection()->ClearField(&to, field);
    } else {
      part->GetReflection()->ClearField(part.get(), field);
    }
  }
  to.MergeFrom(*part);
}

// ABORTED when `sent` is not empty and not `present`.
inline absl::Status CheckEtag(const std::string& sent, const std::string& present) {
  if (sent.empty() || sent == present) return absl::OkStatus();
  return WithReason(absl::AbortedError("etag is stale; read the resource again"), "STALE_ETAG");
}

}  // namespace perennial::segments
