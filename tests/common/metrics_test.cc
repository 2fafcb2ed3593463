#include "common/server/metrics.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace perennial {
namespace {

using ::testing::HasSubstr;

std::string Fetch(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string out;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    const std::string request = "GET /metrics HTTP/1.0\r\n\r\n";
    (void)!write(fd, request.data(), request.size());
    char buffer[4096];
    for (ssize_t size = 0; (size = read(fd, buffer, sizeof(buffer))) > 0;)
      out.append(buffer, static_cast<std::size_t>(size));
  }
  close(fd);
  return out;
}

TEST(MetricsTest, AreServedAsPrometheusReadsThem) {
  Metrics metrics;
  metrics.Counter("perennial_test_calls_total", "Calls.", {{"result", "ok"}}).Increment(3);
  double level = 1;
  metrics.GaugeFrom("perennial_test_level", "Level.", {}, [&] { return level; });
  metrics.CounterFrom("perennial_test_seen_total", "Seen.", {{"by", "a"}}, [] { return 7; });
  metrics.CounterFrom("perennial_test_seen_total", "Seen.", {{"by", "b"}}, [] { return 8; });
  ASSERT_TRUE(metrics.Serve("127.0.0.1", 0).ok());
  level = 2.5;
  const std::string text = Fetch(metrics.port());
  EXPECT_THAT(text, HasSubstr("200 OK"));
  EXPECT_THAT(text,
              HasSubstr("# TYPE perennial_test_calls_total counter\nperennial_test_calls_total{result=\"ok\"} 3"));
  EXPECT_THAT(text, HasSubstr("# TYPE perennial_test_level gauge\nperennial_test_level 2.5"));
  EXPECT_THAT(text, HasSubstr("perennial_test_seen_total{by=\"a\"} 7\nperennial_test_seen_total{by=\"b\"} 8"));
}

TEST(MetricsTest, GiveTheSameNumberForTheSameNameAndLabels) {
  Metrics metrics;
  metrics.Counter("perennial_test_total", "Calls.", {{"a", "1"}}).Increment();
  metrics.Counter("perennial_test_total", "Calls.", {{"a", "1"}}).Increment();
  metrics.Histogram("perennial_test_seconds", "Time.", {0.1, 1}).Observe(0.5);
  EXPECT_THAT(metrics.Text(), HasSubstr("perennial_test_total{a=\"1\"} 2"));
  EXPECT_THAT(metrics.Text(), HasSubstr("perennial_test_seconds_bucket{le=\"1\"} 1"));
}

TEST(MetricsTest, SayWhenAPortIsTaken) {
  Metrics first;
  ASSERT_TRUE(first.Serve("127.0.0.1", 0).ok());
  Metrics second;
  const absl::Status status = second.Serve("127.0.0.1", first.port());
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("127.0.0.1:", first.port())));
}

}  // namespace
}  // namespace perennial
