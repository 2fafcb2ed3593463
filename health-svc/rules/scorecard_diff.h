#pragma once

#include <google/protobuf/message.h>

#include <vector>

#include "perennial/health/v1/scorecard_service.pb.h"

namespace perennial::health {

// What differs between two messages of one type, in the order of their fields. Elements of a list are told apart by
// their field `id`; those without one by their place. An element that is only on one side is told as a whole.
std::vector<v1::ScorecardDifference> DifferencesOf(const google::protobuf::Message& before,
                                                   const google::protobuf::Message& after);

}  // namespace perennial::health
