// Spans on their way to a collector that listens for real.
#include "common/observability/span_exporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/operation/collector.h"
#include "tests/testing/process.h"
#include "tests/testing/status_matchers.h"

namespace perennial {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using testing::Collector;
using testing::ComesTrue;
using testing::HasCode;

Span SpanNumbered(int number, int code = 0) {
  return {.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736",
          .span_id = absl::StrCat("00f067aa0ba9", 1000 + number),
          .parent_id = "53995c3f42cd8ad8",
          .tracestate = "vendor=1",
          .service = "perennial.health.v1.HealthScoreService",
          .method = "GetHealthScore",
          .start = absl::FromUnixNanos(1700000000123456789),
          .end = absl::FromUnixNanos(1700000000223456789),
          .grpc_code = code};
}

SpanExporter::Options OptionsFor(const std::string& endpoint) {
  return {.collector = *TracesUrl(endpoint),
          .source = {.service_name = "health-svc", .version = "1.2.3", .instance = "a/1"},
          .interval = milliseconds(5),
          .first_pause = milliseconds(5),
          .longest_pause = milliseconds(20)};
}

TEST(TracesUrlTest, KnowsHostPortAndPath) {
  const auto plain = TracesUrl("http://collector");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->host, "collector");
  EXPECT_EQ(plain->port, 4318);
  EXPECT_EQ(plain->path, "/v1/traces");
  const auto full = TracesUrl("http://[::1]:14318/tenants/a/");
  ASSERT_TRUE(full.ok());
  EXPECT_EQ(full->host, "::1");
  EXPECT_EQ(full->port, 14318);
  EXPECT_EQ(full->path, "/tenants/a/v1/traces");
}

TEST(TracesUrlTest, RefusesWhatItCannotReach) {
  for (const char* bad : {"", "collector:4318", "http://", "http://:4318", "http://a:0", "http://a:65536", "http://a:b",
                          "http://u@a:1", "http://a/?x", "http://[::1", "http://a b", "ftp://a"}) {
    EXPECT_THAT(TracesUrl(bad), HasCode(absl::StatusCode::kInvalidArgument)) << bad;
  }
  EXPECT_THAT(std::string(TracesUrl("https://collector:4318").status().message()), HasSubstr("https"));
}

TEST(SpanExporterTest, TellsASpanAsTheProtocolSays) {
  Collector collector;
  SpanExporter exporter(OptionsFor(collector.url()));
  exporter.Offer(SpanNumbered(1, 5));
  ASSERT_TRUE(ComesTrue([&] { return exporter.sent() == 1; }));
  const auto post = collector.posts().at(0);
  EXPECT_EQ(post.target, "/v1/traces");
  EXPECT_EQ(post.content_type, "application/json");
  const auto told = collector.spans().at(0);
  EXPECT_EQ(told.service, "health-svc");
  EXPECT_EQ(told.span, nlohmann::json::parse(R"({
    "traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "spanId": "00f067aa0ba91001", "parentSpanId": "53995c3f42cd8ad8",
    "traceState": "vendor=1", "name": "perennial.health.v1.HealthScoreService/GetHealthScore", "kind": 2,
    "startTimeUnixNano": "1700000000123456789", "endTimeUnixNano": "1700000000223456789", "status": {},
    "attributes": [{"key": "rpc.system", "value": {"stringValue": "grpc"}},
                   {"key": "rpc.service", "value": {"stringValue": "perennial.health.v1.HealthScoreService"}},
                   {"key": "rpc.method", "value": {"stringValue": "GetHealthScore"}},
                   {"key": "rpc.grpc.status_code", "value": {"intValue": "5"}}]})"));
}

TEST(SpanExporterTest, MarksWhatIsTheServersFault) {
  Collector collector;
  SpanExporter exporter(OptionsFor(collector.url()));
  exporter.Offer(SpanNumbered(1, 13));
  ASSERT_TRUE(ComesTrue([&] { return exporter.sent() == 1; }));
  EXPECT_EQ(collector.spans().at(0).span["status"], nlohmann::json({{"code", 2}}));
}

TEST(SpanExporterTest, SendsManyAtOnceOverOneConnection) {
  Collector collector;
  SpanExporter exporter(OptionsFor(collector.url()));
  for (int i = 0; i < 2000; ++i) exporter.Offer(SpanNumbered(i));
  ASSERT_TRUE(ComesTrue([&] { return exporter.sent() == 2000; }));
  EXPECT_EQ(collector.spans().size(), 2000U);
  EXPECT_LT(collector.posts().size(), 500U);
  EXPECT_TRUE(ComesTrue([&] { return exporter.waiting() == 0; }));
}

TEST(SpanExporterTest, DropsAndCountsWhatIsTooMuchWhileTheCollectorIsAway) {
  SpanExporter::Options options = OptionsFor(absl::StrCat("http://127.0.0.1:", testing::FreePort()));
  options.most_waiting = 100;
  SpanExporter exporter(options);
  for (int i = 0; i < 250; ++i) exporter.Offer(SpanNumbered(i));
  EXPECT_EQ(exporter.dropped(), 150);
  EXPECT_EQ(exporter.waiting(), 100U);
  EXPECT_TRUE(ComesTrue([&] { return exporter.failures() > 1; }));
  EXPECT_EQ(exporter.waiting(), 100U);
  EXPECT_EQ(exporter.sent(), 0);
}

TEST(SpanExporterTest, SendsAgainWhatTheCollectorHadNoTimeFor) {
  Collector collector;
  collector.Answer(503);
  SpanExporter exporter(OptionsFor(collector.url()));
  exporter.Offer(SpanNumbered(1));
  ASSERT_TRUE(ComesTrue([&] { return exporter.failures() >= 2; }));
  collector.Answer(200);
  EXPECT_TRUE(ComesTrue([&] { return exporter.sent() == 1; }));
  EXPECT_EQ(collector.spans().size(), 1U);
  EXPECT_EQ(exporter.refused(), 0);
}

TEST(SpanExporterTest, NeverSendsAgainWhatTheCollectorRefuses) {
  Collector collector;
  collector.Answer(400);
  SpanExporter exporter(OptionsFor(collector.url()));
  exporter.Offer(SpanNumbered(1));
  ASSERT_TRUE(ComesTrue([&] { return exporter.refused() == 1; }));
  collector.Answer(200);
  exporter.Offer(SpanNumbered(2));
  ASSERT_TRUE(ComesTrue([&] { return exporter.sent() == 1; }));
  EXPECT_EQ(collector.spans().at(0).Text("spanId"), "00f067aa0ba91002");
}

TEST(SpanExporterTest, BelievesACollectorThatTakesAPart) {
  Collector collector;
  collector.Answer(200, R"({"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}})");
  SpanExporter::Options options = OptionsFor(collector.url());
  options.interval = milliseconds(50);
  SpanExporter exporter(options);
  for (int i = 0; i < 3; ++i) exporter.Offer(SpanNumbered(i));
  ASSERT_TRUE(ComesTrue([&] { return exporter.sent() + exporter.refused() >= 3; }));
  EXPECT_GE(exporter.refused(), 2);
}

TEST(SpanExporterTest, SendsWhatWaitsBeforeItEnds) {
  Collector collector;
  SpanExporter::Options options = OptionsFor(collector.url());
  {
    SpanExporter exporter(options);
    exporter.Offer(SpanNumbered(1));
    ASSERT_TRUE(ComesTrue([&] { return exporter.sent() == 1; }));
    for (int i = 2; i < 50; ++i) exporter.Offer(SpanNumbered(i));
  }
  std::set<std::string> ids;  // one may come twice
  for (const auto& told : collector.spans()) ids.insert(told.Text("spanId"));
  EXPECT_EQ(ids.size(), 49U);
}

TEST(SpanExporterTest, RecordsTheShareOfNewTracesThatItIsTold) {
  SpanExporter::Options options = OptionsFor("http://127.0.0.1:1");
  options.share = 0;
  const SpanExporter none(options);
  options.share = 1;
  const SpanExporter all(options);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_FALSE(none.SamplesNew());
    ASSERT_TRUE(all.SamplesNew());
  }
}

}  // namespace
}  // namespace perennial
