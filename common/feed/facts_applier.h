#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_row.h"
#include "common/facts/fact_table.h"
#include "common/feed/applied_row.h"
#include "perennial/accounts/v1/fact_service.pb.h"

namespace perennial {

// A row of the facts feed in the reader's own fact ids, not yet in a table.
struct ReadRow {
  std::string account_id;
  std::int64_t revision = 0;
  bool deleted = false;
  // With `deleted`: the account was erased for good, and whatever is kept of it is to be erased too. Such a row comes again
  // whenever the feed is read from its start, even when a new account has the id by then.
  bool purged = false;
  absl::Time as_of;
  facts::FactRow facts;  // none for a deleted account
};

// Applies messages of FactService.WatchFacts to a catalogue and a table: translates the sender's fact ids and replaces the
// facts that come from accounts-svc; facts of other origin in the same table stay. Not thread-safe: guard it together with
// the table.
class FactsApplier {
 public:
  // Both must outlive this.
  FactsApplier(facts::FactCatalogue& catalogue, facts::FactTable& table) : catalogue_(catalogue), table_(table) {}

  // DATA_LOSS when the message contradicts itself or the catalogue; no row is applied then.
  absl::StatusOr<std::vector<AppliedRow>> Apply(const perennial::accounts::v1::WatchFactsResponse& message);
  // Whether Apply() notes what each row changes, as it does unless told otherwise. Without, a start takes less time.
  void TrackChanges(bool on) { track_ = on; }

  // The same in two steps, for readers that store what follows from the rows before the table shows them. Read() changes the
  // catalogue only, and that only when the message has definitions; DATA_LOSS as above. Write() takes what Read() returned
  // for the same message.
  absl::StatusOr<std::vector<ReadRow>> Read(const perennial::accounts::v1::WatchFactsResponse& message);
  std::vector<AppliedRow> Write(const perennial::accounts::v1::WatchFactsResponse& message,
                                const std::vector<ReadRow>& rows);

  // Makes it resume from the beginning of any feed. The table stays as it is until the rows come again.
  void Rewind();

  // Everything up to it has been applied; where to resume.
  [[nodiscard]] std::int64_t revision() const { return revision_; }
  // What the sender calls its feed; empty when it does not say. To be sent along with revision() when resuming.
  [[nodiscard]] const std::string& feed_id() const { return feed_id_; }
  // Time of the sender's clock in the last message.
  [[nodiscard]] absl::Time server_time() const { return server_time_; }
  // Whether the sender has said that nothing newer was there, since the table began.
  [[nodiscard]] bool caught_up() const { return caught_up_; }

 private:
  // Facts of a row of the feed by their ids, without a copy of anything: those with the present mark.
  struct Unpacked {
    std::uint64_t mark = 0;
    std::vector<std::uint64_t> marks;
    std::vector<double> numbers;
    std::vector<absl::string_view> texts;
    std::vector<facts::StringSet> sets;
  };

  absl::Status Learn(const perennial::accounts::v1::FactDefinition& definition);
  // DATA_LOSS when facts of the row were not announced, or are of another type.
  [[nodiscard]] absl::Status Check(const perennial::accounts::v1::PackedFacts& row) const;
  // Row of an account that exists, and whether it did before.
  void AddRow(absl::string_view account_id, AppliedRow& change);
  void DeleteRow(absl::string_view account_id, AppliedRow& change);
  void Unpack(const perennial::accounts::v1::PackedFacts& row);
  // Makes the row's facts equal those unpacked.
  void Put(AppliedRow& change);
  void NoteProgress(const perennial::accounts::v1::WatchFactsResponse& message);

  facts::FactCatalogue& catalogue_;
  facts::FactTable& table_;
  std::vector<facts::FactId> ids_;    // by the sender's id
  std::vector<facts::FactId> owned_;  // ascending
  bool track_ = true;
  Unpacked unpacked_;
  std::int64_t revision_ = 0;
  std::string feed_id_;
  absl::Time server_time_ = absl::UnixEpoch();
  bool caught_up_ = false;
};

}  // namespace perennial
