#include "health-svc/churn_rows.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/hash.h"

namespace perennial::health {
namespace {

// Values of one text that become columns, the most frequent first.
constexpr std::size_t kMostValues = 20;
// What fewer rows have is chance.
constexpr std::size_t kFewestRows = 5;

}  // namespace

double FractionOf(absl::string_view account, absl::string_view salt) {
  std::uint64_t hash = Fnv1a64(account, Fnv1a64(salt));
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdULL;
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  hash ^= hash >> 33;
  return static_cast<double>(hash >> 11) * 0x1.0p-53;
}

bool ChurnRows::Wants(facts::FactId fact) {
  if (fact >= wants_.size()) wants_.resize(fact + 1, 0);
  if (wants_[fact] == 0) {
    const facts::FactDefinition& definition = catalogue_.Get(fact);
    const auto named = [&](const std::string& name) {
      return absl::EndsWith(name, "*")
                 ? absl::StartsWith(definition.name, absl::string_view(name).substr(0, name.size() - 1))
                 : definition.name == name;
    };
    const bool wants = IsLearnable(definition.type) && !TellsOutcome(definition.name) &&
                       (wanted_.empty() || std::any_of(wanted_.begin(), wanted_.end(), named));
    wants_[fact] = wants ? 2 : 1;
  }
  return wants_[fact] == 2;
}

void ChurnRows::Add(const std::string& account, int date, bool churned, const facts::FactRow& facts) {
  Row row{
      .fraction = FractionOf(account, "sample"), .fold = FractionOf(account, "fold"), .date = date, .churned = churned};
  if (row.fraction >= share_) return;
  for (const auto& [fact, value] : facts.values()) {
    if (!Wants(fact)) continue;
    if (const auto* number = std::get_if<double>(&value)) {
      row.values.emplace_back(fact, Bounded(*number));
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      Texts& texts = texts_[fact];
      const auto [at, added] = texts.numbers.try_emplace(*text, texts.all.size());
      if (added) texts.all.push_back(*text);
      row.values.emplace_back(fact, static_cast<double>(at->second));
    }
  }
  rows_.push_back(std::move(row));
  if (rows_.size() > most_rows_) Thin(share_ / 2);
}

void ChurnRows::Thin(double share) {
  share_ = share;
  std::erase_if(rows_, [&](const Row& row) { return row.fraction >= share_; });
}

const double* ChurnRows::ValueOf(const Row& row, facts::FactId fact) {
  const auto at = std::lower_bound(row.values.begin(), row.values.end(), fact,
                                   [](const auto& value, facts::FactId id) { return value.first < id; });
  return at == row.values.end() || at->first != fact ? nullptr : &at->second;
}

void ChurnRows::AddTextTerms(facts::FactId fact, const std::vector<std::size_t>& places,
                             std::vector<ChurnTerm>& terms) const {
  const Texts& texts = texts_.at(fact);
  std::vector<std::size_t> counts(texts.all.size());
  for (const std::size_t place : places) {
    if (const double* value = ValueOf(rows_[place], fact)) ++counts[static_cast<std::size_t>(*value)];
  }
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] >= kFewestRows) order.push_back(i);
  }
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return counts[a] != counts[b] ? counts[a] > counts[b] : texts.all[a] < texts.all[b];
  });
  if (order.size() > kMostValues) order.resize(kMostValues);
  for (const std::size_t i : order) {
    terms.push_back({.fact = catalogue_.Get(fact).name, .kind = ChurnTerm::Kind::kText, .value = texts.all[i]});
  }
}

std::vector<ChurnTerm> ChurnRows::TermsOf(const std::vector<std::size_t>& places) const {
  std::vector<std::pair<std::string, facts::FactId>> known;  // by name, whatever numbers the sender gave
  {
    std::set<facts::FactId> ids;
    for (const std::size_t place : places) {
      for (const auto& [fact, value] : rows_[place].values) ids.insert(fact);
    }
    for (const facts::FactId fact : ids) known.emplace_back(catalogue_.Get(fact).name, fact);
  }
  std::sort(known.begin(), known.end());
  std::vector<ChurnTerm> terms;
  std::set<std::uint64_t> patterns;  // of what is unknown
  for (const auto& [name, fact] : known) {
    const bool text = catalogue_.Get(fact).type == facts::FactType::kString;
    if (text) {
      AddTextTerms(fact, places, terms);
    } else {
      terms.push_back({.fact = name});
    }
    std::size_t unknown = 0;
    std::uint64_t pattern = 0;
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (ValueOf(rows_[places[i]], fact) != nullptr) continue;
      ++unknown;
      pattern += (i + 1) * 0x9e3779b97f4a7c15ULL ^ (i >> 3);
    }
    const bool tells = unknown >= kFewestRows && places.size() - unknown >= kFewestRows;
    if (tells && patterns.insert(pattern).second) {
      terms.push_back({.fact = name, .kind = ChurnTerm::Kind::kUnknown});
    }
  }
  return terms;
}

Eigen::MatrixXd ChurnRows::Matrix(const std::vector<std::size_t>& places, const std::vector<ChurnTerm>& terms) const {
  Eigen::MatrixXd out(static_cast<Eigen::Index>(places.size()), static_cast<Eigen::Index>(terms.size()));
  for (std::size_t j = 0; j < terms.size(); ++j) {
    const auto fact = catalogue_.Find(terms[j].fact);
    const auto column = static_cast<Eigen::Index>(j);
    double wanted = -1;
    if (fact.has_value() && terms[j].kind == ChurnTerm::Kind::kText) {
      const Texts& texts = texts_.at(*fact);
      const auto found = texts.numbers.find(terms[j].value);
      if (found != texts.numbers.end()) wanted = static_cast<double>(found->second);
    }
    for (std::size_t i = 0; i < places.size(); ++i) {
      const double* value = fact.has_value() ? ValueOf(rows_[places[i]], *fact) : nullptr;
      double x = value == nullptr ? std::nan("") : *value;
      if (terms[j].kind == ChurnTerm::Kind::kUnknown) x = value == nullptr ? 1 : 0;
      if (terms[j].kind == ChurnTerm::Kind::kText) x = value != nullptr && *value == wanted ? 1 : 0;
      out(static_cast<Eigen::Index>(i), column) = x;
    }
  }
  return out;
}

}  // namespace perennial::health
