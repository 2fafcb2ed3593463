// What fits and values cost: BG/NBD on the CDNOW sample and the shifted beta-geometric, beside SciPy's L-BFGS-B with
// the same likelihoods (P13); and the lifetime value of all accounts computed anew after a change of the model, as
// health-svc does it (to be read beside bench_scoring's time for as many scores, P7).
//
//   bench_value CDNOW_sample.txt [accounts] [rounds, at least 5]

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "bench/timing.h"
#include "common/base/clock.h"
#include "health-svc/value/purchases.h"
#include "health-svc/value/retention.h"
#include "health-svc/value_book.h"

namespace {

using perennial::bench::Die;
using perennial::bench::Median;
using perennial::bench::MillisecondsOf;
using perennial::facts::FactId;
using perennial::facts::FactType;
using perennial::facts::RowId;
namespace health = perennial::health;
namespace value = perennial::value;

constexpr double kSurvivors[] = {1000, 869, 743, 653, 593, 551, 517, 491};  // Fader & Hardie (2007), High End
constexpr int kNumberFacts = 12;

std::vector<value::PurchaseHistory> ReadCdnow(const std::string& path) {
  std::ifstream file(path);
  std::map<std::string, std::map<absl::CivilDay, double>> customers;
  std::string unused;
  std::string id;
  long date = 0;
  double discs = 0;
  double spent = 0;
  while (file >> unused >> id >> date >> discs >> spent) {
    customers[id][absl::CivilDay(date / 10000, date / 100 % 100, date % 100)] += spent;
  }
  const absl::CivilDay end(1997, 9, 30);
  std::vector<value::PurchaseHistory> out;
  for (const auto& [name, days] : customers) {
    const absl::CivilDay first = days.begin()->first;
    value::PurchaseHistory history{.age = static_cast<double>(end - first) / 7};
    for (const auto& [day, amount] : days) {
      if (day == first || day > end) continue;
      history.last = static_cast<double>(day - first) / 7;
      ++history.repeats;
    }
    out.push_back(history);
  }
  if (out.size() != 2357) Die("this is not the CDNOW sample: " + path);
  return out;
}

nlohmann::json Peer(const std::vector<value::PurchaseHistory>& histories, int rounds) {
  nlohmann::json asked = {{"rounds", rounds}, {"survivors", std::vector<double>(std::begin(kSurvivors), std::end(kSurvivors))}};
  for (const auto& history : histories) asked["histories"].push_back({history.repeats, history.last, history.age});
  const std::string path = (std::filesystem::temp_directory_path() / absl::StrCat("bench_value.", getpid())).string();
  std::ofstream(path) << asked.dump();
  const std::string command = absl::StrCat("/usr/bin/python3 ", PERENNIAL_SOURCE_DIR, "/bench/value_peer.py < ", path);
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) Die("cannot run python3");
  std::string text;
  char buffer[4096];
  for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof(buffer), pipe)) > 0;) text.append(buffer, n);
  pclose(pipe);
  std::filesystem::remove(path);
  const auto answer = nlohmann::json::parse(text, nullptr, false);
  if (answer.is_discarded()) Die("the peer failed: is python3-scipy installed?");
  return answer;
}

template <class Fit>
nlohmann::json AgainstPeer(const std::string& name, const nlohmann::json& peer, int rounds, Fit fit) {
  std::vector<double> ms;
  double log_likelihood = 0;
  for (int round = 0; round <= rounds; ++round) {
    const double took = MillisecondsOf([&] {
      const auto fitted = fit();
      if (!fitted.ok()) Die(std::string(fitted.status().message()));
      log_likelihood = fitted->fit.log_likelihood;
    });
    if (round > 0) ms.push_back(took);  // the first warms up
  }
  if (log_likelihood < peer["log_likelihood"].get<double>() - 1e-3) Die(name + ": the peer found a better fit");
  const double ratio = peer["ms"].get<double>() / Median(ms);
  return {{"benchmark", name},
          {"ms", Median(ms)},
          {"scipy_ms", peer["ms"]},
          {"ratio", ratio},
          {"goal", 50},
          {"reached", ratio >= 50},
          {"log_likelihood", log_likelihood},
          {"scipy_log_likelihood", peer["log_likelihood"]}};
}

// A churn model of twelve numbers and a text, and settings with two margin rules.
health::v1::ValueModel ChurnModel(double scale) {
  health::v1::ValueModel model;
  model.set_name("valueModels/churn");
  model.set_revision(1);
  model.set_kind(health::v1::VALUE_MODEL_KIND_CHURN);
  health::v1::ChurnFit* fit = model.mutable_churn();
  fit->set_intercept(-1.5);
  fit->set_calibration_slope(1);
  fit->set_horizon_days(365);
  const auto add = [&](const std::string& term, double coefficient) {
    health::v1::ChurnCoefficient* told = fit->add_coefficients();
    told->set_term(term);
    told->set_coefficient(coefficient * scale);
    told->set_standardised(coefficient);
    told->set_mean(0.5);
  };
  for (int i = 0; i < kNumberFacts; ++i) add(absl::StrCat("f", i), 0.1 * (i % 5 - 2));
  for (const char* plan : {"plan=basic", "plan=pro"}) add(plan, 0.4);
  return model;
}

std::unique_ptr<health::ValueRules> Rules(double scale) {
  health::v1::ValueSettings settings;
  settings.set_revision(1);
  settings.set_discount_rate(0.1);
  settings.set_margin_rate(0.8);
  settings.set_horizon_months(36);
  for (const char* filter : {"plan = basic", "mrr > 900"}) {
    health::v1::MarginRule* rule = settings.add_margin_rules();
    rule->set_filter(filter);
    rule->set_margin_rate(0.6);
  }
  return std::make_unique<health::ValueRules>(std::vector<health::v1::ValueModel>{ChurnModel(scale)}, settings);
}

nlohmann::json Refresh(RowId accounts, int rounds) {
  auto portfolio = health::Portfolio::Create(health::Scorecards(), health::FlagRules());
  if (!portfolio.ok()) Die(std::string(portfolio.status().message()));
  const perennial::FixedClock clock(absl::FromUnixSeconds(1735603199));
  auto book = health::ValueBook::Create(**portfolio, clock, [] {});
  if (!book.ok()) Die(std::string(book.status().message()));
  {
    const health::WriteLock write((*portfolio)->lock());
    auto& catalogue = (*portfolio)->mutable_catalogue();
    auto& table = (*portfolio)->mutable_table();
    const FactId mrr = *catalogue.Add({.name = "mrr", .unit = "USD per month"});
    const FactId tenure = *catalogue.Add({.name = "tenure_days"});
    const FactId phase = *catalogue.Add({.name = "phase", .type = FactType::kString});
    const FactId plan = *catalogue.Add({.name = "plan", .type = FactType::kString});
    std::vector<FactId> numbers;
    for (int i = 0; i < kNumberFacts; ++i) numbers.push_back(*catalogue.Add({.name = absl::StrCat("f", i)}));
    for (RowId i = 0; i < accounts; ++i) {
      const RowId row = table.Upsert(absl::StrCat("account-", i));
      table.SetNumber(row, mrr, FactType::kNumber, 10 + i % 1000);
      table.SetNumber(row, tenure, FactType::kNumber, i % 3000);
      table.SetText(row, phase, i % 20 == 0 ? "CHURNED" : "SUCCESS");
      table.SetText(row, plan, i % 2 == 0 ? "basic" : "pro");
      for (std::size_t f = 0; f < numbers.size(); ++f) {
        if ((i + f) % 11 != 0) table.SetNumber(row, numbers[f], FactType::kNumber, std::fmod(i * 0.618 + f, 1.0));
      }
      (void)(*portfolio)->mutable_entry(row);
      (*portfolio)->FollowParent(row);
    }
    (*portfolio)->SetProgress(1, 1, true);
  }
  (*book)->SetRules(Rules(1));
  (*book)->Follow();
  std::vector<double> ms;
  for (int round = 1; round <= rounds; ++round) {
    auto rules = Rules(1 + 0.01 * round);  // all values change
    const std::int64_t before = (*book)->revision();
    ms.push_back(MillisecondsOf([&] { (*book)->SetRules(std::move(rules)); }));
    if ((*book)->revision() - before < accounts / 2) Die("values did not change");
  }
  return {{"benchmark", "lifetime value of all accounts computed anew, one thread"},
          {"accounts", accounts},
          {"ms", Median(ms)},
          {"ns_an_account", Median(ms) * 1e6 / accounts}};
}

}  // namespace

int main(int argc, char** argv) {
  int accounts = 1'000'000;
  int rounds = 7;
  if (argc < 2 || (argc > 2 && !absl::SimpleAtoi(argv[2], &accounts)) ||
      (argc > 3 && !absl::SimpleAtoi(argv[3], &rounds)) || accounts < 1 || rounds < 5) {
    Die("usage: bench_value CDNOW_sample.txt [accounts] [rounds, at least 5]");
  }
  const auto histories = ReadCdnow(argv[1]);
  value::Renewals renewals;
  for (std::size_t t = 0; t + 1 < std::size(kSurvivors); ++t) {
    renewals.periods.push_back({.at_risk = kSurvivors[t], .lost = kSurvivors[t] - kSurvivors[t + 1]});
  }
  const nlohmann::json peer = Peer(histories, rounds);
  nlohmann::json out = nlohmann::json::array();
  out.push_back(
      AgainstPeer("BG/NBD on CDNOW (P13)", peer["bg_nbd"], rounds, [&] { return value::FitBgNbd(histories); }));
  out.push_back(AgainstPeer("shifted beta-geometric (P13)", peer["sbg"], rounds, [&] {
    return value::FitRetention(value::RetentionFamily::kShiftedBetaGeometric, renewals);
  }));
  out.push_back(Refresh(static_cast<RowId>(accounts), rounds));
  std::cout << out.dump(2) << "\n";
  return 0;
}
