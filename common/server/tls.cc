#include "common/server/tls.h"

#include <fcntl.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/server/file_watcher.h"

namespace perennial {
namespace {

namespace tls = grpc::experimental;

// A file in memory whose whole content is replaced at once, for gRPC to read: this version of gRPC takes new certificates
// from files only.
//
// gRPC reads a file, and compares its time before and after, in seconds; so each content has a time of its own.
class MemoryFile {
 public:
  MemoryFile() = default;
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() {
    if (fd_ >= 0) close(fd_);
  }

  absl::Status Replace(const std::string& content) {
    const int fresh = memfd_create("perennial", MFD_CLOEXEC);
    if (fresh < 0) return Failed("memfd_create");
    std::size_t written = 0;
    while (written < content.size()) {
      const ssize_t size = write(fresh, content.data() + written, content.size() - written);
      if (size <= 0) break;
      written += static_cast<std::size_t>(size);
    }
    const timespec times[2] = {{++generation_, 0}, {generation_, 0}};
    if (written < content.size() || futimens(fresh, times) != 0) {
      close(fresh);
      return Failed("write");
    }
    if (fd_ < 0) {
      fd_ = fresh;
      return absl::OkStatus();
    }
    const bool replaced = dup3(fresh, fd_, O_CLOEXEC) >= 0;
    close(fresh);
    return replaced ? absl::OkStatus() : Failed("dup3");
  }

  [[nodiscard]] std::string path() const { return absl::StrCat("/proc/self/fd/", fd_); }

 private:
  static absl::Status Failed(const char* what) {
    return absl::UnavailableError(absl::StrCat("cannot keep certificates in memory: ", what, ": ", strerror(errno)));
  }
  int fd_ = -1;
  time_t generation_ = 1;
};

class WatchedTls final : public Tls {
 public:
  explicit WatchedTls(bool mutual) : mutual_(mutual) {}

  absl::Status Start(const Files& files, std::chrono::milliseconds interval) {
    std::vector<std::string> paths = {files.certificate, files.key};
    if (mutual_) paths.push_back(files.authority);
    std::vector<std::string> contents;
    for (const std::string& path : paths) {
      PERENNIAL_ASSIGN_OR_RETURN(std::string content, ReadFile(path));
      contents.push_back(std::move(content));
    }
    const absl::Status status = Take(contents);
    if (!status.ok()) {
      return absl::FailedPreconditionError(
          absl::StrCat(files.certificate, " and ", files.key, ": ", std::string(status.message())));
    }
    // One second is the shortest that gRPC looks.
    provider_ = mutual_ ? std::make_shared<tls::FileWatcherCertificateProvider>(identity_.path(), identity_.path(),
                                                                                authority_.path(), 1)
                        : std::make_shared<tls::FileWatcherCertificateProvider>(identity_.path(), identity_.path(), 1);
    watcher_ = std::make_unique<FileWatcher>(std::move(paths), std::move(contents), interval,
                                             [this](const std::vector<std::string>& changed) { return Take(changed); });
    return absl::OkStatus();
  }

  [[nodiscard]] std::shared_ptr<grpc::ServerCredentials> ForServer() const override {
    tls::TlsServerCredentialsOptions options(provider_);
    options.watch_identity_key_cert_pairs();
    if (mutual_) options.watch_root_certs();
    options.set_cert_request_type(mutual_ ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                                          : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
    // Who calls is told by the authority's signature, not by a name in the certificate.
    options.set_certificate_verifier(std::make_shared<tls::NoOpCertificateVerifier>());
    return tls::TlsServerCredentials(options);
  }
  [[nodiscard]] std::shared_ptr<grpc::ChannelCredentials> ForChannel() const override {
    tls::TlsChannelCredentialsOptions options = ChannelOptions();
    if (mutual_) options.watch_root_certs();
    options.set_certificate_verifier(std::make_shared<tls::HostNameCertificateVerifier>());
    return tls::TlsCredentials(options);
  }
  [[nodiscard]] std::shared_ptr<grpc::ChannelCredentials> ForSelf() const override {
    tls::TlsChannelCredentialsOptions options = ChannelOptions();
    options.set_verify_server_certs(false);
    options.set_check_call_host(false);
    options.set_certificate_verifier(std::make_shared<tls::NoOpCertificateVerifier>());
    return tls::TlsCredentials(options);
  }

  [[nodiscard]] std::shared_ptr<const Identity> identity() const override {
    MutexLock lock(mu_);
    return in_use_;
  }
  [[nodiscard]] absl::Time expiry() const override { return absl::FromUnixSeconds(expiry_); }
  [[nodiscard]] std::int64_t taken() const override { return watcher_->taken(); }
  [[nodiscard]] std::int64_t refused() const override { return watcher_->refused(); }

 private:
  [[nodiscard]] tls::TlsChannelCredentialsOptions ChannelOptions() const {
    tls::TlsChannelCredentialsOptions options;
    options.set_certificate_provider(provider_);
    options.watch_identity_key_cert_pairs();
    return options;
  }

  absl::Status Take(const std::vector<std::string>& contents) {
    const std::string authority = mutual_ ? contents[2] : std::string();
    if (mutual_ && authority.empty()) return absl::FailedPreconditionError("the authority's file is empty");
    PERENNIAL_ASSIGN_OR_RETURN(const absl::Time expiry, CheckCertificates(contents[0], contents[1], authority));
    if (mutual_) PERENNIAL_RETURN_IF_ERROR(authority_.Replace(authority));
    // In one file, so that no reader sees the one with the other's predecessor.
    PERENNIAL_RETURN_IF_ERROR(identity_.Replace(absl::StrCat(contents[0], "\n", contents[1])));
    expiry_ = absl::ToUnixSeconds(expiry);
    MutexLock lock(mu_);
    in_use_ = std::make_shared<const Identity>(Identity{.certificate = contents[0], .key = contents[1], .authority = authority});
    return absl::OkStatus();
  }

  const bool mutual_;
  MemoryFile identity_;
  MemoryFile authority_;
  std::atomic<std::int64_t> expiry_ = 0;
  mutable Mutex mu_;
  std::shared_ptr<const Identity> in_use_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<tls::CertificateProviderInterface> provider_;
  std::unique_ptr<FileWatcher> watcher_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<Tls>> Tls::Load(const Files& files, std::chrono::milliseconds interval) {
  auto tls = std::make_shared<WatchedTls>(!files.authority.empty());
  PERENNIAL_RETURN_IF_ERROR(tls->Start(files, interval));
  return tls;
}

}  // namespace perennial
