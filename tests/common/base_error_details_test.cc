#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "google/rpc/error_details.pb.h"
#include "tests/testing/status_matchers.h"

namespace perennial {
namespace {

using perennial::testing::HasCode;
using perennial::testing::IsOk;

template <class Detail>
Detail DetailOf(const absl::Status& status) {
  Detail detail;
  const auto payload = status.GetPayload("type.googleapis.com/" + Detail::descriptor()->full_name());
  EXPECT_TRUE(payload.has_value()) << Detail::descriptor()->full_name();
  EXPECT_TRUE(detail.ParseFromString(std::string(payload.value_or(absl::Cord()))));
  return detail;
}

TEST(BadRequestTest, IsOkWhenNothingIsWrong) {
  BadRequest bad;
  bad.AddIfError("name", absl::OkStatus());
  EXPECT_TRUE(bad.empty());
  EXPECT_THAT(bad.ToStatus(), IsOk());
}

TEST(BadRequestTest, NamesEveryFieldAtOnce) {
  BadRequest bad;
  bad.Add("account.id", "is required");
  bad.AddIfError("filter", absl::InvalidArgumentError("unknown fact 'x' at 1:1"));
  const absl::Status status = bad.ToStatus();
  EXPECT_THAT(status, HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(status.message(), "account.id is required; filter unknown fact 'x' at 1:1");
  const auto detail = DetailOf<google::rpc::BadRequest>(status);
  ASSERT_EQ(detail.field_violations_size(), 2);
  EXPECT_EQ(detail.field_violations(0).field(), "account.id");
  EXPECT_EQ(detail.field_violations(1).description(), "unknown fact 'x' at 1:1");
  const auto info = DetailOf<google::rpc::ErrorInfo>(status);
  EXPECT_EQ(info.reason(), "INVALID_FIELDS");
  EXPECT_EQ(info.domain(), "perennial");
}

TEST(BadRequestTest, FitsIntoTrailersHoweverMuchIsWrong) {
  BadRequest bad;
  for (int i = 0; i < 1000; ++i) bad.Add(absl::StrCat("records[", i, "].id"), "is required");
  const absl::Status status = bad.ToStatus();
  EXPECT_LE(status.message().size(), 1100U);
  EXPECT_EQ(DetailOf<google::rpc::BadRequest>(status).field_violations_size(), 32);
}

TEST(ErrorDetailsTest, KeepMessageAndCode) {
  const absl::Status status = WithRetryAfter(WithReason(absl::UnavailableError("try again"), "SHARD_MOVED"), 1500);
  EXPECT_THAT(status, HasCode(absl::StatusCode::kUnavailable));
  EXPECT_EQ(status.message(), "try again");
  EXPECT_EQ(DetailOf<google::rpc::ErrorInfo>(status).reason(), "SHARD_MOVED");
  const auto retry = DetailOf<google::rpc::RetryInfo>(status);
  EXPECT_EQ(retry.retry_delay().seconds(), 1);
  EXPECT_EQ(retry.retry_delay().nanos(), 500000000);
}

}  // namespace
}  // namespace perennial
