#include "segment-svc/segment_graph.h"

#include <algorithm>
#include <deque>
#include <set>

namespace perennial::segments {

std::vector<std::string> DependencyOrder(const SegmentGraph& graph) {
  std::vector<std::string> order;
  std::set<std::string> visited;
  // Not by recursion: a chain of calls may be as long as there are segments.
  struct Visit {
    SegmentGraph::const_iterator segment;
    std::size_t next_call;
  };
  for (auto start = graph.begin(); start != graph.end(); ++start) {
    if (!visited.insert(start->first).second) continue;
    std::vector<Visit> path{{start, 0}};
    while (!path.empty()) {
      Visit& visit = path.back();
      const std::vector<std::string>& calls = visit.segment->second;
      if (visit.next_call == calls.size()) {
        order.push_back(visit.segment->first);
        path.pop_back();
        continue;
      }
      const auto called = graph.find(calls[visit.next_call++]);
      if (called != graph.end() && visited.insert(called->first).second) path.push_back({called, 0});
    }
  }
  return order;
}

std::vector<std::string> FindCycle(const SegmentGraph& graph, const std::string& start) {
  std::map<std::string, std::string> reached_from;
  std::deque<std::string> queue{start};
  while (!queue.empty()) {
    const std::string at = queue.front();
    queue.pop_front();
    const auto calls = graph.find(at);
    if (calls == graph.end()) continue;
    for (const std::string& called : calls->second) {
      if (called == start) {
        std::vector<std::string> cycle{start};
        for (std::string back = at; back != start; back = reached_from[back]) cycle.push_back(back);
        cycle.push_back(start);
        std::reverse(cycle.begin(), cycle.end());
        return cycle;
      }
      if (reached_from.emplace(called, at).second) queue.push_back(called);
    }
  }
  return {};
}

std::vector<std::string> CallersOf(const SegmentGraph& graph, const std::string& id) {
  std::vector<std::string> callers;
  for (const auto& [caller, calls] : graph) {
    if (std::find(calls.begin(), calls.end(), id) != calls.end()) callers.push_back(caller);
  }
  return callers;
}

}  // namespace perennial::segments
