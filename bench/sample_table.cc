#include "bench/sample_table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace perennial::bench {
namespace {

using facts::FactType;

// Numbers are whole multiples of `step` from 0 to `greatest`, more of them small when `skewed`; texts are "<prefix>-<n>"
// with n below `greatest`.
struct Column {
  const char* name;
  FactType type;
  double unknown;  // share
  double greatest;
  double step = 1;
  bool skewed = false;
  const char* prefix = "";
};

constexpr FactType kNumber = FactType::kNumber;
constexpr FactType kText = FactType::kString;
constexpr FactType kBool = FactType::kBool;

const std::vector<Column>& Columns() {
  static const auto& columns = *new std::vector<Column>{
      {"mrr", kNumber, 0.05, 20'000, 0.5, true},
      {"seats", kNumber, 0.05, 500, 1, true},
      {"tenure_days", kNumber, 0, 3'000},
      {"phase_days", kNumber, 0.03, 1'000, 1, true},
      {"renewal_days", kNumber, 0.3, 365},
      {"usage.days_since_last", kNumber, 0.1, 120, 1, true},
      {"usage.change_30d", kNumber, 0.15, 2, 0.001},
      {"usage.seat_utilisation_30d", kNumber, 0.2, 1, 0.001},
      {"usage.logins.sum_30d", kNumber, 0.05, 2'000, 1, true},
      {"support.open", kNumber, 0, 12, 1, true},
      {"support.opened_90d", kNumber, 0, 40, 1, true},
      {"nps.latest", kNumber, 0.6, 10},
      {"csat.avg_90d", kNumber, 0.5, 5, 0.01},
      {"touch.days_since_last", kNumber, 0.2, 200, 1, true},
      {"health.score", kNumber, 0.05, 100, 0.001},
      {"health.change_30d", kNumber, 0.2, 40, 0.001},
      {"onboarding.progress", kNumber, 0.1, 1, 0.05},
      {"silent", kBool, 0, 1},
      {"auto_renew", kBool, 0.3, 1},
      {"is_trial", kBool, 0, 1},
      {"plan", kText, 0.05, 5, 1, false, "plan"},
      {"phase", kText, 0.02, 5, 1, false, "phase"},
      {"owner", kText, 0.1, 200, 1, false, "csm"},
      {"attributes.country", kText, 0.05, 40, 1, true, "c"},
  };
  return columns;
}

std::string TextOf(const Column& column, double number) {
  return absl::StrCat(column.prefix, "-", static_cast<int>(number));
}

double Draw(const Column& column, std::minstd_rand& random) {
  double share = std::uniform_real_distribution<double>(0, 1)(random);
  if (column.skewed) share = share * share * share;
  const double steps = std::floor(share * (column.greatest / column.step + (column.type == kText ? 0 : 1)));
  return std::min(steps, column.greatest / column.step) * column.step;
}

std::string Number(double number) { return absl::StrFormat("%.17g", number); }

std::string Quoted(absl::string_view name) { return absl::StrCat("\"", name, "\""); }

// One comparison.
SampleFilter Predicate(bool distinct, std::minstd_rand& random) {
  const auto below = [&](int n) { return std::uniform_int_distribution<int>(0, n - 1)(random); };
  const Column& column = Columns()[static_cast<std::size_t>(below(static_cast<int>(Columns().size())))];
  const std::string sql_name = Quoted(column.name);
  if (below(12) == 0) return {absl::StrCat(column.name, ":*"), absl::StrCat(sql_name, " IS NOT NULL")};
  if (column.type == kBool) {
    const char* value = below(2) == 0 ? "true" : "false";
    return {absl::StrCat(column.name, " = ", value), absl::StrCat(sql_name, " = ", value)};
  }
  if (column.type == kText) {
    const std::string text = TextOf(column, below(static_cast<int>(column.greatest)));
    const char* comparator = below(4) == 0 ? "!=" : "=";
    if (below(6) == 0) {
      const std::string start = text.substr(0, text.size() - 1);
      return {absl::StrCat(column.name, " = \"", start, "*\""), absl::StrCat(sql_name, " LIKE '", start, "%'")};
    }
    return {absl::StrCat(column.name, " ", comparator, " \"", text, "\""),
            absl::StrCat(sql_name, " ", comparator, " '", text, "'")};
  }
  // People choose one of few bounds.
  const double bound = distinct ? Draw(column, random)
                                : std::floor(column.greatest * (1 + below(4)) / 5 / column.step) * column.step;
  constexpr const char* kComparators[] = {"<", "<=", ">", ">="};
  const char* comparator = kComparators[below(4)];
  return {absl::StrCat(column.name, " ", comparator, " ", Number(bound)),
          // Without the exponent DuckDB reads a decimal number, which it compares otherwise.
          absl::StrCat(sql_name, " ", comparator, " ", absl::StrFormat("%.17e", bound))};
}

}  // namespace

SampleTable::SampleTable(std::size_t accounts) {
  std::vector<facts::FactId> ids;
  for (const Column& column : Columns()) ids.push_back(*catalogue_.Add({.name = column.name, .type = column.type}));
  std::minstd_rand random(7);
  for (std::size_t i = 0; i < accounts; ++i) {
    const facts::RowId row = table_.Upsert(absl::StrCat("account-", i));
    for (std::size_t c = 0; c < ids.size(); ++c) {
      const Column& column = Columns()[c];
      if (std::uniform_real_distribution<double>(0, 1)(random) < column.unknown) continue;
      const double number = Draw(column, random);
      if (column.type == kText) {
        table_.SetText(row, ids[c], absl::string_view(TextOf(column, number)));
      } else {
        table_.SetNumber(row, ids[c], column.type, number);
      }
    }
  }
}

void SampleTable::WriteCsv(const std::string& path) const {
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) std::exit((std::perror(path.c_str()), 1));
  std::vector<std::string> names;
  for (const Column& column : Columns()) names.push_back(column.name);
  std::fprintf(file, "%s\n", absl::StrJoin(names, ",").c_str());
  std::string line;
  for (facts::RowId row = 0; row < table_.row_count(); ++row) {
    line.clear();
    for (facts::FactId fact = 0; fact < Columns().size(); ++fact) {
      if (fact > 0) line.push_back(',');
      const FactType type = Columns()[fact].type;
      if (type == kText) {
        if (const auto text = table_.Text(row, fact)) absl::StrAppend(&line, *text);
      } else if (const auto number = table_.Number(row, fact)) {
        absl::StrAppend(&line, type == kBool ? (*number != 0 ? "true" : "false") : Number(*number));
      }
    }
    line.push_back('\n');
    std::fwrite(line.data(), 1, line.size(), file);
  }
  std::fclose(file);
}

std::string SampleTable::CreateSql(const std::string& csv) const {
  std::vector<std::string> types;
  for (const Column& column : Columns()) {
    types.push_back(absl::StrCat("'", column.name, "': '",
                                 column.type == kText   ? "VARCHAR"
                                 : column.type == kBool ? "BOOLEAN"
                                                        : "DOUBLE",
                                 "'"));
  }
  return absl::StrCat("CREATE TABLE accounts AS SELECT * FROM read_csv('", csv, "', header = true, columns = {",
                      absl::StrJoin(types, ", "), "})");
}

std::vector<SampleFilter> SampleFilters(int count, bool distinct) {
  std::minstd_rand random(distinct ? 11 : 5);
  const auto below = [&](int n) { return std::uniform_int_distribution<int>(0, n - 1)(random); };
  std::vector<SampleFilter> filters;
  for (int i = 0; i < count; ++i) {
    std::vector<std::string> filter;
    std::vector<std::string> sql;
    for (int left = 2 + below(4); left > 0;) {
      SampleFilter one = Predicate(distinct, random);
      --left;
      if (left > 0 && below(4) == 0) {
        const SampleFilter other = Predicate(distinct, random);
        --left;
        one = {absl::StrCat("(", one.filter, " OR ", other.filter, ")"),
               absl::StrCat("(", one.sql, " OR ", other.sql, ")")};
      }
      if (below(6) == 0) {
        one = {absl::StrCat("NOT (", one.filter, ")"), absl::StrCat("NOT (", one.sql, ")")};
      }
      filter.push_back(one.filter);
      sql.push_back(one.sql);
    }
    filters.push_back({absl::StrJoin(filter, " AND "), absl::StrJoin(sql, " AND ")});
  }
  return filters;
}

}  // namespace perennial::bench
