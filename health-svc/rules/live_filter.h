#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_row.h"
#include "common/filter/filter.h"

namespace perennial::health {

// A filter of the configuration, which may name facts that no account has had yet: it selects nothing until the
// catalogue knows them all. The empty filter selects everything.
class LiveFilter {
 public:
  // `owner` names it in the log, for example "flag rule silent-account".
  LiveFilter(std::string text, std::string owner) : text_(std::move(text)), owner_(std::move(owner)) {}

  // OK when `text` is a filter by its grammar and names no fact that starts with one of `forbidden`. Else a sentence
  // that completes "<field> ...".
  static absl::Status CheckText(absl::string_view text, const std::vector<absl::string_view>& forbidden);

  // Tries again to compile it if the catalogue has grown. Returns whether it became usable just now.
  bool Resolve(const facts::FactCatalogue& catalogue);

  [[nodiscard]] bool Selects(const facts::RowReader& row, const filter::EvaluationContext& context) const {
    return compiled_.has_value() && compiled_->Selects(row, context);
  }
  [[nodiscard]] bool usable() const { return compiled_.has_value(); }
  // Null while it isn't usable.
  [[nodiscard]] const filter::Filter* compiled() const { return compiled_.has_value() ? &*compiled_ : nullptr; }
  [[nodiscard]] const std::string& text() const { return text_; }
  // Facts that it reads, ascending; none while it isn't usable.
  [[nodiscard]] std::vector<facts::FactId> facts() const;

 private:
  std::string text_;
  std::string owner_;
  std::optional<filter::Filter> compiled_;
  std::size_t tried_at_ = static_cast<std::size_t>(-1);  // size of the catalogue at the last attempt
  bool complained_ = false;
};

}  // namespace perennial::health
