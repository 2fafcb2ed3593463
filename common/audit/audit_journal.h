#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "perennial/accounts/v1/audit_service.pb.h"

namespace perennial {

// Entries of the audit trail on disk until accounts-svc has them, so that they outlive the process. One process at a time; not
// thread-safe.
class AuditJournal {
 public:
  // Opens or creates the file; entries that are in it are added to `left`. A half-written one at its end is cut off. UNAVAILABLE when
  // the file cannot be had.
  static absl::StatusOr<std::unique_ptr<AuditJournal>> Open(const std::string& path,
                                                            std::vector<accounts::v1::AuditEntry>& left);
  ~AuditJournal();
  AuditJournal(const AuditJournal&) = delete;
  AuditJournal& operator=(const AuditJournal&) = delete;

  // The entry is on stable storage once it returns OK. Nothing of it stays after an error.
  absl::Status Append(const accounts::v1::AuditEntry& entry);
  // Drops all entries.
  absl::Status Clear();
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  AuditJournal(int fd, std::size_t bytes) : fd_(fd), bytes_(bytes) {}

  const int fd_;
  std::size_t bytes_;
};

}  // namespace perennial
