#pragma once

#include "common/filter/filter.h"
#include "perennial/type/v1/filter.pb.h"

namespace perennial::filter {

// How `filter` was understood, as answers say it.
perennial::type::v1::FilterReading ToProto(const Filter& filter);

}  // namespace perennial::filter
