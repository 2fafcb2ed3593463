#include "cli/client.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include <chrono>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/utf8.h"

namespace perennial::cli {
namespace {

constexpr int kMaxAnswerBytes = 64 << 20;

std::shared_ptr<grpc::Channel> OpenChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  // A gateway that is gone without a word is noticed while a stream waits.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  // A gateway that has just been started is found quickly.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1'000);
  arguments.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, 250);
  // A page of 1,000 resources at their largest.
  arguments.SetMaxReceiveMessageSize(kMaxAnswerBytes);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

// The part of gRPC's message about a failed connection that tells people something.
std::string Reason(const std::string& message) {
  for (const absl::string_view known : {"Connection refused", "No route to host", "Network is unreachable",
                                        "Connection reset by peer", "Socket closed", "Connection timed out"}) {
    if (absl::StrContains(message, known)) return absl::AsciiStrToLower(known);
  }
  if (absl::StrContains(message, "DNS resolution failed") || absl::StrContains(message, "Domain name not found")) {
    return "no such host";
  }
  return message.empty() ? "no reason given" : message;
}

// The server's message, and those bad fields that it does not name itself.
std::string MessageWithFields(const grpc::Status& status) {
  std::string message = status.error_message();
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return message;
  for (const auto& any : details.details()) {
    google::rpc::BadRequest bad;
    if (!any.Is<google::rpc::BadRequest>() || !any.UnpackTo(&bad)) continue;
    for (const auto& violation : bad.field_violations()) {
      if (absl::StrContains(message, violation.field()) && absl::StrContains(message, violation.description()))
        continue;
      absl::StrAppend(&message, message.empty() ? "" : "; ", violation.field(), " ", violation.description());
    }
  }
  return message;
}

}  // namespace

std::string AddressOf(absl::string_view gateway) {
  return absl::StrContains(gateway, ':') ? std::string(gateway) : absl::StrCat(gateway, ":50050");
}

Client::Client(const GlobalOptions& options)
    : gateway_(AddressOf(options.gateway)),
      timeout_(options.timeout),
      channel_(OpenChannel(gateway_)),
      accounts(perennial::accounts::v1::AccountService::NewStub(channel_)),
      rates(perennial::accounts::v1::ExchangeRateService::NewStub(channel_)),
      facts(perennial::accounts::v1::FactService::NewStub(channel_)),
      lifecycle(perennial::accounts::v1::LifecycleService::NewStub(channel_)),
      customers(perennial::gateway::v1::CustomerService::NewStub(channel_)),
      flags(perennial::health::v1::FlagService::NewStub(channel_)),
      scores(perennial::health::v1::HealthScoreService::NewStub(channel_)),
      portfolio(perennial::segments::v1::PortfolioService::NewStub(channel_)),
      segments(perennial::segments::v1::SegmentService::NewStub(channel_)) {}

void Client::SetDeadline(grpc::ClientContext* context) const {
  context->set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout_));
}

absl::Status Client::Explain(const grpc::Status& status, absl::string_view what) const {
  const auto code = static_cast<absl::StatusCode>(status.error_code());
  const bool connected = channel_->GetState(false) == GRPC_CHANNEL_READY;
  if (code == absl::StatusCode::kUnavailable && !connected) {
    return {code, CleanText(absl::StrCat("cannot reach the gateway at ", gateway_, ": ", Reason(status.error_message()),
                                         "; start it with ./run or pass --gateway HOST:PORT"))};
  }
  std::string why;
  if (code == absl::StatusCode::kUnavailable) {
    why = absl::StrCat("the gateway at ", gateway_,
                       " answers, but a service behind it does not: ", status.error_message(),
                       "; try again, or look at its log");
  } else if (code == absl::StatusCode::kDeadlineExceeded) {
    why = absl::StrCat("no answer from ", gateway_, " within ", absl::FormatDuration(timeout_),
                       "; pass a longer --timeout or look at its log");
  } else if (code == absl::StatusCode::kUnimplemented) {
    why = absl::StrCat(gateway_, " does not serve this; is it a Perennial gateway of this version?");
  } else {
    why = MessageWithFields(status);
    if (why.empty()) why = absl::StatusCodeToString(code);
  }
  return {code, CleanText(absl::StrCat("cannot ", what, ": ", why))};
}

int Fail(const GlobalOptions& options, const absl::Status& status) {
  *options.err << "perennial: " << status.message() << "\n";
  return kExitFailure;
}

}  // namespace perennial::cli
