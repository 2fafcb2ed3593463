#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/base/money.h"
#include "common/filter/filter.h"
#include "perennial/segments/v1/engagement.pb.h"
#include "segment-svc/account_columns.h"
#include "segment-svc/called_segments.h"
#include "segment-svc/engagement_state.h"
#include "segment-svc/segment_view.h"

namespace perennial::segments {

// What the engagement state means for the accounts of a view: model, manager and touches, row by row. docs/engagement.md
// defines each. Uses both until it is destroyed.
class EngagementView {
 public:
  EngagementView(const SegmentView& view, const EngagementState& state);

  // Models of all live rows, as indexes into state().models; kNoModel for those that no model takes.
  static constexpr std::uint8_t kNoModel = 255;
  [[nodiscard]] std::vector<std::uint8_t> ModelsOfAll();
  // The same for one row, with what became of each model up to it.
  std::uint8_t ModelOf(facts::RowId row, std::vector<v1::ModelVerdict>& verdicts);

  // Who looks after an account; null when nobody does. `assigned`, when given, is set to whether somebody decided so
  // (else the fact `owner` did).
  [[nodiscard]] const v1::Manager* ManagerOf(facts::RowId row, bool* assigned = nullptr) const;
  // A model asks for a manager, and the account is a customer or may become one.
  [[nodiscard]] bool NeedsManager(facts::RowId row, std::uint8_t model) const;
  [[nodiscard]] std::int32_t WeightOf(std::uint8_t model) const;

  // When to talk to an account. Days are UTC days since 1970.
  struct Touch {
    std::int32_t cadence = 0;
    std::optional<std::int64_t> last_day;
    std::int64_t due_day = 0;
  };
  // Nothing when no touch is due in the account's phase.
  [[nodiscard]] std::optional<Touch> TouchOf(facts::RowId row, std::uint8_t model) const;
  [[nodiscard]] std::int64_t today() const { return today_; }

  [[nodiscard]] Micros ValueAtRisk(facts::RowId row) const;
  [[nodiscard]] std::optional<double> mrr(facts::RowId row) const { return mrr_[row]; }
  [[nodiscard]] const std::string& language(facts::RowId row) const { return language_[row]; }
  [[nodiscard]] std::optional<double> renewal_days(facts::RowId row) const { return renewal_days_[row]; }
  // Whether `a` goes before `b`: by MRR, highest first (unknown last), then by account id.
  [[nodiscard]] bool WeighsMore(facts::RowId a, facts::RowId b) const;
  // `model` must not be kNoModel.
  [[nodiscard]] v1::DueTouch ToProto(facts::RowId row, std::uint8_t model, const Touch& touch,
                                     const std::string& currency) const;

  [[nodiscard]] const SegmentView& view() const { return view_; }
  [[nodiscard]] const EngagementState& state() const { return state_; }
  [[nodiscard]] const std::string& account_id(facts::RowId row) const { return view_.facts.table().account_id(row); }

 private:
  struct Model {
    // Nothing when the model takes everybody, or cannot be used.
    std::optional<filter::Filter> filter;
    // Why the filter cannot be used; empty when it can.
    std::string problem;
  };

  const SegmentView& view_;
  const EngagementState& state_;
  const std::int64_t today_;
  CalledSegments called_;
  std::vector<Model> models_;  // as state_.models
  absl::flat_hash_map<std::string, const v1::Manager*> by_owner_;
  const NumberFact mrr_, score_, is_trial_, renewal_days_, phase_days_, tenure_days_, days_since_touch_;
  const TextFact phase_, name_, owner_, language_;
};

}  // namespace perennial::segments
