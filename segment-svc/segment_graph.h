#pragma once

#include <map>
#include <string>
#include <vector>

namespace perennial::segments {

// Which segments each segment calls, by id. Calls of ids that are not keys count for nothing.
using SegmentGraph = std::map<std::string, std::vector<std::string>>;

// Every key, each after those that it calls. The graph must have no cycle.
std::vector<std::string> DependencyOrder(const SegmentGraph& graph);

// The shortest way along calls from `start` back to `start`, for example {"a", "b", "a"}; empty when there is none.
std::vector<std::string> FindCycle(const SegmentGraph& graph, const std::string& start);

// Keys that call `id`, sorted.
std::vector<std::string> CallersOf(const SegmentGraph& graph, const std::string& id);

}  // namespace perennial::segments
