// HTTP of the gateway, encrypted with a certificate that changes while it runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "common/server/tls.h"
#include "gateway/gateway.h"
#include "gateway/http/http_server.h"
#include "tests/operation/collector.h"
#include "tests/testing/certificates.h"

namespace perennial::gateway {
namespace {

namespace asio = boost::asio;
namespace bhttp = boost::beast::http;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ComesTrue;
using perennial::testing::Authority;
using perennial::testing::TemporaryFolder;

// One connection of a client that trusts `authority`.
class HttpsClient {
 public:
  HttpsClient(int port, const std::string& authority) {
    tls_.load_verify_file(authority);
    tls_.set_verify_mode(asio::ssl::verify_peer);
    stream_ = std::make_unique<asio::ssl::stream<asio::ip::tcp::socket>>(context_, tls_);
    stream_->next_layer().connect({asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(port)});
    stream_->handshake(asio::ssl::stream_base::client, error_);
  }
  [[nodiscard]] bool trusted() const { return !error_; }
  // Serial number of the server's certificate.
  [[nodiscard]] std::string Serial() const {
    X509* const certificate = SSL_get1_peer_certificate(stream_->native_handle());
    if (certificate == nullptr) return "";
    BIGNUM* const number = ASN1_INTEGER_to_BN(X509_get_serialNumber(certificate), nullptr);
    char* const text = BN_bn2hex(number);
    std::string serial = text;
    OPENSSL_free(text);
    BN_free(number);
    X509_free(certificate);
    return serial;
  }
  void Begin(const std::string& target, const std::string& body = "") {
    bhttp::request<bhttp::string_body> request(bhttp::verb::post, target, 11);
    request.set(bhttp::field::host, "localhost");
    request.body() = body;
    request.prepare_payload();
    bhttp::write(*stream_, request, error_);
  }
  // Status and body; 0 when the connection ended.
  std::pair<int, std::string> Read() {
    bhttp::response<bhttp::string_body> response;
    bhttp::read(*stream_, buffer_, response, error_);
    if (error_) return {0, error_.message()};
    return {static_cast<int>(response.result_int()), response.body()};
  }
  std::pair<int, std::string> Post(const std::string& target, const std::string& body = "") {
    Begin(target, body);
    return Read();
  }
  // Whether the server said that it ends the connection before it did.
  bool EndsProperly() {
    char byte = 0;
    stream_->read_some(asio::buffer(&byte, 1), error_);
    return error_ == asio::error::eof;  // and not "stream truncated"
  }
  void Leave() { stream_->next_layer().close(); }

 private:
  asio::io_context context_;
  asio::ssl::context tls_{asio::ssl::context::tls_client};
  std::unique_ptr<asio::ssl::stream<asio::ip::tcp::socket>> stream_;
  boost::beast::flat_buffer buffer_;
  boost::system::error_code error_;
};

class HttpsTest : public ::testing::Test {
 protected:
  HttpsTest() {
    authority_.Sign(folder_.path() + "/a");
    authority_.Sign(folder_.path() + "/b");
    Install("a", "a");
    auto tls = Tls::Load({.certificate = folder_.path() + "/tls.pem", .key = folder_.path() + "/tls.key", .authority = ""},
                         std::chrono::milliseconds(5));
    EXPECT_TRUE(tls.ok()) << tls.status();
    tls_ = *std::move(tls);
    Start();
  }

  void Install(const std::string& certificate, const std::string& key) const {
    const auto copy = [&](const std::string& from, const std::string& to) {
      std::filesystem::copy_file(folder_.path() + from, folder_.path() + to + ".new");
      std::filesystem::rename(folder_.path() + to + ".new", folder_.path() + to);
    };
    copy("/" + key + ".key", "/tls.key");
    copy("/" + certificate + ".pem", "/tls.pem");
  }
  void Start() {
    auto server = http::HttpServer::Start({.port = 0, .tls = tls_}, [this](std::shared_ptr<http::HttpExchange> exchange) {
      Handle(std::move(exchange));
    });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  void Handle(std::shared_ptr<http::HttpExchange> exchange) {
    const std::string path = exchange->request().path;
    if (path == "/wait") {
      exchange->OnClosed([this] { ++left_; });
      const std::lock_guard lock(mu_);
      waiting_ = std::move(exchange);
    } else if (path == "/stream") {
      exchange->StartStream(200, {});
      exchange->Write("one ", [exchange](bool) { exchange->End("two"); });
    } else {
      exchange->Respond(200, {}, "got " + exchange->request().body);
    }
  }
  [[nodiscard]] HttpsClient Connect() const { return HttpsClient(server_->port(), authority_.certificate()); }

  const TemporaryFolder folder_;
  const Authority authority_{folder_.path(), "ca"};
  std::atomic<int> left_ = 0;
  std::mutex mu_;
  std::shared_ptr<http::HttpExchange> waiting_;
  std::shared_ptr<Tls> tls_;
  std::unique_ptr<http::HttpServer> server_;
};

TEST_F(HttpsTest, ServesManyRequestsOnOneConnection) {
  HttpsClient client = Connect();
  ASSERT_TRUE(client.trusted());
  EXPECT_EQ(client.Post("/", "this").second, "got this");
  const std::string large(900'000, 'x');
  EXPECT_EQ(client.Post("/", large).second, "got " + large);
}

TEST_F(HttpsTest, StreamsAndSaysThatItEnds) {
  HttpsClient client = Connect();
  EXPECT_EQ(client.Post("/stream").second, "one two");
  EXPECT_TRUE(client.EndsProperly());
}

TEST_F(HttpsTest, NoticesAClientThatLeaves) {
  HttpsClient client = Connect();
  client.Begin("/wait");
  ASSERT_TRUE(ComesTrue([&] {
    const std::lock_guard lock(mu_);
    return waiting_ != nullptr;
  }));
  client.Leave();
  EXPECT_TRUE(ComesTrue([&] { return left_ == 1; }));
  const std::lock_guard lock(mu_);
  waiting_ = nullptr;
}

TEST_F(HttpsTest, NewConnectionsGetTheNewCertificateAndOldOnesGoOn) {
  HttpsClient old = Connect();
  const std::string before = old.Serial();
  Install("b", "b");
  ASSERT_TRUE(ComesTrue([&] { return tls_->taken() > 0 && Connect().Serial() != before; }));
  EXPECT_EQ(old.Post("/", "still").second, "got still");
}

TEST_F(HttpsTest, APairThatDoesNotFitNeverReplacesOneThatDoes) {
  const std::string before = Connect().Serial();
  Install("b", "a");
  ASSERT_TRUE(ComesTrue([&] { return tls_->refused() > 0; }));
  HttpsClient client = Connect();
  EXPECT_TRUE(client.trusted());
  EXPECT_EQ(client.Serial(), before);
}

TEST_F(HttpsTest, ClearTextIsNotServedAndHoldsUpNobody) {
  asio::io_context context;
  asio::ip::tcp::socket clear(context);
  clear.connect({asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(server_->port())});
  asio::write(clear, asio::buffer(std::string("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")));
  std::string answer;
  boost::system::error_code error;
  asio::read(clear, asio::dynamic_buffer(answer), error);
  EXPECT_THAT(answer, Not(HasSubstr("HTTP/1.1")));
  EXPECT_EQ(Connect().Post("/", "this").second, "got this");
}

TEST_F(HttpsTest, StopsWithConnectionsThatRest) {
  HttpsClient client = Connect();
  ASSERT_EQ(client.Post("/", "this").first, 200);
  server_->Stop();
  EXPECT_EQ(client.Post("/", "that").first, 0);
}

// Where /metrics is, of a gateway whose services are away.
class MetricsPortTest : public ::testing::Test {
 protected:
  static std::unique_ptr<Gateway> Start(int metrics_port) {
    GatewayOptions options;
    options.accounts = options.health = options.segments = "127.0.0.1:1";
    options.http.emplace();
    options.http->port = 0;
    options.metrics_port = metrics_port;
    auto gateway = Gateway::Start(options);
    EXPECT_TRUE(gateway.ok()) << gateway.status();
    return *std::move(gateway);
  }
  static std::string Get(int port) {
    asio::io_context context;
    asio::ip::tcp::socket socket(context);
    socket.connect({asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(port)});
    asio::write(socket, asio::buffer(std::string("GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")));
    std::string answer;
    boost::system::error_code error;
    asio::read(socket, asio::dynamic_buffer(answer), error);
    return answer;
  }
};

TEST_F(MetricsPortTest, OfItsOwnTakesThemAwayFromWhereClientsAre) {
  const auto gateway = Start(0);
  ASSERT_GT(gateway->metrics_port(), 0);
  EXPECT_THAT(Get(gateway->metrics_port()), HasSubstr("perennial_gateway_calls_under_way"));
  EXPECT_THAT(Get(gateway->http_port()), HasSubstr("404"));
}

TEST_F(MetricsPortTest, WithoutOneTheyAreBesideTheApi) {
  const auto gateway = Start(-1);
  EXPECT_EQ(gateway->metrics_port(), 0);
  EXPECT_THAT(Get(gateway->http_port()), HasSubstr("perennial_gateway_calls_under_way"));
}

}  // namespace
}  // namespace perennial::gateway
