// What it costs to keep an id for the life of an account, by the structure that keeps it: rows per second, bytes a row, and the
// cost of a duplicate. Each structure takes the same events in transactions of 5,000, in turns, until all have so many rows.
//
//   bench_deduplication [ROWS [ACCOUNTS [FOLDER]]]     default 10000000 10000 /tmp
//
//   text      what accounts-svc has: WITHOUT ROWID, key (account_no, record_id), index (account_no, event_time)
//   hash      the same with a hash of 128 bits of the id in the key, the id itself in the row
//   rowid     rows in the order of arrival, a unique index (account_no, record_id), an index (account_no, event_time)
//   separate  as rowid, but only a hash of 64 bits of account and id in a table of its own decides
//
// Seconds are those of the processor, so that others on the machine matter less.

#include <sqlite3.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace {

struct Event {
  std::int64_t account = 0;
  char id[21] = {};
  std::int64_t time = 0;
  std::uint64_t hash[2] = {};
};

double ProcessorSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Two rounds of a multiplicative mix: good enough to be spread as a real hash is.
std::uint64_t Mix(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

class Structure {
 public:
  Structure(std::string name, const std::string& folder, const char* schema, std::vector<const char*> inserts)
      : name_(std::move(name)), path_(folder + "/dedup_" + name_ + ".db") {
    Remove();
    Check(sqlite3_open(path_.c_str(), &db_) == SQLITE_OK);
    Run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536");
    Run(schema);
    for (const char* sql : inserts) {
      sqlite3_stmt* statement = nullptr;
      Check(sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) == SQLITE_OK);
      inserts_.push_back(statement);
    }
  }
  ~Structure() {
    for (sqlite3_stmt* statement : inserts_) sqlite3_finalize(statement);
    sqlite3_close(db_);
    Remove();
  }
  Structure(const Structure&) = delete;
  Structure& operator=(const Structure&) = delete;

  // The parameters of every insert: account, id, time, the halves of the hash. An insert that changes nothing ends the event.
  int Write(const std::vector<Event>& batch) {
    const double start = ProcessorSeconds();
    int stored = 0;
    Run("BEGIN IMMEDIATE");
    for (const Event& event : batch) {
      bool fresh = true;
      for (sqlite3_stmt* insert : inserts_) {
        sqlite3_bind_int64(insert, 1, event.account);
        sqlite3_bind_text(insert, 2, event.id, 20, SQLITE_STATIC);
        sqlite3_bind_int64(insert, 3, event.time);
        sqlite3_bind_blob(insert, 4, event.hash, 16, SQLITE_STATIC);
        sqlite3_bind_int64(insert, 5, static_cast<std::int64_t>(event.hash[0]));
        Check(sqlite3_step(insert) == SQLITE_DONE);
        sqlite3_reset(insert);
        fresh = sqlite3_changes(db_) > 0;
        if (!fresh) break;
      }
      stored += fresh ? 1 : 0;
    }
    Run("COMMIT");
    last_ = ProcessorSeconds() - start;
    seconds_ += last_;
    return stored;
  }
  [[nodiscard]] double last() const { return last_; }
  [[nodiscard]] double seconds() const { return seconds_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  double Bytes() {
    sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
    return static_cast<double>(std::filesystem::file_size(path_));
  }

 private:
  void Run(const char* sql) { Check(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK); }
  void Check(bool ok) {
    if (ok) return;
    std::fprintf(stderr, "%s: %s\n", name_.c_str(), sqlite3_errmsg(db_));
    std::exit(1);
  }
  void Remove() {
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(path_ + end);
  }

  const std::string name_;
  const std::string path_;
  sqlite3* db_ = nullptr;
  std::vector<sqlite3_stmt*> inserts_;
  double last_ = 0;
  double seconds_ = 0;
};

std::vector<std::unique_ptr<Structure>> All(const std::string& folder) {
  std::vector<std::unique_ptr<Structure>> all;
  const auto add = [&](auto... arguments) { all.push_back(std::make_unique<Structure>(arguments...)); };
  using Inserts = std::vector<const char*>;
  add("text", folder,
      "CREATE TABLE e (account_no INTEGER NOT NULL, record_id TEXT NOT NULL, metric_no INTEGER NOT NULL, event_time INTEGER "
      "NOT NULL, value REAL NOT NULL, u TEXT NOT NULL, PRIMARY KEY (account_no, record_id)) STRICT, WITHOUT ROWID;"
      "CREATE INDEX t ON e (account_no, event_time)",
      Inserts{"INSERT INTO e VALUES (?1, ?2, ?5 & 3, ?3, 1, 'user7@example.com') ON CONFLICT DO NOTHING"});
  add("hash", folder,
      "CREATE TABLE e (account_no INTEGER NOT NULL, hash BLOB NOT NULL, record_id TEXT NOT NULL, metric_no INTEGER NOT NULL, "
      "event_time INTEGER NOT NULL, value REAL NOT NULL, u TEXT NOT NULL, PRIMARY KEY (account_no, hash)) STRICT, WITHOUT "
      "ROWID; CREATE INDEX t ON e (account_no, event_time)",
      Inserts{"INSERT INTO e VALUES (?1, ?4, ?2, ?5 & 3, ?3, 1, 'user7@example.com') ON CONFLICT DO NOTHING"});
  add("rowid", folder,
      "CREATE TABLE e (account_no INTEGER NOT NULL, record_id TEXT NOT NULL, metric_no INTEGER NOT NULL, event_time INTEGER "
      "NOT NULL, value REAL NOT NULL, u TEXT NOT NULL) STRICT; CREATE UNIQUE INDEX k ON e (account_no, record_id);"
      "CREATE INDEX t ON e (account_no, event_time)",
      Inserts{"INSERT INTO e VALUES (?1, ?2, ?5 & 3, ?3, 1, 'user7@example.com') ON CONFLICT DO NOTHING"});
  add("separate", folder,
      "CREATE TABLE ids (hash INTEGER PRIMARY KEY) STRICT;"
      "CREATE TABLE e (account_no INTEGER NOT NULL, record_id TEXT NOT NULL, metric_no INTEGER NOT NULL, event_time INTEGER "
      "NOT NULL, value REAL NOT NULL, u TEXT NOT NULL) STRICT; CREATE INDEX t ON e (account_no, event_time)",
      Inserts{"INSERT INTO ids VALUES (?5) ON CONFLICT DO NOTHING",
              "INSERT INTO e VALUES (?1, ?2, ?5 & 3, ?3, 1, 'user7@example.com')"});
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  const std::int64_t rows = argc > 1 ? std::atoll(argv[1]) : 10'000'000;
  const std::int64_t accounts = argc > 2 ? std::atoll(argv[2]) : 10'000;
  const std::string folder = argc > 3 ? argv[3] : "/tmp";
  constexpr std::int64_t kBatch = 5000;
  auto all = All(folder);
  std::mt19937_64 random(1);
  std::int64_t time = 1'780'000'000'000'000;
  std::vector<Event> batch(kBatch);
  std::vector<double> at_end(all.size());
  for (std::int64_t done = 0; done < rows; done += kBatch) {
    for (Event& event : batch) {
      event.account = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(accounts)) + 1;
      event.time = time += 700;
      event.hash[0] = random();
      event.hash[1] = Mix(event.hash[0]);
      std::snprintf(event.id, sizeof(event.id), "evt_%016llx", static_cast<unsigned long long>(event.hash[1]));
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i]->Write(batch) != kBatch) return 1;
      if (done >= rows - 20 * kBatch) at_end[i] += all[i]->last() / 20;
    }
    if ((done + kBatch) % 1'000'000 != 0) continue;
    std::fprintf(stderr, "%lld rows", static_cast<long long>(done + kBatch));
    for (const auto& one : all) std::fprintf(stderr, "  %s %.0f/s", one->name().c_str(), (done + kBatch) / one->seconds());
    std::fprintf(stderr, "\n");
  }
  std::printf("{\"benchmark\": \"deduplication\", \"rows\": %lld, \"accounts\": %lld", static_cast<long long>(rows),
              static_cast<long long>(accounts));
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i]->Write(batch) != 0) return 1;  // the last batch again
    const double again = all[i]->last();
    std::printf(",\n  \"%s\": {\"rows_per_second\": %.0f, \"rows_per_second_at_the_end\": %.0f, "
                "\"duplicates_per_second\": %.0f, \"bytes_a_row\": %.1f}",
                all[i]->name().c_str(), static_cast<double>(rows) / (all[i]->seconds() - again), kBatch / at_end[i],
                kBatch / again, all[i]->Bytes() / static_cast<double>(rows));
  }
  std::printf("\n}\n");
  return 0;
}
