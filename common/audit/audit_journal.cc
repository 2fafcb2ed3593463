#include "common/audit/audit_journal.h"

#include <fcntl.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/delimited_message_util.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"

namespace perennial {
namespace {

absl::Status Broken(const char* what) {
  return absl::UnavailableError(absl::StrCat("the journal of the audit trail: ", what, ": ", strerror(errno)));
}

absl::StatusOr<std::string> ReadAll(int fd) {
  std::string content;
  char piece[64 << 10];
  for (;;) {
    const ssize_t size = pread(fd, piece, sizeof(piece), static_cast<off_t>(content.size()));
    if (size < 0) return Broken("read");
    if (size == 0) return content;
    content.append(piece, static_cast<std::size_t>(size));
  }
}

// Adds the entries of `content`, and returns how much of it they are.
std::size_t Parse(const std::string& content, std::vector<accounts::v1::AuditEntry>& left) {
  google::protobuf::io::ArrayInputStream bytes(content.data(), static_cast<int>(content.size()));
  google::protobuf::io::CodedInputStream input(&bytes);
  std::size_t whole = 0;
  accounts::v1::AuditEntry entry;
  bool clean_end = false;
  while (google::protobuf::util::ParseDelimitedFromCodedStream(&entry, &input, &clean_end)) {
    if (entry.id().empty()) break;  // not one of ours
    left.push_back(std::exchange(entry, {}));
    whole = static_cast<std::size_t>(input.CurrentPosition());
  }
  return whole;
}

}  // namespace

absl::StatusOr<std::unique_ptr<AuditJournal>> AuditJournal::Open(const std::string& path,
                                                                 std::vector<accounts::v1::AuditEntry>& left) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return Broken("open");
  std::unique_ptr<AuditJournal> journal(new AuditJournal(fd, 0));
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) return Broken("another process has it");
  const absl::StatusOr<std::string> content = ReadAll(fd);
  if (!content.ok()) return content.status();
  journal->bytes_ = Parse(*content, left);
  if (journal->bytes_ < content->size() && ftruncate(fd, static_cast<off_t>(journal->bytes_)) != 0) return Broken("truncate");
  return journal;
}

AuditJournal::~AuditJournal() { close(fd_); }

absl::Status AuditJournal::Append(const accounts::v1::AuditEntry& entry) {
  std::ostringstream out;
  google::protobuf::util::SerializeDelimitedToOstream(entry, &out);
  const std::string bytes = out.str();
  std::size_t written = 0;
  while (written < bytes.size()) {
    const ssize_t size = pwrite(fd_, bytes.data() + written, bytes.size() - written, static_cast<off_t>(bytes_ + written));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    written += static_cast<std::size_t>(size);
  }
  if (written == bytes.size() && fdatasync(fd_) == 0) {
    bytes_ += bytes.size();
    return absl::OkStatus();
  }
  const absl::Status broken = Broken("write");
  if (ftruncate(fd_, static_cast<off_t>(bytes_)) != 0) return Broken("truncate");
  return broken;
}

absl::Status AuditJournal::Clear() {
  if (bytes_ == 0) return absl::OkStatus();
  if (ftruncate(fd_, 0) != 0) return Broken("truncate");
  bytes_ = 0;
  return absl::OkStatus();
}

}  // namespace perennial
