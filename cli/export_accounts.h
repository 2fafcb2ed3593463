#pragma once

#include <cstdint>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/export_folder.h"
#include "perennial/accounts/v1/record.pb.h"

namespace perennial::cli {

// States of accounts, kept in a file until all are there: the columns of accounts.csv are those of all accounts'
// attributes, and its rows are in the order in which an import can take them, parents before their children.
class AccountSpool {
 public:
  // Keeps states in a new file at `path`, which is removed again.
  static absl::StatusOr<std::unique_ptr<AccountSpool>> Create(const std::string& path);

  absl::Status Add(const accounts::v1::Record& state);

  struct Written {
    std::int64_t rows = 0;
    // Accounts whose parent was left out because it is not among those written.
    std::int64_t without_parent = 0;
  };
  // Writes all states to `path` by time, but a child after its parent. With `all_accounts` a parent that is not there
  // is left out, since an import would refuse the row.
  absl::StatusOr<Written> WriteTo(const std::string& path, bool all_accounts);

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  // Where a state stands in the spool.
  struct Entry {
    std::int64_t micros = 0;
    std::uint64_t offset = 0;
    std::uint32_t account = 0;  // in accounts_
    std::uint32_t size = 0;
  };
  // What is known of an attribute: the column that it becomes.
  struct Column {
    std::string type;
    bool json = false;
  };
  class Writer;

  explicit AccountSpool(std::FILE* file) : file_(file) {}
  absl::StatusOr<accounts::v1::Record> Read(const Entry& entry);

  std::unique_ptr<std::FILE, Closer> file_;
  std::uint64_t size_ = 0;
  std::vector<Entry> entries_;
  std::vector<std::string> accounts_;  // names
  std::map<std::string, Column> columns_;
};

}  // namespace perennial::cli
