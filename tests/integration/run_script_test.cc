// ./run as its users run it: detached, asked for its status, stopped, started again on the same data.
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/integration/suite.h"

namespace perennial::testing {
namespace {

// The first of eight ports in a row that nobody listens on.
int FreePorts() {
  int first = FreePort();
  for (int last = first; last - first < 7;) {
    const int port = FreePort();
    if (port != last + 1) first = port;
    last = port;
  }
  return first;
}

TEST(RunScript, StartsReportsStopsAndStartsAgainOnTheSameData) {
  const TemporaryFolder folder;
  const std::string run = absl::StrCat(PERENNIAL_SOURCE_DIR, "/run");
  const std::vector<std::string> start = {run,      "--detach", "--empty", "--data", folder.path(),
                                          "--port", absl::StrCat(FreePorts()),
                                          "--now",  "2024-12-31T12:00:00Z"};
  for (int round = 0; round < 2; ++round) {
    const Finished started = RunToEnd(start);
    ASSERT_EQ(started.exit_code, 0) << started.out << started.err;
    EXPECT_TRUE(absl::StrContains(started.out, "grpcurl -plaintext")) << started.out;
    const Finished again = RunToEnd(start);
    EXPECT_EQ(again.exit_code, 1);
    EXPECT_TRUE(absl::StrContains(again.err, "already running")) << again.err;
    const Finished status = RunToEnd({run, "status", "--data", folder.path()});
    EXPECT_EQ(status.exit_code, 0) << status.out << status.err;
    EXPECT_TRUE(absl::StrContains(status.out, "segment-svc")) << status.out;
    const Finished stopped = RunToEnd({run, "stop", "--data", folder.path()});
    EXPECT_EQ(stopped.exit_code, 0) << stopped.out << stopped.err;
    EXPECT_EQ(RunToEnd({run, "status", "--data", folder.path()}).exit_code, 1);
  }
}

TEST(RunScript, SaysWhatIsWrongWithItsArguments) {
  const std::string run = absl::StrCat(PERENNIAL_SOURCE_DIR, "/run");
  const Finished unknown = RunToEnd({run, "--no-such"});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_TRUE(absl::StrContains(unknown.err, "unknown argument '--no-such'")) << unknown.err;
  const Finished port = RunToEnd({run, "--port", "x"});
  EXPECT_EQ(port.exit_code, 1);
  EXPECT_TRUE(absl::StrContains(port.err, "--port must be a number")) << port.err;
}

}  // namespace
}  // namespace perennial::testing
