#include "gateway/http2/grpc_wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "gateway/http2/backend_pool.h"
#include "gateway/http2/idle_resets.h"
#include "tests/gateway/raw_http2.h"

namespace perennial::gateway::http2 {
namespace {

using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::Optional;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

TEST(GrpcTimeoutTest, IsReadInEachUnit) {
  EXPECT_THAT(ParseGrpcTimeout("2H"), Optional(Eq(nanoseconds(hours(2)))));
  EXPECT_THAT(ParseGrpcTimeout("3M"), Optional(Eq(nanoseconds(std::chrono::minutes(3)))));
  EXPECT_THAT(ParseGrpcTimeout("10S"), Optional(Eq(nanoseconds(std::chrono::seconds(10)))));
  EXPECT_THAT(ParseGrpcTimeout("250m"), Optional(Eq(nanoseconds(milliseconds(250)))));
  EXPECT_THAT(ParseGrpcTimeout("7u"), Optional(Eq(nanoseconds(7000))));
  EXPECT_THAT(ParseGrpcTimeout("0n"), Optional(Eq(nanoseconds(0))));
}

TEST(GrpcTimeoutTest, IsAbsentWhereTheTextIsNone) {
  for (const char* text : {"", "m", "1", "1x", "-1S", "+1S", " 1S", "1.5S", "123456789S", "99999999999H", "S1"}) {
    EXPECT_EQ(ParseGrpcTimeout(text), std::nullopt) << text;
  }
}

TEST(GrpcTimeoutTest, NeverOverflows) { EXPECT_GT(*ParseGrpcTimeout("99999999H"), nanoseconds(hours(24 * 365 * 100))); }

TEST(GrpcTimeoutTest, IsWrittenInAtMostEightDigitsAndNeverAsNothing) {
  EXPECT_EQ(PrintGrpcTimeout(milliseconds(250)), "250m");
  EXPECT_EQ(PrintGrpcTimeout(nanoseconds(1)), "1m");
  EXPECT_EQ(PrintGrpcTimeout(nanoseconds(-5)), "1m");
  EXPECT_EQ(PrintGrpcTimeout(hours(27)), "97200000m");
  EXPECT_EQ(PrintGrpcTimeout(hours(28)), "100800S");
  EXPECT_EQ(PrintGrpcTimeout(nanoseconds::max()), "99999999S");
}

TEST(GrpcMessageTest, SurvivesTheWireWhateverItHolds) {
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  EXPECT_EQ(DecodeGrpcMessage(EncodeGrpcMessage(all)), all);
  EXPECT_EQ(EncodeGrpcMessage("100 % ä\n"), "100 %25 %C3%A4%0A");
  for (const char c : EncodeGrpcMessage(all)) EXPECT_TRUE(c >= 0x20 && c <= 0x7e);
}

TEST(GrpcMessageTest, IsReadAsItIsWhereItIsNotEncodedWell) {
  EXPECT_EQ(DecodeGrpcMessage("50%"), "50%");
  EXPECT_EQ(DecodeGrpcMessage("%4"), "%4");
  EXPECT_EQ(DecodeGrpcMessage("%zz%41"), "%zzA");
  EXPECT_EQ(DecodeGrpcMessage("%41"), "A");
}

TEST(GrpcBinaryTest, IsBase64WithOrWithoutPadding) {
  const std::string bytes("\x00\xff\x10 details", 11);
  EXPECT_EQ(DecodeGrpcBinary(EncodeGrpcBinary(bytes)), bytes);
  EXPECT_EQ(EncodeGrpcBinary("a"), "YQ");
  EXPECT_EQ(DecodeGrpcBinary("YQ"), "a");
  EXPECT_EQ(DecodeGrpcBinary("YQ=="), "a");
  EXPECT_EQ(DecodeGrpcBinary("?"), "");
}

TEST(GrpcTrailersTest, SayWhatAStatusSays) {
  const grpc::Status status(grpc::StatusCode::NOT_FOUND, "no ‘acme’", std::string("\x08\x05", 2));
  const grpc::Status back = GrpcTrailers::Of(status).Decode();
  EXPECT_EQ(back.error_code(), status.error_code());
  EXPECT_EQ(back.error_message(), status.error_message());
  EXPECT_EQ(back.error_details(), status.error_details());
  EXPECT_TRUE(GrpcTrailers::Of(grpc::Status::OK).ok());
}

TEST(GrpcTrailersTest, AreUnknownWhereTheyAreNoCode) {
  for (const char* code : {"", "17", "-1", "ok", "1000000000000"}) {
    EXPECT_EQ((GrpcTrailers{.status = code, .message = "", .details = ""}.code()), grpc::StatusCode::UNKNOWN) << code;
  }
}

TEST(GrpcStatusTest, OfWhatIsNoAnswerOfGrpcFollowsItsTable) {
  EXPECT_EQ(StatusOfHttp("503").error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(StatusOfHttp("404").error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(StatusOfHttp("418").error_code(), grpc::StatusCode::UNKNOWN);
  EXPECT_THAT(StatusOfHttp("418").error_message(), HasSubstr("418"));
  EXPECT_EQ(StatusOfReset(Http2Stream::kLost).error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(StatusOfReset(NGHTTP2_REFUSED_STREAM).error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(StatusOfReset(NGHTTP2_CANCEL).error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(StatusOfReset(NGHTTP2_ENHANCE_YOUR_CALM).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(StatusOfReset(NGHTTP2_PROTOCOL_ERROR).error_code(), grpc::StatusCode::INTERNAL);
}

TEST(TargetTest, IsReadAsGrpcWritesIt) {
  const auto plain = Target::Parse("accounts:50051");
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->host, "accounts");
  EXPECT_EQ(plain->port, "50051");
  EXPECT_EQ(plain->authority, "accounts:50051");
  const auto dns = Target::Parse("dns:///accounts-pods:50051");
  ASSERT_TRUE(dns.has_value());
  EXPECT_EQ(dns->host, "accounts-pods");
  EXPECT_EQ(dns->authority, "accounts-pods:50051");
  const auto list = Target::Parse("ipv4:10.0.0.1:1,10.0.0.2:2");
  ASSERT_TRUE(list.has_value());
  EXPECT_THAT(list->addresses, ElementsAre("10.0.0.1:1", "10.0.0.2:2"));
  EXPECT_EQ(list->host, "");
  const auto six = Target::Parse("[::1]:50051");
  ASSERT_TRUE(six.has_value());
  EXPECT_EQ(six->host, "::1");
}

TEST(TargetTest, IsNothingWithoutAPort) {
  for (const char* text : {"", "accounts", "accounts:", ":50051", "ipv4:10.0.0.1", "ipv4:", "dns:///accounts", "[::1:5"}) {
    EXPECT_FALSE(Target::Parse(text).has_value()) << text;
  }
}

// What is left of `bytes` when they come in pieces of `size`.
std::string WithoutIdleResets(const std::string& bytes, std::size_t size) {
  IdleResets filter;
  std::string out;
  std::string held;
  for (std::size_t at = 0; at < bytes.size(); at += size) {
    held += bytes.substr(at, size);
    held.erase(0, filter.Pass(held, [&](absl::string_view piece) {
      out.append(piece.data(), piece.size());
      return true;
    }));
  }
  return out + held;
}

TEST(IdleResetsTest, AreLeftOutAndNothingElseHoweverTheyCome) {
  using perennial::gateway::testing::RawHttp2;
  const auto fields = RawHttp2::Call("/a/b");
  const std::string first = RawHttp2::Preface() + RawHttp2::Headers(1, fields, false) + RawHttp2::Frame(RawHttp2::kData, 0, 1, "abc");
  const std::string second = RawHttp2::Reset(1) + RawHttp2::Headers(5, fields, true) + RawHttp2::Reset(3);
  const std::string idle = RawHttp2::Reset(3) + RawHttp2::Reset(5);
  for (const std::size_t size : {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{13}, std::size_t{1000}}) {
    EXPECT_EQ(WithoutIdleResets(first + idle + second + RawHttp2::Reset(7), size), first + second) << size;
  }
}

TEST(IdleResetsTest, StopWhenNothingMoreIsWanted) {
  IdleResets filter;
  int fed = 0;
  using perennial::gateway::testing::RawHttp2;
  const std::string bytes = RawHttp2::Preface() + RawHttp2::Reset(1) + RawHttp2::Preface();
  EXPECT_EQ(filter.Pass(bytes, [&](absl::string_view) { return ++fed > 1; }), bytes.size());
  EXPECT_EQ(fed, 1);
}

}  // namespace
}  // namespace perennial::gateway::http2
