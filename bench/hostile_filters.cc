// How long it takes to refuse filters that are made to hurt; the goal is 10 ms. Every one must be refused with a
// position.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "bench/sample_table.h"
#include "common/filter/filter.h"

namespace {

struct Hostile {
  const char* name;
  std::string text;
};

std::string Repeated(const std::string& part, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += part;
  return out;
}

std::vector<Hostile> Filters() {
  return {
      {"4 KiB of nested parentheses", Repeated("(", 2048) + "mrr > 1" + Repeated(")", 2041)},
      {"4 KiB of open parentheses", Repeated("(", 4096)},
      {"4 KiB of negations", Repeated("-(", 1360) + "mrr > 1" + Repeated(")", 1360)},
      {"4 KiB of calls in calls", Repeated("a(", 2048)},
      {"10,000 terms", Repeated("mrr > 1 ", 10'000)},
      {"10,000 terms with OR", Repeated("mrr > 1 OR ", 9'999) + "mrr > 1"},
      {"as many terms as 4 KiB hold", Repeated("silent ", 585)},
      {"unbalanced quote", Repeated("name = \"a\" ", 200) + "name = \"a"},
      {"4 KiB of quotes", Repeated("\"", 4095)},
      {"4 KiB of backslashes in a quote", "name = \"" + Repeated("\\", 4087)},
      {"invalid UTF-8", "name = \"" + Repeated("\xC3", 4000) + "\""},
      {"invalid UTF-8 outside of quotes", Repeated("\xFF", 4096)},
      {"a name of 4 KiB that is no fact's", Repeated("x", 4090) + " > 1"},
      {"256 unknown names", Repeated("healthscore > 1 ", 255)},
      {"4 MiB", Repeated("mrr > 1 AND ", 350'000)},
  };
}

}  // namespace

int main() {
  const perennial::bench::SampleTable sample(1);
  nlohmann::json out = nlohmann::json::array();
  for (const Hostile& hostile : Filters()) {
    std::vector<double> ms;
    std::string error;
    for (int i = 0; i < 9; ++i) {
      const auto start = std::chrono::steady_clock::now();
      const auto filter = perennial::filter::Filter::Compile(hostile.text, sample.catalogue());
      ms.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
      if (filter.ok()) {
        std::cerr << hostile.name << " is not refused\n";
        return 1;
      }
      error = std::string(filter.status().message());
    }
    if (!absl::StrContains(error, " at 1:") && !absl::StrContains(error, "is too long")) {
      std::cerr << hostile.name << ": no position in: " << error << "\n";
      return 1;
    }
    std::sort(ms.begin(), ms.end());
    out.push_back({{"filter", hostile.name}, {"median_ms", ms[ms.size() / 2]}, {"max_ms", ms.back()},
                   {"error", error.substr(0, 80)}});
  }
  std::cout << out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  return 0;
}
