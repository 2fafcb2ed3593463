#pragma once

#include <sys/types.h>

#include <cstdio>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace perennial::bench {

// A DuckDB in memory with two threads, in a process of its own, for as long as this lives. Whatever goes wrong ends the
// benchmark with a sentence. Needs `scripts/install-node-tools --bench`.
class DuckDb {
 public:
  DuckDb();
  ~DuckDb();
  DuckDb(const DuckDb&) = delete;
  DuckDb& operator=(const DuckDb&) = delete;

  struct Answer {
    double milliseconds = 0;
    nlohmann::json rows;  // a list of lists
  };
  Answer Run(const std::string& sql);

 private:
  pid_t pid_ = 0;
  std::FILE* to_ = nullptr;
  std::FILE* from_ = nullptr;
};

}  // namespace perennial::bench
