#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/sha256.h"
#include "gateway/identity/authenticator.h"
#include "gateway/identity/token_list.h"
#include "tests/gateway/fake_services.h"
#include "tests/gateway/token_maker.h"
#include "tests/testing/process.h"

namespace perennial::gateway::testing {
namespace {

using ::perennial::testing::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string HashOf(absl::string_view token) { return Sha256().Add(token).HexDigest(); }

// As whoever manages secrets should: a reader sees the one or the other.
void Replace(const std::string& path, const std::string& content) {
  std::ofstream(path + ".new") << content;
  std::rename((path + ".new").c_str(), path.c_str());
}

TEST(TokenListTest, FindsWhoseTokenItIs) {
  const auto list = TokenList::Parse(absl::StrCat("# people\n\nada editor ", HashOf("secret-a"), "\r\n  bob\tviewer  ",
                                                  HashOf("secret-b"), " 2030-01-01T00:00:00Z\n"));
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(list->size(), 2u);
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  EXPECT_EQ(list->Find("secret-a", now)->name, "ada");
  EXPECT_EQ(list->Find("secret-a", now)->role, Role::kEditor);
  EXPECT_EQ(list->Find("secret-b", now)->role, Role::kViewer);
  EXPECT_FALSE(list->Find("secret-b", absl::FromUnixSeconds(1'893'456'000)).has_value()) << "its time is over";
  EXPECT_FALSE(list->Find("secret-", now).has_value());
  EXPECT_FALSE(list->Find("", now).has_value());
  EXPECT_FALSE(list->Find(HashOf("secret-a"), now).has_value()) << "the hash is no token";
}

TEST(TokenListTest, NamesEveryBadLineAndNoSecret) {
  const auto list = TokenList::Parse(absl::StrCat("ada king ", HashOf("x"), "\nbob viewer hunter2\nonly-a-name\neve viewer ",
                                                  HashOf("y"), " tomorrow"));
  ASSERT_FALSE(list.ok());
  EXPECT_THAT(std::string(list.status().message()),
              AllOf(HasSubstr("line 1"), HasSubstr("line 2"), HasSubstr("line 3"), HasSubstr("line 4"),
                    Not(HasSubstr("hunter2"))));
}

class AuthenticatorTest : public ::testing::Test {
 protected:
  AuthenticatorTest() {
    Replace(options_.tokens, absl::StrCat("ada editor ", HashOf("one"), "\n"));
    Replace(options_.key_set, maker_.KeySet());
    auto loaded = Authenticator::Load(options_);
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    authenticator_ = *std::move(loaded);
  }
  std::string WebToken() const {
    return maker_.Sign({{"iss", "us"}, {"aud", "perennial"}, {"sub", "eve"}, {"role", "viewer"},
                        {"exp", absl::ToUnixSeconds(absl::Now()) + 600}});
  }
  bool Takes(const std::string& token) {
    const std::string header = "Bearer " + token;
    return authenticator_->Authenticate({header}, absl::Now()).ok();
  }

  const TemporaryFolder folder_;
  const TokenMaker maker_{TokenMaker::Kind::kEc, "k1"};
  IdentityOptions options_{.tokens = folder_.path() + "/tokens",
                           .key_set = folder_.path() + "/jwks",
                           .web_tokens = {.issuer = "us", .audience = "perennial"},
                           .reload_interval = std::chrono::milliseconds(5)};
  std::unique_ptr<Authenticator> authenticator_;
};

TEST_F(AuthenticatorTest, TakesOneBearerTokenOfEitherKind) {
  EXPECT_TRUE(Takes("one"));
  EXPECT_TRUE(Takes(WebToken()));
  const absl::Time now = absl::Now();
  const std::string good = "bEaReR one";
  EXPECT_TRUE(authenticator_->Authenticate({good}, now).ok()) << "the scheme's case does not matter";
  for (const std::vector<absl::string_view>& headers : std::vector<std::vector<absl::string_view>>{
           {}, {good, good}, {"one"}, {"Bearer"}, {"Bearer "}, {"Bearer  one"}, {"Basic b25l"}, {"Bearer two"}}) {
    EXPECT_EQ(authenticator_->Authenticate(headers, now).status().code(), absl::StatusCode::kUnauthenticated);
  }
}

TEST_F(AuthenticatorTest, AnswersTheSameWhateverIsWrong) {
  const std::string expired = "Bearer " + maker_.Sign({{"iss", "us"}, {"aud", "perennial"}, {"sub", "eve"}, {"exp", 1}});
  const std::string huge = "Bearer " + std::string(100000, 'x');
  const absl::Status none = authenticator_->Authenticate({}, absl::Now()).status();
  for (const absl::string_view header : {absl::string_view("Bearer nobody"), absl::string_view(expired),
                                         absl::string_view(huge), absl::string_view("nonsense")}) {
    EXPECT_EQ(authenticator_->Authenticate({header}, absl::Now()).status(), none);
  }
}

TEST_F(AuthenticatorTest, ReadsChangedFilesAnewAndNeverABadOne) {
  Replace(options_.tokens, absl::StrCat("ada editor ", HashOf("two"), "\n"));
  EXPECT_TRUE(Eventually([&] { return Takes("two"); }));
  EXPECT_FALSE(Takes("one")) << "it was withdrawn";

  Replace(options_.tokens, "this is no list of tokens\n");
  EXPECT_TRUE(Eventually([&] { return authenticator_->refused_files() == 1; }));
  EXPECT_TRUE(Takes("two"));
  std::remove(options_.tokens.c_str());
  EXPECT_TRUE(Eventually([&] { return authenticator_->refused_files() == 2; }));
  EXPECT_TRUE(Takes("two"));

  const std::string token = WebToken();
  EXPECT_TRUE(Takes(token));
  const TokenMaker next(TokenMaker::Kind::kEd, "k2");
  Replace(options_.key_set, next.KeySet());
  EXPECT_TRUE(Eventually([&] { return !Takes(token); })) << "a token of a withdrawn key, though it was found good before";
}

TEST_F(AuthenticatorTest, DoesNotTakeATokenLongerThanItIsGood) {
  const absl::Time now = absl::Now();
  const std::string header = "Bearer " + WebToken();
  EXPECT_TRUE(authenticator_->Authenticate({header}, now).ok());
  EXPECT_TRUE(authenticator_->Authenticate({header}, now + absl::Minutes(10)).ok());
  EXPECT_FALSE(authenticator_->Authenticate({header}, now + absl::Minutes(11) + absl::Seconds(1)).ok());
}

TEST_F(AuthenticatorTest, SaysWhichFileDoesNotDo) {
  options_.tokens = folder_.path() + "/absent";
  const absl::Status absent = Authenticator::Load(options_).status();
  EXPECT_EQ(absent.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(absent.message()), HasSubstr("/absent"));
}

}  // namespace
}  // namespace perennial::gateway::testing
