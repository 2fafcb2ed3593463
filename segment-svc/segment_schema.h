#pragma once

#include <string>
#include <vector>

namespace perennial::segments {

// The schema of segments.db, as sqlite::Migrate() takes it. Steps are only ever added.
const std::vector<std::string>& SegmentMigrations();

}  // namespace perennial::segments
