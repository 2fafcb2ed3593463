#include "health-svc/carry_lookup.h"

#include <chrono>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"

namespace perennial::health {
namespace {

constexpr std::chrono::seconds kLongestLookup{20};

}  // namespace

absl::Status CarryLookup::LookUp(const Assessor::Missing& missing) {
  std::vector<CarrySpec> specs;
  {
    const ReadLock read(portfolio_.lock());
    const auto row = portfolio_.Find(missing.account_id);
    if (!row.has_value()) return absl::OkStatus();
    const facts::TableRow facts(portfolio_.table(), *row);
    for (const CarrySpec& spec : portfolio_.carry_specs()) {
      if (!FreshValue(spec, facts).has_value()) specs.push_back(spec);
    }
  }
  if (specs.empty()) return absl::OkStatus();
  PERENNIAL_ASSIGN_OR_RETURN(CarriedFacts found,
                             scores_.LookBack(missing.account_id, missing.as_of, std::move(specs),
                                              std::chrono::system_clock::now() + kLongestLookup));
  return assessor_.SetCarried(missing, std::move(found));
}

absl::Status CarryLookup::Run() {
  absl::Status worst;
  for (const Assessor::Missing& missing : assessor_.TakeMissing()) {
    if (stopping_) return absl::OkStatus();
    const absl::Status status = worst.ok() ? LookUp(missing) : worst;
    if (status.ok()) continue;
    worst = status;
    assessor_.ReturnMissing(missing.account_id);
  }
  return worst;
}

}  // namespace perennial::health
