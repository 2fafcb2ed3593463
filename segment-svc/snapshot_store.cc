#include "segment-svc/snapshot_store.h"

#include "common/base/status_macros.h"

namespace perennial::segments {
namespace {

constexpr std::int32_t kApplicationId = 0x50534e50;  // "PSNP"
constexpr std::size_t kMostReaders = 4;

const std::vector<std::string>& Migrations() {
  static const auto& migrations = *new std::vector<std::string>{R"sql(
    CREATE TABLE snapshots (
      segment_uid INTEGER NOT NULL,
      day INTEGER NOT NULL,
      metrics BLOB NOT NULL,
      PRIMARY KEY (segment_uid, day)
    ) STRICT, WITHOUT ROWID;
  )sql"};
  return migrations;
}

}  // namespace

SnapshotStore::SnapshotStore(std::unique_ptr<sqlite::Connection> writer, const std::string& path)
    : writer_(std::move(writer)), readers_(path, kMostReaders) {}

absl::StatusOr<std::unique_ptr<SnapshotStore>> SnapshotStore::Open(const std::string& path) {
  PERENNIAL_ASSIGN_OR_RETURN(auto writer, sqlite::Connection::Open(path, sqlite::Durability::kNormal));
  PERENNIAL_RETURN_IF_ERROR(sqlite::Migrate(*writer, kApplicationId, Migrations()));
  return std::unique_ptr<SnapshotStore>(new SnapshotStore(std::move(writer), path));
}

absl::Status SnapshotStore::Write(const std::vector<SnapshotRecord>& snapshots) {
  return writer_->InTransaction([&]() -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(
        sqlite::Statement put,
        writer_->Prepare("INSERT INTO snapshots (segment_uid, day, metrics) VALUES (?1, ?2, ?3) "
                         "ON CONFLICT (segment_uid, day) DO UPDATE SET metrics = ?3"));
    for (const SnapshotRecord& snapshot : snapshots) {
      const std::string metrics = snapshot.metrics.SerializeAsString();
      PERENNIAL_RETURN_IF_ERROR(put.Bind(1, snapshot.segment_uid).Bind(2, snapshot.day).BindBlob(3, metrics).Run());
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<SnapshotRecord>> SnapshotStore::Read(std::int64_t segment_uid, std::int64_t first,
                                                                std::int64_t last) {
  std::vector<SnapshotRecord> snapshots;
  const absl::Status status = readers_.Read([&](sqlite::Connection& db) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(sqlite::Statement rows,
                               db.Prepare("SELECT day, metrics FROM snapshots WHERE segment_uid = ?1 "
                                          "AND day BETWEEN ?2 AND ?3 ORDER BY day"));
    rows.Bind(1, segment_uid).Bind(2, first).Bind(3, last);
    for (;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const bool row, rows.Step());
      if (!row) return absl::OkStatus();
      SnapshotRecord& snapshot = snapshots.emplace_back();
      snapshot.segment_uid = segment_uid;
      snapshot.day = rows.Int64(0);
      if (!snapshot.metrics.ParseFromString(rows.Text(1))) {
        return absl::DataLossError("metrics.db has an entry that cannot be read");
      }
    }
  });
  PERENNIAL_RETURN_IF_ERROR(status);
  return snapshots;
}

}  // namespace perennial::segments
