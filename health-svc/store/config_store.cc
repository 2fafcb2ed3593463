#include "health-svc/store/config_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace perennial::health {
namespace {

constexpr std::size_t kReaders = 4;
constexpr const char* kColumns = "kind, id, revision, time, author, note, shipped, deleted, body";

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
  return std::unique_ptr<ConfigStore>(new ConfigStore(path, std::move(writer)));
}

ConfigStore::ConfigStore(const std::string& path, std::unique_ptr<sqlite::Connection> writer)
    : writer_(std::move(writer)), readers_(path, kReaders) {}

absl::Status ConfigStore::Append(const std::vector<ConfigRevision>& revisions) {
  MutexLock lock(mu_);
  return writer_->InTransaction([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement put,
                               writer_->Prepare("INSERT INTO config_revisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"));
    for (const ConfigRevision& revision : revisions) {
      put.Bind(1, revision.kind).Bind(2, revision.id).Bind(3, revision.revision);
      put.Bind(4, absl::ToUnixMicros(revision.time)).Bind(5, revision.author).Bind(6, revision.note);
      put.Bind(7, revision.shipped).Bind(8, revision.deleted).BindBlob(9, revision.body);
      PERENNIAL_RETURN_IF_ERROR(put.Run());
    }
    return absl::OkStatus();
  });
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
