#include "bench/scorecard_sql.h"

#include <cstdlib>
#include <iostream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "health-svc/rules/scorecard.h"

namespace perennial::bench {
namespace {

namespace v1 = perennial::health::v1;

constexpr char kScorecard[] = R"(
scorecards { id: 'bench' revision: 1
  groups { id: 'usage' weight: 40 } groups { id: 'relationship' weight: 25 }
  groups { id: 'support' weight: 20 } groups { id: 'contract' weight: 15 }
  measures { id: 'logins' group: 'usage' fact: 'usage.logins.sum_30d' weight: 30 missing: MISSING_POLICY_REDISTRIBUTE
    curve { linear { points { value: 0 score: 0 } points { value: 20 score: 35 } points { value: 200 score: 80 }
                     points { value: 1000 score: 100 } } } }
  measures { id: 'utilisation' group: 'usage' fact: 'usage.seat_utilisation_30d' weight: 30
    missing: MISSING_POLICY_REDISTRIBUTE
    curve { linear { points { value: 0.1 score: 5 } points { value: 0.5 score: 60 } points { value: 0.9 score: 100 } } }
    variants { filter: 'tenure_days < 90'
      curve { linear { points { value: 0 score: 30 } points { value: 0.4 score: 100 } } } } }
  measures { id: 'trend' group: 'usage' fact: 'usage.change_30d' weight: 20 missing: MISSING_POLICY_REDISTRIBUTE
    curve { linear { points { value: 0.2 score: 0 } points { value: 1 score: 70 } points { value: 1.5 score: 100 } } } }
  measures { id: 'recency' group: 'usage' fact: 'usage.days_since_last' weight: 20 missing: MISSING_POLICY_REDISTRIBUTE
    curve { tiers { tiers { value: 0 score: 100 } tiers { value: 3 score: 80 } tiers { value: 7 score: 60 }
                    tiers { value: 14 score: 30 } tiers { value: 30 score: 0 } } } }
  measures { id: 'nps' group: 'relationship' fact: 'nps.latest' weight: 40 missing: MISSING_POLICY_REDISTRIBUTE
    curve { linear { points { value: 0 score: 0 } points { value: 6 score: 40 } points { value: 10 score: 100 } } } }
  measures { id: 'csat' group: 'relationship' fact: 'csat.avg_90d' weight: 30 missing: MISSING_POLICY_NEUTRAL
    curve { linear_bounded { points { value: 1 score: 0 } points { value: 5 score: 100 } } } }
  measures { id: 'touch' group: 'relationship' fact: 'touch.days_since_last' weight: 30
    missing: MISSING_POLICY_REDISTRIBUTE
    curve { linear { points { value: 7 score: 100 } points { value: 30 score: 70 } points { value: 90 score: 10 } } } }
  measures { id: 'tickets' group: 'support' fact: 'support.open' weight: 60 missing: MISSING_POLICY_ZERO
    curve { tiers { tiers { value: 0 score: 100 } tiers { value: 1 score: 80 } tiers { value: 3 score: 50 }
                    tiers { value: 6 score: 10 } } } }
  measures { id: 'opened' group: 'support' fact: 'support.opened_90d' weight: 40 missing: MISSING_POLICY_REDISTRIBUTE
    curve { linear { points { value: 2 score: 90 } points { value: 20 score: 40 } points { value: 40 score: 0 } } } }
  measures { id: 'renewal' group: 'contract' fact: 'auto_renew' weight: 30 missing: MISSING_POLICY_REDISTRIBUTE
    curve { match { cases { value: 'true' score: 90 } cases { value: 'false' score: 40 } } } }
  measures { id: 'plan' group: 'contract' fact: 'plan' weight: 30 missing: MISSING_POLICY_REDISTRIBUTE
    curve { match { cases { value: 'plan-0' score: 40 } cases { value: 'plan-1' score: 60 } cases { value: 'plan-4' score: 95 }
                    default_score: 75 } } }
  measures { id: 'tenure' group: 'contract' fact: 'tenure_days' weight: 40 missing: MISSING_POLICY_REDISTRIBUTE
    curve { linear { points { value: 30 score: 30 } points { value: 365 score: 70 } points { value: 1500 score: 100 } } } }
  exceptions { id: 'silent' filter: 'silent = true' cap: 45 reason: 'silent' }
  exceptions { id: 'large' filter: 'seats >= 400' floor: 20 reason: 'large' }
  bands { id: 'red' } bands { id: 'yellow' lower_bound: 50 } bands { id: 'green' lower_bound: 75 } }
)";

// A double, not a decimal number.
std::string Sql(double number) { return absl::StrFormat("%.17e", number); }
std::string Quoted(const std::string& name) { return absl::StrCat("\"", name, "\""); }

// A comparison of the filter language in SQL.
std::string ConditionOf(const std::string& filter) {
  const std::size_t end = filter.find(' ');
  return absl::StrCat(Quoted(filter.substr(0, end)), filter.substr(end));
}

std::string AlongLines(const v1::LinearCurve& curve, const std::string& fact, bool bounded) {
  const auto& points = curve.points();
  const int last = points.size() - 1;
  const std::string outside = bounded ? "NULL" : Sql(points[0].score());
  std::string sql = absl::StrCat("CASE WHEN ", fact, " < ", Sql(points[0].value()), " THEN ", outside);
  for (int i = 0; i < last; ++i) {
    absl::StrAppend(&sql, " WHEN ", fact, " < ", Sql(points[i + 1].value()), " THEN ", Sql(points[i].score()), " + (",
                    fact, " - ", Sql(points[i].value()), ") / ", Sql(points[i + 1].value() - points[i].value()), " * ",
                    Sql(points[i + 1].score() - points[i].score()));
  }
  if (bounded) absl::StrAppend(&sql, " WHEN ", fact, " > ", Sql(points[last].value()), " THEN NULL");
  return absl::StrCat(sql, " WHEN ", fact, " IS NOT NULL THEN ", Sql(points[last].score()), " END");
}

std::string CurveSql(const v1::Curve& curve, const std::string& fact) {
  std::string sql;
  switch (curve.curve_case()) {
    case v1::Curve::kLinear: return AlongLines(curve.linear(), fact, false);
    case v1::Curve::kLinearBounded: return AlongLines(curve.linear_bounded(), fact, true);
    case v1::Curve::kTiers:
      sql = "CASE";
      for (int i = 1; i < curve.tiers().tiers_size(); ++i) {
        absl::StrAppend(&sql, " WHEN ", fact, " < ", Sql(curve.tiers().tiers(i).value()), " THEN ",
                        Sql(curve.tiers().tiers(i - 1).score()));
      }
      return absl::StrCat(sql, " WHEN ", fact, " IS NOT NULL THEN ",
                          Sql(curve.tiers().tiers(curve.tiers().tiers_size() - 1).score()), " END");
    case v1::Curve::kMatch:
      sql = "CASE";
      for (const auto& one : curve.match().cases()) {
        const bool flag = one.value() == "true" || one.value() == "false";
        absl::StrAppend(&sql, " WHEN ", fact, " = ", flag ? one.value() : absl::StrCat("'", one.value(), "'"), " THEN ",
                        Sql(one.score()));
      }
      if (curve.match().has_default_score()) {
        absl::StrAppend(&sql, " WHEN ", fact, " IS NOT NULL THEN ", Sql(curve.match().default_score()));
      }
      return absl::StrCat(sql, " END");
    default: std::cerr << "no such curve\n"; std::exit(1);
  }
}

std::string KnownSql(const v1::Measure& measure) {
  const std::string fact = Quoted(measure.fact());
  std::string sql = CurveSql(measure.curve(), fact);
  for (int i = measure.variants_size(); i-- > 0;) {
    sql = absl::StrCat("CASE WHEN ", ConditionOf(measure.variants(i).filter()), " THEN ",
                       CurveSql(measure.variants(i).curve(), fact), " ELSE ", sql, " END");
  }
  return sql;
}

double GroupWeight(const v1::Scorecard& card, const std::string& id) {
  for (const auto& group : card.groups()) {
    if (group.id() == id) return group.weight();
  }
  return 0;
}

double MeasureWeights(const v1::Scorecard& card, const std::string& group) {
  double sum = 0;
  for (const auto& measure : card.measures()) sum += measure.group() == group ? measure.weight() : 0;
  return sum;
}

double GroupWeights(const v1::Scorecard& card) {
  double sum = 0;
  for (const auto& group : card.groups()) sum += group.weight();
  return sum;
}

// Known points k0..., points that count p0..., and the columns that filters read.
std::string PointsSql(const v1::Scorecard& card, const std::string& table) {
  std::vector<std::string> columns;
  for (int i = 0; i < card.measures_size(); ++i)
    columns.push_back(absl::StrCat(KnownSql(card.measures(i)), " AS k", i));
  for (int i = 0; i < card.exceptions_size(); ++i) {
    columns.push_back(absl::StrCat(ConditionOf(card.exceptions(i).filter()), " AS e", i));
  }
  return absl::StrCat("SELECT ", absl::StrJoin(columns, ", "), " FROM ", table);
}

// Sums by group of weight and of weighted points, coverage, and whether anything is known.
std::string GroupsSql(const v1::Scorecard& card, const std::string& points) {
  std::vector<std::string> columns;
  for (int g = 0; g < card.groups_size(); ++g) {
    std::vector<std::string> weights;
    std::vector<std::string> weighted;
    for (int i = 0; i < card.measures_size(); ++i) {
      const v1::Measure& measure = card.measures(i);
      if (measure.group() != card.groups(g).id()) continue;
      const std::string weight = Sql(measure.weight());
      const bool always =
          measure.missing() == v1::MISSING_POLICY_NEUTRAL || measure.missing() == v1::MISSING_POLICY_ZERO;
      const std::string instead = Sql(measure.missing() == v1::MISSING_POLICY_NEUTRAL ? 50 : 0);
      weights.push_back(always ? weight : absl::StrCat("CASE WHEN k", i, " IS NULL THEN 0e0 ELSE ", weight, " END"));
      weighted.push_back(absl::StrCat(weight, " * coalesce(k", i, ", ", instead, ")"));
    }
    columns.push_back(absl::StrCat(absl::StrJoin(weights, " + "), " AS w", g));
    columns.push_back(absl::StrCat(absl::StrJoin(weighted, " + "), " AS s", g));
  }
  std::vector<std::string> covered;
  std::vector<std::string> known;
  for (int i = 0; i < card.measures_size(); ++i) {
    const v1::Measure& measure = card.measures(i);
    const double share = GroupWeight(card, measure.group()) / GroupWeights(card) *
                         (measure.weight() / MeasureWeights(card, measure.group()));
    covered.push_back(absl::StrCat("CASE WHEN k", i, " IS NULL THEN 0e0 ELSE ", Sql(share), " END"));
    known.push_back(absl::StrCat("k", i));
  }
  columns.push_back(absl::StrCat("least(1e0, ", absl::StrJoin(covered, " + "), ") AS coverage"));
  columns.push_back(absl::StrCat("coalesce(", absl::StrJoin(known, ", "), ") IS NOT NULL AS known"));
  for (int i = 0; i < card.exceptions_size(); ++i) columns.push_back(absl::StrCat("e", i));
  return absl::StrCat("SELECT ", absl::StrJoin(columns, ", "), " FROM (", points, ")");
}

}  // namespace

v1::ScorecardSet TwelveMeasures() {
  auto set = perennial::health::ParseScorecards(kScorecard);
  if (!set.ok()) {
    std::cerr << set.status() << "\n";
    std::exit(1);
  }
  return *std::move(set);
}

std::string ScoreSql(const v1::Scorecard& card, const std::string& table) {
  std::vector<std::string> weights;
  std::vector<std::string> means;
  for (int g = 0; g < card.groups_size(); ++g) {
    const std::string weight = Sql(card.groups(g).weight());
    weights.push_back(absl::StrCat("CASE WHEN w", g, " > 0 THEN ", weight, " ELSE 0e0 END"));
    means.push_back(absl::StrCat("CASE WHEN w", g, " > 0 THEN ", weight, " * s", g, " / w", g, " ELSE 0e0 END"));
  }
  const std::string score = absl::StrCat("(", absl::StrJoin(means, " + "), ") / (", absl::StrJoin(weights, " + "), ")");
  // What later exceptions read.
  const auto rest = [&](int from) {
    std::string columns;
    for (int i = from; i < card.exceptions_size(); ++i) absl::StrAppend(&columns, ", e", i);
    return columns;
  };
  std::string from = absl::StrCat("SELECT CASE WHEN known THEN ", score, " END AS score, coverage", rest(0), " FROM (",
                                  GroupsSql(card, PointsSql(card, table)), ")");
  for (int i = 0; i < card.exceptions_size(); ++i) {
    const auto& exception = card.exceptions(i);
    const std::string after = exception.has_floor() ? absl::StrCat("greatest(score, ", Sql(exception.floor()), ")")
                              : exception.has_cap() ? absl::StrCat("least(score, ", Sql(exception.cap()), ")")
                                                    : Sql(exception.set());
    from = absl::StrCat("SELECT CASE WHEN e", i, " AND score IS NOT NULL THEN ", after,
                        " ELSE score END AS score, coverage", rest(i + 1), " FROM (", from, ")");
  }
  std::string band = "CASE WHEN score IS NULL THEN 0";
  for (int i = card.bands_size(); i-- > 1;) {
    absl::StrAppend(&band, " WHEN score >= ", Sql(card.bands(i).lower_bound()), " THEN ", i + 1);
  }
  return absl::StrCat("SELECT score, coverage, ", band, " ELSE 1 END AS band FROM (", from, ")");
}

}  // namespace perennial::bench
