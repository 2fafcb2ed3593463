#include "common/server/file_watcher.h"

#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/log.h"

namespace perennial {
namespace {

constexpr std::size_t kMostBytes = 16 << 20;

absl::StatusOr<std::vector<std::string>> ReadAll(const std::vector<std::string>& paths) {
  std::vector<std::string> contents;
  for (const std::string& path : paths) {
    absl::StatusOr<std::string> content = ReadFile(path);
    if (!content.ok()) return content.status();
    contents.push_back(*std::move(content));
  }
  return contents;
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string content;
  char piece[1 << 14];
  while (file && content.size() <= kMostBytes) {
    file.read(piece, sizeof(piece));
    content.append(piece, static_cast<std::size_t>(file.gcount()));
  }
  if (!file.eof()) return absl::FailedPreconditionError(absl::StrCat("cannot read ", path));
  return content;
}

FileWatcher::FileWatcher(std::vector<std::string> paths, std::vector<std::string> initial,
                         std::chrono::milliseconds interval, Take take)
    : paths_(std::move(paths)),
      interval_(interval),
      take_(std::move(take)),
      known_(std::move(initial)),
      thread_([this](const std::stop_token& stop) { Loop(stop); }) {}

void FileWatcher::Loop(const std::stop_token& stop) {
  for (;;) {
    {
      std::unique_lock lock(mu_);
      wake_.wait_for(lock, stop, interval_, [] { return false; });
    }
    if (stop.stop_requested()) return;
    Look();
  }
}

void FileWatcher::Look() {
  auto contents = ReadAll(paths_);
  if (!contents.ok()) {
    if (!std::exchange(unreadable_, true)) {
      ++refused_;
      Log(LogLevel::kError, "keeping what was read before", {{"reason", std::string(contents.status().message())}});
    }
    return;
  }
  unreadable_ = false;
  if (*contents == known_) return pending_.clear();
  if (*contents != pending_) {
    pending_ = *std::move(contents);
    return;
  }
  known_ = std::exchange(pending_, {});
  const absl::Status status = take_(known_);
  ++(status.ok() ? taken_ : refused_);
  if (status.ok()) {
    Log(LogLevel::kInfo, "read anew", {{"files", absl::StrJoin(paths_, ",")}});
  } else {
    Log(LogLevel::kError, "keeping what was read before",
        {{"files", absl::StrJoin(paths_, ",")}, {"reason", std::string(status.message())}});
  }
}

}  // namespace perennial
