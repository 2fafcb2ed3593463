// One account changes while there are a thousand segments (P6): from a message of the feed to the membership that
// readers see, everything but the disk, which the store of this benchmark leaves out.
//
//   bench_membership [accounts] [changes]

#include <algorithm>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "bench/sample_table.h"
#include "bench/timing.h"
#include "common/base/clock.h"
#include "common/facts/packed_facts.h"
#include "segment-svc/segment_engine.h"

namespace {

using perennial::bench::Die;
using perennial::bench::SampleFilter;
using perennial::bench::SampleTable;
using perennial::facts::FactId;
using perennial::facts::FactRow;
using perennial::facts::FactType;
using perennial::facts::RowId;
using namespace perennial::segments;  // NOLINT: what is measured

constexpr int kSegments = 1000;

// Remembers only how many events there were.
class NoStore final : public SegmentStore {
 public:
  absl::StatusOr<StoredState> Load() override { return state_; }
  absl::Status LoadMembers(const std::function<void(std::int64_t, absl::string_view)>&) override {
    return absl::OkStatus();
  }
  absl::StatusOr<std::int64_t> Write(const StoreWrite& write) override {
    state_.segments.insert(state_.segments.end(), write.created.begin(), write.created.end());
    state_.greatest_uid += static_cast<std::int64_t>(write.created.size());
    return state_.event_revision += static_cast<std::int64_t>(write.changes.size());
  }
  absl::StatusOr<std::string> FeedId() override { return std::string("bench"); }
  absl::StatusOr<std::vector<EventRecord>> Events(std::int64_t, std::int64_t, absl::string_view) override {
    return std::vector<EventRecord>();
  }
  absl::StatusOr<std::vector<StayRecord>> Members(std::int64_t, absl::string_view, int) override {
    return std::vector<StayRecord>();
  }
  absl::StatusOr<std::vector<StayRecord>> Stays(absl::string_view, bool, absl::string_view, std::int64_t,
                                                int) override {
    return std::vector<StayRecord>();
  }
  absl::Status LoadDecisions(const std::function<void(std::int64_t, absl::string_view, bool)>&) override {
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<DecisionRecord>> Decisions(std::int64_t, absl::string_view, int) override {
    return std::vector<DecisionRecord>();
  }
  absl::StatusOr<std::vector<DecisionRecord>> DecisionsAbout(std::int64_t, const std::vector<std::string>&) override {
    return std::vector<DecisionRecord>();
  }
  absl::StatusOr<std::vector<DefinitionRecord>> Definitions(std::int64_t, std::int64_t, int) override {
    return std::vector<DefinitionRecord>();
  }
  absl::StatusOr<bool> IsPurged(absl::string_view, std::int64_t) override { return false; }
  absl::Status Purge(absl::string_view, std::int64_t) override { return absl::OkStatus(); }
  [[nodiscard]] std::int64_t events() const { return state_.event_revision; }

 private:
  StoredState state_;
};

// What the feed says of rows of the sample.
class Feed {
 public:
  explicit Feed(const SampleTable& sample) : sample_(sample) {}

  FactRow Row(RowId row) const {
    FactRow facts;
    for (FactId fact = 0; fact < sample_.catalogue().size(); ++fact) {
      if (const auto number = sample_.table().Number(row, fact)) facts.SetNumber(fact, *number);
      if (const auto text = sample_.table().Text(row, fact)) facts.SetText(fact, std::string(*text));
    }
    return facts;
  }
  perennial::accounts::v1::WatchFactsResponse Message() {
    perennial::accounts::v1::WatchFactsResponse message;
    if (revision_ == 0) {
      for (FactId fact = 0; fact < sample_.catalogue().size(); ++fact) {
        const auto& definition = sample_.catalogue().Get(fact);
        // The others come from health-svc.
        if (definition.name.rfind("health.", 0) != 0) {
          *message.add_definitions() = perennial::facts::ToProto(fact, definition);
        }
      }
    }
    return message;
  }
  void Add(RowId row, const FactRow& facts, perennial::accounts::v1::WatchFactsResponse& message) {
    FactRow theirs;
    for (const auto& [fact, value] : facts.values()) {
      if (sample_.catalogue().Get(fact).name.rfind("health.", 0) == 0) continue;
      if (const auto* number = std::get_if<double>(&value)) theirs.SetNumber(fact, *number);
      if (const auto* text = std::get_if<std::string>(&value)) theirs.SetText(fact, *text);
    }
    auto* packed = message.add_rows();
    perennial::facts::Pack(theirs, packed);
    packed->set_account_id(sample_.table().account_id(row));
    packed->set_revision(++revision_);
    message.set_progress_revision(revision_);
    message.set_caught_up(true);
  }

 private:
  const SampleTable& sample_;
  std::int64_t revision_ = 0;
};

void Check(const absl::Status& status) {
  if (!status.ok()) Die(status.ToString());
}

std::vector<SegmentRecord> Segments() {
  std::vector<SegmentRecord> segments;
  for (const SampleFilter& one : perennial::bench::SampleFilters(kSegments, true)) {
    SegmentRecord segment;
    segment.id = absl::StrCat("s", segments.size());
    segment.display_name = segment.id;
    segment.filter = one.filter;
    segments.push_back(std::move(segment));
  }
  return segments;
}

}  // namespace

int main(int argc, char** argv) {
  int accounts = 100'000;
  int changes = 20'000;
  if ((argc > 1 && !absl::SimpleAtoi(argv[1], &accounts)) || (argc > 2 && !absl::SimpleAtoi(argv[2], &changes)) ||
      accounts < 1 || changes < 100) {
    Die("usage: bench_membership [accounts] [changes, at least 100]");
  }
  const SampleTable sample(static_cast<std::size_t>(accounts));
  Feed feed(sample);
  NoStore store;
  const perennial::SystemClock clock;
  auto engine = SegmentEngine::Open(store, clock, Segments(), [] {});
  Check(engine.status());
  for (RowId row = 0; row < sample.table().row_count();) {
    auto message = feed.Message();
    for (int i = 0; i < 500 && row < sample.table().row_count(); ++i, ++row) feed.Add(row, feed.Row(row), message);
    Check((*engine)->Apply(message));
  }
  perennial::health::v1::WatchHealthScoresResponse scores;
  scores.set_caught_up(true);
  scores.set_facts_revision(accounts);
  Check((*engine)->Apply(scores));
  if (!(*engine)->ready()) Die("the engine is not ready");

  // One account takes one to three facts from another.
  std::mt19937 random(3);
  const std::int64_t events = store.events();
  std::vector<double> micros;
  for (int i = 0; i < changes; ++i) {
    const RowId row = static_cast<RowId>(random() % sample.table().row_count());
    const FactRow other = feed.Row(static_cast<RowId>(random() % sample.table().row_count()));
    FactRow facts = feed.Row(row);
    for (std::uint64_t n = random() % 3 + 1; n > 0; --n) {
      const auto fact = static_cast<FactId>(random() % sample.catalogue().size());
      const perennial::facts::FactValue* value = other.Find(fact);
      if (value == nullptr) continue;
      if (const auto* number = std::get_if<double>(value)) facts.SetNumber(fact, *number);
      if (const auto* text = std::get_if<std::string>(value)) facts.SetText(fact, *text);
    }
    auto message = feed.Message();
    feed.Add(row, facts, message);
    const auto start = std::chrono::steady_clock::now();
    Check((*engine)->Apply(message));
    micros.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(micros.begin(), micros.end());
  const auto at = [&](double share) { return micros[static_cast<std::size_t>(share * (micros.size() - 1))]; };
  std::cout << nlohmann::json{{"benchmark", "one account changes, 1,000 segments (P6)"},
                              {"accounts", accounts},
                              {"changes", changes},
                              {"moves", store.events() - events},
                              {"p50_us", at(0.5)},
                              {"p90_us", at(0.9)},
                              {"p99_us", at(0.99)},
                              {"max_us", micros.back()},
                              {"goal", {{"p50_us", 50}, {"p99_us", 200}}}}
                   .dump(2)
            << "\n";
  return 0;
}
