#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_table.h"

namespace perennial::bench {

// A portfolio like a real one, the same each time: 24 facts of several kinds, some often unknown.
class SampleTable {
 public:
  explicit SampleTable(std::size_t accounts);

  [[nodiscard]] const facts::FactCatalogue& catalogue() const { return catalogue_; }
  [[nodiscard]] const facts::FactTable& table() const { return table_; }
  facts::FactTable& table() { return table_; }
  // Writes it as comma-separated values with a header; unknown is empty.
  void WriteCsv(const std::string& path) const;
  // "CREATE TABLE accounts AS ..." that reads what WriteCsv() wrote.
  [[nodiscard]] std::string CreateSql(const std::string& csv) const;

 private:
  facts::FactCatalogue catalogue_;
  facts::FactTable table_;
};

// A filter, and the condition in SQL that selects the same.
struct SampleFilter {
  std::string filter;
  std::string sql;
};

// Filters of two to five predicates with AND, OR and NOT over the facts of SampleTable. With `distinct`, hardly two of
// them compare a number with the same bound; else bounds are such as people choose.
std::vector<SampleFilter> SampleFilters(int count, bool distinct);

}  // namespace perennial::bench
