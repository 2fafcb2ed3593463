#include "common/audit/kept_changes.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/audit/audit_entry.h"
#include "common/base/status_macros.h"

namespace perennial {
namespace {

struct KeptChange {
  std::string id;
  std::string resource;
};

absl::StatusOr<std::vector<KeptChange>> List(sqlite::Connection& writer) {
  PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement rows, writer.Prepare("SELECT id, resource FROM kept_changes"));
  std::vector<KeptChange> kept;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return kept;
    kept.push_back({.id = rows.Text(0), .resource = rows.Text(1)});
  }
}

absl::Status Forget(sqlite::Connection& writer, const std::string& id) {
  PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement forget, writer.Prepare("DELETE FROM kept_changes WHERE id = ?"));
  return forget.Bind(1, id).Run();
}

absl::Status Keep(sqlite::Connection& writer, const AuditedChange& change) {
  const std::string entry = ToAuditEntry(change).SerializeAsString();
  PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement put, writer.Prepare("INSERT OR REPLACE INTO kept_changes VALUES (?, ?, ?)"));
  return put.Bind(1, change.id).Bind(2, change.resource).BindBlob(3, entry).Run();
}

}  // namespace

absl::Status InAuditedTransaction(sqlite::Connection& writer, const std::function<absl::Status()>& body) {
  const std::optional<AuditedChange> change = ChangeToKeep();
  if (!change.has_value()) return writer.InTransaction(body);
  PERENNIAL_RETURN_IF_ERROR(writer.InTransaction([&]() -> absl::Status {
    PERENNIAL_RETURN_IF_ERROR(body());
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<KeptChange> kept, List(writer));
    for (const KeptChange& before : kept) {
      if (!IsBeingHandled(before.id)) PERENNIAL_RETURN_IF_ERROR(Forget(writer, before.id));
    }
    return Keep(writer, *change);
  }));
  NoteStored();
  return absl::OkStatus();
}

absl::Status SendKeptChanges(sqlite::Connection& writer) {
  std::vector<AuditedChange> left;
  {
    PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement rows, writer.Prepare("SELECT entry FROM kept_changes ORDER BY id"));
    for (;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const bool row, rows.Step());
      if (!row) break;
      accounts::v1::AuditEntry entry;
      const absl::string_view bytes = rows.View(0);
      if (!entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
        return absl::DataLossError("a kept change is damaged; restore the database");
      }
      left.push_back(FromAuditEntry(std::move(entry)));
    }
  }
  for (AuditedChange& change : left) {
    const std::string id = change.id;
    // Where nobody takes them they stay.
    if (!SendKept(std::move(change))) return absl::OkStatus();
    PERENNIAL_RETURN_IF_ERROR(Forget(writer, id));
  }
  return absl::OkStatus();
}

absl::Status ForgetKeptChanges(sqlite::Connection& writer, absl::string_view account_id) {
  const std::string name = absl::StrCat("accounts/", account_id);
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<KeptChange> kept, List(writer));
  for (const KeptChange& change : kept) {
    const bool of_account = change.resource == name || absl::StartsWith(change.resource, absl::StrCat(name, "/"));
    if (of_account || !IsBeingHandled(change.id)) PERENNIAL_RETURN_IF_ERROR(Forget(writer, change.id));
  }
  return absl::OkStatus();
}

}  // namespace perennial
