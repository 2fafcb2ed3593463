// Commands against a gateway in this process: exit codes, errors, JSON.
#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/app.h"
#include "tests/cli/views_fake_gateway.h"
#include "tests/cli/views_sample.h"

namespace perennial::cli {
namespace {

using testing::FakeGateway;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::SampleAccount;
using testing::SampleReport;

struct Outcome {
  int exit_code;
  std::string out;
  std::string err;
};

Outcome RunWith(std::vector<std::string> arguments) {
  std::ostringstream out;
  std::ostringstream err;
  GlobalOptions options;
  options.out = &out;
  options.err = &err;
  const auto app = MakeApp(options, "1.2.3");
  AddViewCommands(*app, options);
  const int exit_code = Run(*app, options, std::move(arguments));
  return {exit_code, out.str(), err.str()};
}

class CommandTest : public ::testing::Test {
 protected:
  // Runs a command against the fake gateway.
  Outcome Perennial(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--gateway", fake_.address()});
    return RunWith(std::move(arguments));
  }

  void ServeReport() {
    const ReportData data = SampleReport();
    fake_.report = data.report;
    fake_.explanations = {data.explanations.begin(), data.explanations.end()};
    for (const auto& [id, rule] : data.rules) *fake_.rules.add_rules() = rule;
  }

  FakeGateway fake_;
};

TEST(UsageTest, HelpAndVersionSucceedAndTellTheExitCodes) {
  const Outcome help = RunWith({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (const char* part : {"report", "account", "watch", "segments", "flags", "facts", "validate", "--gateway",
                           "--timeout", "--json", "--no-color", "64  the command line is wrong"}) {
    EXPECT_THAT(help.out, HasSubstr(part));
  }
  for (const char* command :
       {"report", "account", "watch", "segments", "flags", "facts", "rates", "phase", "validate"}) {
    EXPECT_THAT(RunWith({command, "--help"}).out, HasSubstr("Exit codes:\n  0   success\n  1   failure")) << command;
  }
  const Outcome version = RunWith({"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_EQ(version.out, "perennial 1.2.3\n");
}

TEST(UsageTest, AWrongCommandLineIsExitCode64AndSaysWhy) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{},
                                                    {"reprot"},
                                                    {"report", "--list", "0"},
                                                    {"report", "--list", "ten"},
                                                    {"account"},
                                                    {"account", "a", "b"},
                                                    {"report", "--timeout", "soon"},
                                                    {"report", "--timeout", "0s"},
                                                    {"report", "--gateway", ""},
                                                    {"facts", "a", "--as-of", "yesterday"},
                                                    {"rates", "set", "EUR"},
                                                    {"rates", "set", "EUR", "1", "--since", "soon"},
                                                    {"rates", "delete", "EUR"},
                                                    {"phase"},
                                                    {"phase", "move", "a", "success", "--reason", "r"},
                                                    {"phase", "move", "a", "bliss", "--reason", "r", "--author", "x"},
                                                    {"phase", "undo", "a"},
                                                    {"segments", "nonsense"}}) {
    const Outcome outcome = RunWith(arguments);
    EXPECT_EQ(outcome.exit_code, 64) << ::testing::PrintToString(arguments);
    EXPECT_FALSE(outcome.err.empty());
    EXPECT_EQ(outcome.out, "");
  }
}

TEST(UnreachableTest, SaysWhichAddressAndWhatToDo) {
  std::string address;
  {
    const FakeGateway gone;
    address = gone.address();
  }
  for (const std::vector<std::string>& command : {std::vector<std::string>{"report"},
                                                  {"account", "a"},
                                                  {"watch"},
                                                  {"segments"},
                                                  {"flags"},
                                                  {"facts", "a"},
                                                  {"rates"},
                                                  {"rates", "set", "EUR", "1.1", "--since", "2024-01-01"},
                                                  {"phase", "show", "a"},
                                                  {"validate", "a = 1"}}) {
    std::vector<std::string> arguments = command;
    arguments.insert(arguments.end(), {"-g", address});
    const Outcome outcome = RunWith(arguments);
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_EQ(outcome.err, "perennial: cannot reach the gateway at " + address +
                               ": connection refused; start it with ./run or pass --gateway HOST:PORT\n");
    EXPECT_EQ(outcome.out, "");
  }
}

TEST_F(CommandTest, AServiceBehindTheGatewayIsToldApart) {
  fake_.failure = {grpc::StatusCode::UNAVAILABLE, "segment-svc is starting"};
  const Outcome outcome = Perennial({"report"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.err,
            "perennial: cannot read the portfolio report: the gateway at " + fake_.address() +
                " answers, but a service behind it does not: segment-svc is starting; try again, or look at its log\n");
}

TEST_F(CommandTest, ADeadlineThatPassesIsToldWithWhatToDo) {
  fake_.hang = true;
  const Outcome outcome = Perennial({"report", "--timeout", "50ms"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.err, "perennial: cannot read the portfolio report: no answer from " + fake_.address() +
                             " within 50ms; pass a longer --timeout or look at its log\n");
}

TEST_F(CommandTest, EveryBadFieldIsNamed) {
  google::rpc::BadRequest bad;
  auto* violation = bad.add_field_violations();
  violation->set_field("filter");
  violation->set_description("has an unknown fact 'mmr' at 1:1");
  violation = bad.add_field_violations();
  violation->set_field("sample_size");
  violation->set_description("must not be negative");
  google::rpc::Status details;
  details.add_details()->PackFrom(bad);
  fake_.failure = {grpc::StatusCode::INVALID_ARGUMENT, "filter has an unknown fact 'mmr' at 1:1",
                   details.SerializeAsString()};
  const Outcome outcome = Perennial({"validate", "mmr > 1"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.err,
            "perennial: cannot check the filter: filter has an unknown fact 'mmr' at 1:1; sample_size must not be "
            "negative\n");
}

TEST_F(CommandTest, AServersWordsCannotSteerTheTerminal) {
  fake_.failure = {grpc::StatusCode::INTERNAL, "a\x1b[2Jb"};
  EXPECT_THAT(Perennial({"segments"}).err, Not(HasSubstr("\x1b")));
}

TEST_F(CommandTest, ReportShowsThePortfolio) {
  ServeReport();
  const Outcome outcome = Perennial({"report", "--segment", "at-risk", "--list", "7", "--min-revision", "12"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("USD 10,159,608"));
  EXPECT_THAT(outcome.out, HasSubstr("logins of 3 in 30 days give 10 points"));
  EXPECT_THAT(outcome.out, HasSubstr("Usage falling"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("\x1b"))) << "no colours outside a terminal";
  EXPECT_EQ(fake_.report_request.segment(), "segments/at-risk");
  EXPECT_EQ(fake_.report_request.list_size(), 7);
  EXPECT_EQ(fake_.report_request.min_facts_revision(), 12);
}

TEST_F(CommandTest, ReportWithoutSomeReasonsStillShowsAndSaysSo) {
  ServeReport();
  const Outcome outcome = Perennial({"report"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("! reasons of 1 account are missing: cannot read the reasons:"));
}

TEST_F(CommandTest, ReportAsJsonIsTheWholeAnswer) {
  ServeReport();
  const Outcome outcome = Perennial({"--json", "report"});
  EXPECT_EQ(outcome.exit_code, 0);
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json.at("mrr").at("amount"), "10159608");
  EXPECT_EQ(json.at("accounts"), "500");
  EXPECT_EQ(json.at("worst_accounts").size(), 2U);
  EXPECT_EQ(json.at("worst_account_explanations").at(0).at("computed_score"), 41.5);
  EXPECT_EQ(json.at("flag_rules").size(), 2U);
  EXPECT_FALSE(json.at("revenue").at(2).contains("nrr"));
}

TEST_F(CommandTest, AccountIsFoundByIdAndByResourceName) {
  fake_.customers["accounts/nw-1"] = SampleAccount().customer;
  for (const char* name : {"nw-1", "accounts/nw-1"}) {
    const Outcome outcome = Perennial({"account", name});
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_THAT(outcome.out, HasSubstr("Northwind Traders"));
  }
  const auto json = nlohmann::json::parse(Perennial({"account", "nw-1", "--json"}).out);
  EXPECT_EQ(json.at("account").at("display_name"), "Northwind Traders");
  EXPECT_EQ(json.at("health").at("score").at("score"), 31.5);
  EXPECT_TRUE(json.at("score_history").is_array());
}

TEST_F(CommandTest, AccountIsFoundByTheNamePeopleUse) {
  fake_.customers["accounts/nw-1"] = SampleAccount().customer;
  fake_.accounts_by_filter[R"(name = "Northwind \"Traders\"")"] = {SampleAccount().customer.account()};
  const Outcome outcome = Perennial({"account", "Northwind \"Traders\""});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("accounts/nw-1"));
}

TEST_F(CommandTest, SeveralAccountsOfOneNameAreListed) {
  perennial::accounts::v1::Account one;
  one.set_name("accounts/a");
  one.set_display_name("Acme");
  perennial::accounts::v1::Account other = one;
  other.set_name("accounts/b");
  fake_.accounts_by_filter[R"(name = "Acme")"] = {one, other};
  const Outcome outcome = Perennial({"account", "Acme"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.err,
            "perennial: several accounts are called \"Acme\", pass an id: accounts/a (Acme), accounts/b (Acme)\n");
}

TEST_F(CommandTest, AnAccountThatIsNotThereIsAFailureWithHelp) {
  EXPECT_EQ(Perennial({"account", "acm"}).err, "perennial: no account has the id or the name \"acm\"\n");
  perennial::accounts::v1::Account account;
  account.set_name("accounts/a");
  account.set_display_name("acme");
  fake_.accounts_by_filter[R"(name = "acm*")"] = {account};
  const Outcome outcome = Perennial({"account", "acm"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.err, "perennial: no account has the id or the name \"acm\"; did you mean accounts/a (acme)?\n");
}

TEST_F(CommandTest, ListsReadPageAfterPageUpToTheLimit) {
  for (int i = 0; i < 5; ++i) {
    auto& flag = fake_.flags.emplace_back();
    flag.set_name("accounts/a" + std::to_string(i) + "/flags/r");
  }
  const auto count = [this](const std::string& limit) {
    return nlohmann::json::parse(Perennial({"flags", "--json", "--limit", limit}).out).at("flags").size();
  };
  EXPECT_EQ(count("0"), 5U);
  EXPECT_EQ(count("5"), 5U);
  EXPECT_EQ(count("3"), 3U);
  EXPECT_EQ(count("1"), 1U);
  EXPECT_THAT(Perennial({"flags", "--limit", "3"}).out, HasSubstr("and 2 more"));
}

TEST_F(CommandTest, SegmentsWithoutASubcommandIsTheList) {
  fake_.segments.add_segments()->set_display_name("At risk");
  EXPECT_THAT(Perennial({"segments"}).out, HasSubstr("At risk"));
  EXPECT_EQ(Perennial({"segments"}).out, Perennial({"segments", "list"}).out);
  EXPECT_EQ(nlohmann::json::parse(Perennial({"segments", "--json"}).out).at("segments").size(), 1U);
}

TEST_F(CommandTest, ADayAsOfMeansItsEnd) {
  fake_.facts.set_name("accounts/a");
  EXPECT_THAT(Perennial({"facts", "a", "--as-of", "2024-03-01"}).out, HasSubstr("as of 2024-03-01 23:59:59 UTC"));
}

TEST_F(CommandTest, ValidateTellsByItsExitCode) {
  fake_.validation.set_error("unknown fact");
  EXPECT_EQ(Perennial({"validate", "x = 1"}).exit_code, 1);
  fake_.validation.set_valid(true);
  EXPECT_EQ(Perennial({"validate", "x = 1"}).exit_code, 0);
}

}  // namespace
}  // namespace perennial::cli
