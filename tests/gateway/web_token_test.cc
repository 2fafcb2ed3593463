#include "gateway/identity/web_token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/gateway/token_maker.h"

namespace perennial::gateway::testing {
namespace {

using nlohmann::json;

constexpr std::int64_t kNow = 1'800'000'000;

class WebTokenTest : public ::testing::Test {
 protected:
  WebTokenTest() {
    auto keys = KeySet::Parse(maker_.KeySet());
    EXPECT_TRUE(keys.ok()) << keys.status();
    keys_ = *std::move(keys);
  }

  static json Claims() {
    return {{"iss", "https://id.example"}, {"aud", "perennial"}, {"sub", "ada"}, {"role", "editor"}, {"exp", kNow + 600}};
  }
  absl::StatusOr<VerifiedToken> Verify(absl::string_view token) const {
    return VerifyWebToken(token, keys_, {.issuer = "https://id.example", .audience = "perennial"},
                          absl::FromUnixSeconds(kNow));
  }
  void ExpectRefused(absl::string_view token, absl::string_view why) const {
    EXPECT_EQ(Verify(token).status().code(), absl::StatusCode::kUnauthenticated) << std::string(why);
  }
  void ExpectRefusedWith(const char* claim, const json& value) const {
    json claims = Claims();
    claims[claim] = value;
    ExpectRefused(maker_.Sign(claims), absl::StrCat(claim, " ", value.dump()));
  }

  TokenMaker maker_{TokenMaker::Kind::kEd, "k1"};
  KeySet keys_;
};

TEST_F(WebTokenTest, TakesEachKindOfSignature) {
  for (const auto kind : {TokenMaker::Kind::kRsa, TokenMaker::Kind::kEc, TokenMaker::Kind::kEd}) {
    const TokenMaker maker(kind, "k");
    const auto keys = KeySet::Parse(maker.KeySet());
    ASSERT_TRUE(keys.ok()) << keys.status();
    keys_ = *keys;
    const auto verified = Verify(maker.Sign(Claims()));
    ASSERT_TRUE(verified.ok()) << maker.algorithm();
    EXPECT_EQ(verified->caller.name, "ada");
    EXPECT_EQ(verified->caller.role, Role::kEditor);
    EXPECT_EQ(verified->expiry, absl::FromUnixSeconds(kNow + 660));
    EXPECT_TRUE(Verify(maker.Sign(Claims(), {{"kid", ""}})).ok()) << "a set of one key needs no id";
  }
}

TEST_F(WebTokenTest, RefusesWhatWasChanged) {
  const std::string token = maker_.Sign(Claims());
  for (std::size_t i = 0; i + 1 < token.size(); ++i) {  // the last character has bits that say nothing
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    ExpectRefused(changed, absl::StrCat("character ", i));
  }
  ExpectRefused("", "empty");
  ExpectRefused("..", "empty parts");
  ExpectRefused(absl::StrCat(token, ".x"), "four parts");
  ExpectRefused(absl::StrCat(token, "="), "padding");
  ExpectRefused(absl::StrCat(token, std::string(kLargestWebToken, 'A')), "too long");
}

TEST_F(WebTokenTest, RefusesOtherAlgorithms) {
  const std::string token = maker_.Sign(Claims());
  const std::vector<std::string> parts = absl::StrSplit(token, '.');
  for (const char* algorithm : {"none", "None", "HS256", "RS256", "ES256", "PS256", ""}) {
    ExpectRefused(maker_.Sign(Claims(), {{"alg", algorithm}}), algorithm);
  }
  ExpectRefused(absl::StrCat(Base64Url(R"({"alg":"none"})"), ".", parts[1], "."), "no signature");
  ExpectRefused(maker_.Sign(Claims(), {{"crit", {"b64"}}}), "crit");
}

TEST_F(WebTokenTest, RefusesKeysThatItDoesNotKnow) {
  ExpectRefused(maker_.Sign(Claims(), {{"kid", "k2"}}), "kid");
  const TokenMaker other(TokenMaker::Kind::kEd, "k1");
  ExpectRefused(other.Sign(Claims()), "another's key under the same id");
  const auto both = KeySet::Parse(
      json{{"keys", {maker_.PublicKey(), TokenMaker(TokenMaker::Kind::kEc, "k2").PublicKey()}}}.dump());
  ASSERT_TRUE(both.ok());
  keys_ = *both;
  EXPECT_TRUE(Verify(maker_.Sign(Claims())).ok());
  ExpectRefused(maker_.Sign(Claims(), {{"kid", ""}}), "no id, several keys");
}

TEST_F(WebTokenTest, RefusesTokensForOthersAndOfOthers) {
  ExpectRefusedWith("iss", "https://id.example.evil");
  ExpectRefusedWith("iss", nullptr);
  ExpectRefusedWith("aud", "another");
  ExpectRefusedWith("aud", {"another", 7});
  ExpectRefusedWith("sub", "");
  ExpectRefusedWith("sub", "a b");
  ExpectRefusedWith("sub", std::string(129, 'a'));
  json claims = Claims();
  claims["aud"] = {"another", "perennial"};
  EXPECT_TRUE(Verify(maker_.Sign(claims)).ok());
  claims.erase("aud");
  ExpectRefused(maker_.Sign(claims), "no aud");
}

TEST_F(WebTokenTest, AllowsClocksAMinuteApart) {
  json claims = Claims();
  claims["exp"] = kNow - 59;
  claims["nbf"] = kNow + 59;
  claims["iat"] = kNow + 59;
  EXPECT_TRUE(Verify(maker_.Sign(claims)).ok());
  ExpectRefusedWith("exp", kNow - 60);
  ExpectRefusedWith("exp", "tomorrow");
  ExpectRefusedWith("exp", -1);
  ExpectRefusedWith("exp", 1e300);
  ExpectRefusedWith("nbf", kNow + 61);
  ExpectRefusedWith("iat", kNow + 61);
  ExpectRefusedWith("nbf", "x");
  claims = Claims();
  claims.erase("exp");
  ExpectRefused(maker_.Sign(claims), "no exp");
}

TEST_F(WebTokenTest, GivesTheHighestRoleOrNone) {
  const auto role = [&](const json& value) {
    json claims = Claims();
    claims["role"] = value;
    const auto verified = Verify(maker_.Sign(claims));
    return verified.ok() ? verified->caller.role : Role::kNone;
  };
  EXPECT_EQ(role("viewer"), Role::kViewer);
  EXPECT_EQ(role(json({"viewer", "operator"})), Role::kOperator);
  EXPECT_EQ(role("root"), Role::kNone);
  EXPECT_EQ(role(7), Role::kNone);
}

TEST(KeySetTest, TakesOnlyPublicKeysThatDo) {
  EXPECT_FALSE(KeySet::Parse("").ok());
  EXPECT_FALSE(KeySet::Parse("[]").ok());
  EXPECT_FALSE(KeySet::Parse(R"({"keys":[]})").ok());
  EXPECT_FALSE(KeySet::Parse(TokenMaker(TokenMaker::Kind::kSmallRsa, "k").KeySet()).ok());
  json jwk = TokenMaker(TokenMaker::Kind::kEc, "k").PublicKey();
  const auto set = [](const json& key) { return KeySet::Parse(json{{"keys", {key}}}.dump()); };
  EXPECT_TRUE(set(jwk).ok());
  json secret = jwk;
  secret["d"] = "AAAA";
  EXPECT_THAT(std::string(set(secret).status().message()), ::testing::HasSubstr("secret"));
  EXPECT_FALSE(set({{"kty", "oct"}, {"k", "AAAA"}}).ok());
  json off_curve = jwk;
  off_curve["y"] = off_curve["x"];
  EXPECT_FALSE(set(off_curve).ok());
  json other = jwk;
  other["alg"] = "RS256";
  EXPECT_FALSE(set(other).ok()) << "a key that says to be of another algorithm";
  json encryption = jwk;
  encryption["use"] = "enc";
  EXPECT_FALSE(set(encryption).ok());
  EXPECT_FALSE(KeySet::Parse(json{{"keys", {jwk, jwk}}}.dump()).ok()) << "the same id twice";
}

}  // namespace
}  // namespace perennial::gateway::testing
