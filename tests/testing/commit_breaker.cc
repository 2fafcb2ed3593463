#include "tests/testing/commit_breaker.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace perennial::testing {
namespace {

constexpr char kSocket[] = "/.s.PGSQL.5432";
constexpr int kPollMs = 5;
// The statement with the NUL that ends it, which "READ COMMITTED" is not followed by.
const std::string kCommit("COMMIT", 7);

sockaddr_un AddressOf(const std::string& folder) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (folder + kSocket).c_str(), sizeof address.sun_path - 1);
  return address;
}

bool Readable(int file) {
  pollfd wait{.fd = file, .events = POLLIN, .revents = 0};
  return poll(&wait, 1, kPollMs) > 0;
}

// Moves what is there; false at the end of the stream.
bool Move(int from, int to, std::string* seen) {
  std::array<char, 65536> buffer{};
  const ssize_t size = read(from, buffer.data(), buffer.size());
  if (size <= 0) return false;
  if (seen != nullptr) seen->assign(buffer.data(), static_cast<std::size_t>(size));
  return to < 0 || send(to, buffer.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL) == size;
}

}  // namespace

CommitBreaker::CommitBreaker(std::string server)
    : server_(std::move(server)), listener_(socket(AF_UNIX, SOCK_STREAM, 0)) {
  const sockaddr_un address = AddressOf(folder_.path());
  bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  listen(listener_, 16);
  thread_ = std::thread([this] { Accept(); });
}

CommitBreaker::~CommitBreaker() {
  stopping_ = true;
  thread_.join();
  for (std::thread& session : sessions_) session.join();
  close(listener_);
}

void CommitBreaker::Accept() {
  while (!stopping_) {
    if (!Readable(listener_)) continue;
    const int client = accept(listener_, nullptr, nullptr);
    if (refusing_) {
      close(client);
    } else {
      sessions_.emplace_back([this, client] { Serve(client); });
    }
  }
}

void CommitBreaker::Serve(int client) {
  const int server = socket(AF_UNIX, SOCK_STREAM, 0);
  const sockaddr_un address = AddressOf(server_);
  bool open = connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  while (open && !stopping_) {
    if (Readable(server)) open = Move(server, client, nullptr);
    if (!open || !Readable(client)) continue;
    std::array<char, 65536> buffer{};
    const ssize_t peeked = recv(client, buffer.data(), buffer.size(), MSG_PEEK);
    const Mode mode = mode_;
    const std::string words(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(peeked, 0)));
    const bool commit = words.find(kCommit) != std::string::npos;
    if (!commit || mode == Mode::kPass) {
      open = Move(client, server, nullptr);
      continue;
    }
    if (mode != Mode::kBeforeCommit) {
      Move(client, server, nullptr);
      std::string answer;
      Move(server, -1, &answer);  // the commit has taken place
    }
    refusing_ = mode == Mode::kAfterCommitForGood;
    mode_ = Mode::kPass;
    open = false;
  }
  close(server);
  close(client);
}

}  // namespace perennial::testing
