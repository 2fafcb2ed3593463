// How a store keeps what measures carry.
#include <string>
#include <utility>
#include <variant>

#include "common/base/status_macros.h"
#include "health-svc/store/sqlite_health_store.h"

namespace perennial::health {

absl::Status SqliteHealthStore::WriteCarried(const HealthBatch& batch) {
  if (batch.carried.empty()) return absl::OkStatus();
  PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement forget, writer_->Prepare("DELETE FROM carried WHERE account_id = ?"));
  PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement put,
                             writer_->Prepare("INSERT INTO carried VALUES (?, ?, ?, ?, ?, ?)"));
  for (const StoredCarried& carried : batch.carried) {
    PERENNIAL_RETURN_IF_ERROR(forget.Bind(1, carried.account_id).Run());
    for (const CarriedFact& fact : carried.facts) {
      if (!fact.value.has_value()) continue;  // found again when it is needed
      const auto* number = std::get_if<double>(&*fact.value);
      const auto* text = std::get_if<std::string>(&*fact.value);
      put.Bind(1, carried.account_id).Bind(2, fact.name).Bind(3, fact.max_age_days);
      put.Bind(4, number != nullptr ? std::optional<double>(*number) : std::nullopt);
      if (text != nullptr) {
        put.Bind(5, *text);
      } else {
        put.BindNull(5);
      }
      PERENNIAL_RETURN_IF_ERROR(put.Bind(6, fact.day).Run());
    }
  }
  return absl::OkStatus();
}

absl::Status SqliteHealthStore::VisitCarried(const std::function<absl::Status(StoredCarried)>& visit) {
  return readers_.Read([&](sqlite::Connection& reader) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement row,
                               reader.Prepare("SELECT account_id, fact, max_age, number, text, day FROM carried "
                                              "ORDER BY account_id"));
    StoredCarried present;
    for (;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const bool more, row.Step());
      if ((!more || row.View(0) != present.account_id) && !present.facts.empty()) {
        PERENNIAL_RETURN_IF_ERROR(visit(std::exchange(present, {})));
      }
      if (!more) return absl::OkStatus();
      present.account_id = row.Text(0);
      CarriedFact fact{.name = row.Text(1), .max_age_days = row.Double(2), .day = row.Int64(5)};
      if (!row.IsNull(3)) fact.value = row.Double(3);
      if (!row.IsNull(4)) fact.value = row.Text(4);
      present.facts.push_back(std::move(fact));
    }
  });
}

}  // namespace perennial::health
