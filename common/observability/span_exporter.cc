#include "common/observability/span_exporter.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/log.h"

namespace perennial {
namespace {

constexpr std::uint16_t kDefaultPort = 4318;
constexpr char kTracesPath[] = "/v1/traces";

bool IsPathOrHost(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '?' && c != '#' && c != '@'; });
}

std::vector<Span>::iterator EndOfPart(std::vector<Span>& spans, std::size_t most) {
  return spans.begin() + static_cast<std::ptrdiff_t>(std::min(spans.size(), most));
}

}  // namespace

absl::StatusOr<HttpUrl> TracesUrl(absl::string_view endpoint) {
  const auto bad = [](const char* why) { return absl::InvalidArgumentError(why); };
  if (absl::StartsWith(endpoint, "https://")) {
    return bad("cannot be https: spans are sent in clear; name a collector beside the process, which may pass them on encrypted");
  }
  if (!absl::ConsumePrefix(&endpoint, "http://")) return bad("must look like http://collector:4318");
  const std::size_t slash = std::min(endpoint.find('/'), endpoint.size());
  absl::string_view authority = endpoint.substr(0, slash);
  const absl::string_view path = absl::StripSuffix(endpoint.substr(slash), "/");
  HttpUrl url{.host = {}, .port = kDefaultPort, .path = absl::StrCat(path, kTracesPath)};
  if (absl::ConsumePrefix(&authority, "[")) {  // an IPv6 address
    const std::size_t end = authority.find(']');
    if (end == absl::string_view::npos) return bad("must look like http://collector:4318");
    url.host = std::string(authority.substr(0, end));
    authority.remove_prefix(end + 1);
  } else {
    const std::size_t end = std::min(authority.find(':'), authority.size());
    url.host = std::string(authority.substr(0, end));
    authority.remove_prefix(end);
  }
  int port = kDefaultPort;
  if (absl::ConsumePrefix(&authority, ":") && (!absl::SimpleAtoi(authority, &port) || port < 1 || port > 65535)) {
    return bad("must have a port from 1 to 65535");
  }
  if (url.host.empty() || !IsPathOrHost(url.host) || !IsPathOrHost(url.path)) return bad("must look like http://collector:4318");
  url.port = static_cast<std::uint16_t>(port);
  return url;
}

SpanExporter::SpanExporter(Options options)
    : options_(std::move(options)),
      poster_(options_.collector),
      thread_([this](const std::stop_token& stop) { Loop(stop); }) {}

SpanExporter::~SpanExporter() {
  thread_.request_stop();
  poster_.Cancel();
  thread_.join();
  if (!reached_) return;
  // The cancelled one stays closed.
  HttpPoster farewell(options_.collector);
  const auto until = std::chrono::steady_clock::now() + options_.farewell;
  for (waiting_.insert(waiting_.begin(), batch_.begin(), batch_.end()); !waiting_.empty();) {
    const auto end = EndOfPart(waiting_, options_.most_at_once);
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0 || !farewell.Post(OtlpJson(options_.source, {waiting_.begin(), end}), left).ok()) return;
    waiting_.erase(waiting_.begin(), end);
  }
}

void SpanExporter::Offer(Span span) {
  bool full = false;
  {
    const std::lock_guard lock(mu_);
    if (waiting_.size() + in_batch_ >= options_.most_waiting) {
      ++dropped_;
      return;
    }
    waiting_.push_back(std::move(span));
    full = waiting_.size() == options_.most_at_once;
  }
  if (full) changed_.notify_one();  // others are sent when the interval is over
}

bool SpanExporter::SamplesNew() const {
  if (options_.share >= 1) return true;
  thread_local std::minstd_rand random(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(random) < options_.share;
}

std::size_t SpanExporter::waiting() {
  const std::lock_guard lock(mu_);
  return waiting_.size() + in_batch_;
}

void SpanExporter::Loop(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mu_);
      const auto enough = [this] { return waiting_.size() >= options_.most_at_once; };
      if (pause_.count() > 0) {
        changed_.wait_for(lock, stop, pause_, [] { return false; });
      } else if (batch_.empty()) {
        changed_.wait_for(lock, stop, options_.interval, enough);
      }
      if (stop.stop_requested()) return;
      // All at once, so that nobody who offers a span waits for more than an exchange of pointers.
      if (batch_.empty()) batch_.swap(waiting_);
      in_batch_ = batch_.size();
    }
    if (batch_.empty() || !SendBatch(options_.timeout)) continue;
    pause_ = std::chrono::milliseconds(0);
    batch_.erase(batch_.begin(), EndOfPart(batch_, options_.most_at_once));
    const std::lock_guard lock(mu_);
    in_batch_ = batch_.size();
  }
}

bool SpanExporter::SendBatch(std::chrono::milliseconds timeout) {
  const std::vector<Span> part(batch_.begin(), EndOfPart(batch_, options_.most_at_once));
  const auto answer = poster_.Post(OtlpJson(options_.source, part), timeout);
  reached_ = answer.ok();
  const auto count = static_cast<std::int64_t>(part.size());
  if (answer.ok() && answer->status / 100 == 2) {
    const std::int64_t rejected = std::min(RejectedSpans(answer->body), count);
    refused_ += rejected;
    sent_ += count - rejected;
    return true;
  }
  const bool later = !answer.ok() || answer->status == 429 || answer->status == 502 || answer->status == 503 ||
                     answer->status == 504;
  if (!later) {
    refused_ += count;
    Log(LogLevel::kWarning, "the collector refuses spans", {{"status", absl::StrCat(answer->status)}});
    return true;
  }
  if (pause_.count() == 0) {  // once for a row of failures
    Log(LogLevel::kWarning, "spans cannot be sent",
        {{"status", answer.ok() ? absl::StrCat(answer->status) : std::string(answer.status().message())}});
  }
  ++failures_;
  pause_ = std::clamp(pause_ * 2, options_.first_pause, options_.longest_pause);
  if (answer.ok() && answer->retry_after.has_value()) {
    pause_ = std::clamp<std::chrono::milliseconds>(*answer->retry_after, pause_, options_.longest_pause);
  }
  return false;
}

}  // namespace perennial
