#include "health-svc/churn_backfill.h"

#include <chrono>
#include <string>
#include <vector>

namespace perennial::health {
namespace {

constexpr std::chrono::seconds kLongestCall{5};

}  // namespace

absl::Status ChurnBackfill::Run() {
  absl::Status worst;
  const std::vector<std::string> accounts = assessor_.TakeUnkept();
  for (const std::string& account : accounts) {
    if (stopping_) return absl::OkStatus();
    if (!worst.ok()) {
      assessor_.ReturnUnkept(account);
      continue;
    }
    const auto score = scores_.Compute(account, std::nullopt, {}, std::chrono::system_clock::now() + kLongestCall);
    absl::Status status = score.status();
    if (score.ok() && score->frozen) status = assessor_.SetKept(account, PastScores::ToAnswer(account, *score));
    // An account that is gone needs no score.
    if (status.ok() || absl::IsNotFound(status)) continue;
    worst = status;
    assessor_.ReturnUnkept(account);
  }
  return worst;
}

}  // namespace perennial::health
