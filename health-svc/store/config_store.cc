#include "health-svc/store/config_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/audit/kept_changes.h"
#include "common/base/status_macros.h"

namespace perennial::health {
namespace {

constexpr std::size_t kReaders = 4;
constexpr const char* kColumns = "kind, id, revision, time, author, note, shipped, deleted, body";
// What replicas follow; others are kept by each for itself.
constexpr const char* kFollowedKinds = "kind IN ('scorecard', 'flag-rule')";

ConfigRevision ReadRevision(const sqlite::Statement& row) {
  return {.kind = row.Text(0),
          .id = row.Text(1),
          .revision = row.Int64(2),
          .time = absl::FromUnixMicros(row.Int64(3)),
          .author = row.Text(4),
          .note = row.Text(5),
          .shipped = row.Int64(6) != 0,
          .deleted = row.Int64(7) != 0,
          .body = row.Text(8)};
}

absl::StatusOr<std::vector<ConfigRevision>> ReadAll(sqlite::Statement& row) {
  std::vector<ConfigRevision> out;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return out;
    out.push_back(ReadRevision(row));
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<ConfigStore>> ConfigStore::Open(const std::string& path) {
  PERENNIAL_ASSIGN_OR_RETURN(auto writer, sqlite::Connection::Open(path, sqlite::Durability::kFull));
  std::unique_ptr<ConfigStore> store(new ConfigStore(path, std::move(writer)));
  const MutexLock lock(store->mu_);
  PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement row,
                             store->writer_->Prepare("SELECT IFNULL(MAX(sequence), 0) FROM config_log"));
  PERENNIAL_RETURN_IF_ERROR(row.Step().status());
  store->last_sequence_ = row.Int64(0);
  return store;
}

ConfigStore::ConfigStore(const std::string& path, std::unique_ptr<sqlite::Connection> writer)
    : writer_(std::move(writer)), readers_(path, kReaders) {}

absl::Status ConfigStore::Insert(const std::vector<ConfigRevision>& revisions, std::int64_t& sequence) {
  PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement put,
                             writer_->Prepare("INSERT INTO config_revisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement log,
                             writer_->Prepare("INSERT INTO config_log (kind, id, revision) VALUES (?, ?, ?)"));
  for (const ConfigRevision& revision : revisions) {
    put.Bind(1, revision.kind).Bind(2, revision.id).Bind(3, revision.revision);
    put.Bind(4, absl::ToUnixMicros(revision.time)).Bind(5, revision.author).Bind(6, revision.note);
    put.Bind(7, revision.shipped).Bind(8, revision.deleted).BindBlob(9, revision.body);
    PERENNIAL_RETURN_IF_ERROR(put.Run());
    PERENNIAL_RETURN_IF_ERROR(log.Bind(1, revision.kind).Bind(2, revision.id).Bind(3, revision.revision).Run());
    sequence = writer_->last_insert_rowid();
  }
  return absl::OkStatus();
}

absl::Status ConfigStore::Append(const std::vector<ConfigRevision>& revisions) {
  MutexLock lock(mu_);
  std::int64_t sequence = last_sequence_;
  PERENNIAL_RETURN_IF_ERROR(InAuditedTransaction(
      *writer_, [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS -> absl::Status { return Insert(revisions, sequence); }));
  last_sequence_ = sequence;
  return absl::OkStatus();
}

absl::Status ConfigStore::AppendFollowed(const std::vector<ConfigRevision>& revisions, const std::string& position,
                                         bool anew) {
  MutexLock lock(mu_);
  std::int64_t sequence = last_sequence_;
  PERENNIAL_RETURN_IF_ERROR(writer_->InTransaction([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS -> absl::Status {
    if (anew) {
      for (const char* table : {"config_log", "config_revisions"}) {
        PERENNIAL_RETURN_IF_ERROR(writer_->Execute(absl::StrCat("DELETE FROM ", table, " WHERE ", kFollowedKinds)));
      }
    }
    PERENNIAL_RETURN_IF_ERROR(Insert(revisions, sequence));
    PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement put,
                               writer_->Prepare("INSERT OR REPLACE INTO config_source VALUES (1, ?)"));
    return put.Bind(1, position).Run();
  }));
  last_sequence_ = sequence;
  return absl::OkStatus();
}

absl::Status ConfigStore::ForgetSource() {
  MutexLock lock(mu_);
  return writer_->Execute("DELETE FROM config_source");
}

absl::StatusOr<std::string> ConfigStore::SourcePosition() {
  std::string out;
  PERENNIAL_RETURN_IF_ERROR(readers_.Read([&](sqlite::Connection& reader) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement row, reader.Prepare("SELECT position FROM config_source"));
    PERENNIAL_ASSIGN_OR_RETURN(const bool found, row.Step());
    if (found) out = row.Text(0);
    return absl::OkStatus();
  }));
  return out;
}

absl::StatusOr<std::vector<LoggedRevision>> ConfigStore::Log(std::int64_t after, int limit) {
  std::vector<LoggedRevision> out;
  PERENNIAL_RETURN_IF_ERROR(readers_.Read([&](sqlite::Connection& reader) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(
        sqlite::Statement row,
        reader.Prepare(absl::StrCat("SELECT ", kColumns, ", sequence FROM config_log JOIN config_revisions USING (kind, ",
                                    "id, revision) WHERE ", kFollowedKinds,
                                    " AND sequence > ? ORDER BY sequence LIMIT ?")));
    row.Bind(1, after).Bind(2, limit);
    for (;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const bool more, row.Step());
      if (!more) return absl::OkStatus();
      out.push_back({.sequence = row.Int64(9), .revision = ReadRevision(row)});
    }
  }));
  return out;
}

absl::StatusOr<std::vector<ConfigRevision>> ConfigStore::Newest(absl::string_view kind) {
  std::vector<ConfigRevision> out;
  PERENNIAL_RETURN_IF_ERROR(readers_.Read([&](sqlite::Connection& reader) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(
        sqlite::Statement row,
        reader.Prepare(
            absl::StrCat("SELECT ", kColumns, " FROM config_revisions AS c WHERE kind = ? AND revision = (SELECT ",
                         "MAX(revision) FROM config_revisions WHERE kind = c.kind AND id = c.id) ORDER BY id")));
    PERENNIAL_ASSIGN_OR_RETURN(out, ReadAll(row.Bind(1, kind)));
    return absl::OkStatus();
  }));
  return out;
}

absl::StatusOr<ConfigRevision> ConfigStore::Get(absl::string_view kind, absl::string_view id, std::int64_t revision) {
  std::vector<ConfigRevision> out;
  PERENNIAL_RETURN_IF_ERROR(readers_.Read([&](sqlite::Connection& reader) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement row,
                               reader.Prepare(absl::StrCat("SELECT ", kColumns,
                                                           " FROM config_revisions WHERE kind = ? "
                                                           "AND id = ? AND revision = ?")));
    PERENNIAL_ASSIGN_OR_RETURN(out, ReadAll(row.Bind(1, kind).Bind(2, id).Bind(3, revision)));
    return absl::OkStatus();
  }));
  if (out.empty()) return absl::NotFoundError("no such revision");
  return out.front();
}

absl::StatusOr<std::vector<ConfigRevision>> ConfigStore::List(absl::string_view kind, absl::string_view id,
                                                              std::int64_t before, int limit) {
  std::vector<ConfigRevision> out;
  PERENNIAL_RETURN_IF_ERROR(readers_.Read([&](sqlite::Connection& reader) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(
        sqlite::Statement row,
        reader.Prepare(absl::StrCat("SELECT ", kColumns,
                                    " FROM config_revisions WHERE kind = ? "
                                    "AND id = ? AND revision < ? ORDER BY revision DESC LIMIT ?")));
    PERENNIAL_ASSIGN_OR_RETURN(out, ReadAll(row.Bind(1, kind).Bind(2, id).Bind(3, before).Bind(4, limit)));
    return absl::OkStatus();
  }));
  return out;
}

}  // namespace perennial::health
