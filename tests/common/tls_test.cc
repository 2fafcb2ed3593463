#include "common/server/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/server/server.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "tests/testing/certificates.h"

namespace perennial {
namespace {

using ::testing::HasSubstr;
using testing::Authority;
using testing::TemporaryFolder;

bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

class TlsTest : public ::testing::Test {
 protected:
  // The certificate of `name`, as everybody's.
  void Install(const std::string& name) const { Install(name, name); }
  void Install(const std::string& certificate, const std::string& key) const {
    Copy(folder_.path() + "/" + key + ".key", files_.key);
    Copy(folder_.path() + "/" + certificate + ".pem", files_.certificate);
  }
  static void Copy(const std::string& from, const std::string& to) {
    std::filesystem::copy_file(from, to + ".new");
    std::filesystem::rename(to + ".new", to);
  }
  [[nodiscard]] std::shared_ptr<Tls> Load(const Tls::Files& files) const {
    auto tls = Tls::Load(files, std::chrono::milliseconds(5));
    EXPECT_TRUE(tls.ok()) << tls.status();
    return tls.ok() ? *tls : nullptr;
  }
  static grpc::Status Check(int port, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
                            const std::string& host = "localhost") {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
    const auto channel = grpc::CreateCustomChannel(absl::StrCat(host, ":", port), credentials, arguments);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    grpc::health::v1::HealthCheckResponse response;
    return grpc::health::v1::Health::NewStub(channel)->Check(&context, {}, &response);
  }
  static std::unique_ptr<Server> Serve(const ServerOptions& options) {
    auto server = Server::Start(options, {}, {});
    EXPECT_TRUE(server.ok()) << server.status();
    return *std::move(server);
  }

  const TemporaryFolder folder_;
  const Authority authority_{folder_.path(), "ca"};
  const Tls::Files files_{.certificate = folder_.path() + "/tls.pem",
                          .key = folder_.path() + "/tls.key",
                          .authority = authority_.certificate()};
};

TEST_F(TlsTest, LetsInWhoHasACertificateOfTheAuthorityOnly) {
  authority_.Sign(folder_.path() + "/a");
  Install("a");
  const auto tls = Load(files_);
  const auto server = Serve({.tls = tls});
  EXPECT_TRUE(Check(server->port(), tls->ForChannel()).ok());
  EXPECT_TRUE(Check(server->port(), tls->ForSelf(), "127.0.0.1").ok());
  EXPECT_EQ(Check(server->port(), grpc::InsecureChannelCredentials()).error_code(), grpc::StatusCode::UNAVAILABLE);
  grpc::SslCredentialsOptions without_certificate;
  without_certificate.pem_root_certs = testing::ReadFile(files_.authority);
  EXPECT_EQ(Check(server->port(), grpc::SslCredentials(without_certificate)).error_code(), grpc::StatusCode::UNAVAILABLE)
      << "a client without a certificate";
  const Authority stranger(folder_.path(), "other");
  stranger.Sign(folder_.path() + "/s");
  const auto others = Load({.certificate = folder_.path() + "/s.pem",
                            .key = folder_.path() + "/s.key",
                            .authority = stranger.certificate()});
  EXPECT_EQ(Check(server->port(), others->ForChannel()).error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Check(server->port(), others->ForSelf()).error_code(), grpc::StatusCode::UNAVAILABLE)
      << "a client with another authority's certificate";
}

TEST_F(TlsTest, AnswersProbesWithoutACertificateOnTheirPortOnly) {
  authority_.Sign(folder_.path() + "/a");
  Install("a");
  const auto server = Serve({.tls = Load(files_), .probe_port = 0});
  EXPECT_TRUE(Check(server->probe_port(), grpc::InsecureChannelCredentials()).ok());
  EXPECT_FALSE(Check(server->port(), grpc::InsecureChannelCredentials()).ok());
}

TEST_F(TlsTest, UsesANewPairWithoutARestart) {
  authority_.Sign(folder_.path() + "/a");
  authority_.Sign(folder_.path() + "/b", 2);
  Install("a");
  const auto tls = Load(files_);
  const absl::Time before = tls->expiry();
  const auto server = Serve({.tls = tls});
  EXPECT_TRUE(Check(server->port(), tls->ForChannel()).ok());
  Install("b");
  ASSERT_TRUE(Eventually([&] { return tls->taken() == 1; }));
  EXPECT_GT(tls->expiry(), before);
  EXPECT_TRUE(Check(server->port(), tls->ForChannel()).ok());
}

TEST_F(TlsTest, UsesANewAuthorityWithoutARestart) {
  authority_.Sign(folder_.path() + "/a");
  Install("a");
  const Authority next(folder_.path(), "next");
  next.Sign(folder_.path() + "/n");
  Tls::Files files = files_;
  files.authority = folder_.path() + "/trusted";
  Copy(authority_.certificate(), files.authority);
  const auto tls = Load(files);
  const auto server = Serve({.tls = tls});
  const auto newcomer =
      Load({.certificate = folder_.path() + "/n.pem", .key = folder_.path() + "/n.key", .authority = next.certificate()});
  EXPECT_FALSE(Check(server->port(), newcomer->ForSelf()).ok());
  Copy(next.certificate(), folder_.path() + "/both");
  std::FILE* both = std::fopen((folder_.path() + "/both").c_str(), "a");
  std::fputs(testing::ReadFile(authority_.certificate()).c_str(), both);
  std::fclose(both);
  Copy(folder_.path() + "/both", files.authority);
  EXPECT_TRUE(Eventually([&] { return Check(server->port(), newcomer->ForSelf()).ok(); }));
  EXPECT_TRUE(Check(server->port(), tls->ForSelf()).ok()) << "the old one is trusted too";
}

TEST_F(TlsTest, NeverUsesABadPair) {
  authority_.Sign(folder_.path() + "/a");
  authority_.Sign(folder_.path() + "/b");
  authority_.Sign(folder_.path() + "/expired", -1);
  const Authority stranger(folder_.path(), "other");
  stranger.Sign(folder_.path() + "/s");
  Install("a");
  const auto tls = Load(files_);
  const absl::Time before = tls->expiry();
  const auto server = Serve({.tls = tls});
  int refused = 0;
  const auto expect_refused = [&](const char* why) {
    ++refused;
    EXPECT_TRUE(Eventually([&] { return tls->refused() >= refused; })) << why;
    refused = static_cast<int>(tls->refused());
    EXPECT_TRUE(Check(server->port(), tls->ForChannel()).ok()) << why;
    EXPECT_EQ(tls->expiry(), before) << why;
  };
  Install("a", "b");
  expect_refused("the key of another");
  Install("expired");
  expect_refused("expired");
  Install("s");
  expect_refused("signed by a stranger");
  std::filesystem::resize_file(files_.certificate, 100);
  expect_refused("cut off");
  std::filesystem::remove(files_.certificate);
  expect_refused("absent");
  EXPECT_EQ(tls->taken(), 0);
}

TEST_F(TlsTest, SaysWhatIsWrongAtTheStart) {
  authority_.Sign(folder_.path() + "/a");
  authority_.Sign(folder_.path() + "/b");
  Install("a", "b");
  const absl::Status mismatch = Tls::Load(files_).status();
  EXPECT_EQ(mismatch.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(mismatch.message()), HasSubstr("not that of the certificate"));
  const absl::Status absent =
      Tls::Load({.certificate = files_.certificate, .key = folder_.path() + "/none", .authority = files_.authority}).status();
  EXPECT_THAT(std::string(absent.message()), HasSubstr("/none"));
}

}  // namespace
}  // namespace perennial
