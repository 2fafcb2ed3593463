#include "common/filter/filter_reading.h"

namespace perennial::filter {

perennial::type::v1::FilterReading ToProto(const Filter& filter) {
  perennial::type::v1::FilterReading reading;
  reading.set_canonical(filter.canonical());
  reading.mutable_warnings()->Assign(filter.warnings().begin(), filter.warnings().end());
  reading.mutable_facts()->Assign(filter.fact_names().begin(), filter.fact_names().end());
  return reading;
}

}  // namespace perennial::filter
