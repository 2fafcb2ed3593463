#include "cli/export_accounts.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/export_text.h"
#include "cli/mapping_fields.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::cli {
namespace {

using accounts::v1::AttributeValue;
using accounts::v1::Record;

const char* TypeOf(const AttributeValue& value) {
  switch (value.value_case()) {
    case AttributeValue::kNumber: return "number";
    case AttributeValue::kFlag: return "flag";
    case AttributeValue::kTime: return "time";
    default: return "text";
  }
}

}  // namespace

// Writes rows; those of an account wait, in order, while its parent has none.
class AccountSpool::Writer {
 public:
  Writer(AccountSpool& spool, CsvFile& file, bool all_accounts)
      : spool_(spool), file_(file), all_accounts_(all_accounts) {
    for (const std::string& name : spool.accounts_) known_.insert(name);
  }

  absl::Status Take(const Entry& entry) {
    const auto held = waiting_.find(entry.account);
    if (held != waiting_.end()) {
      held->second.push_back(entry);
      return absl::OkStatus();
    }
    return WriteOrWait(entry);
  }

  // What still waits: parents and children that waited for each other at times.
  absl::Status Finish() {
    while (!waiting_.empty()) {
      const auto first = waiting_.begin();
      std::deque<Entry> entries = std::move(first->second);
      waiting_.erase(first);
      for (const Entry& entry : entries) {
        PERENNIAL_ASSIGN_OR_RETURN(Record record, spool_.Read(entry));
        PERENNIAL_RETURN_IF_ERROR(Write(entry, record));
      }
    }
    return absl::OkStatus();
  }
  [[nodiscard]] std::int64_t without_parent() const { return static_cast<std::int64_t>(without_parent_.size()); }

 private:
  absl::Status WriteOrWait(const Entry& entry) {
    PERENNIAL_ASSIGN_OR_RETURN(Record record, spool_.Read(entry));
    const std::string& parent = record.account_state().parent();
    if (!parent.empty() && known_.contains(parent) && !written_.contains(parent)) {
      children_[parent].push_back(entry.account);
      waiting_[entry.account].push_back(entry);
      return absl::OkStatus();
    }
    return Write(entry, record);
  }

  absl::Status Write(const Entry& entry, Record& record) {
    accounts::v1::Account& account = *record.mutable_account_state();
    if (all_accounts_ && !account.parent().empty() && !known_.contains(account.parent())) {
      account.clear_parent();
      without_parent_.insert(entry.account);
    }
    std::vector<std::string> row = {std::string(absl::StripPrefix(record.account(), "accounts/")),
                                    TextOfTime(record.event_time())};
    for (const FieldSpec& field : FieldsOf(RecordKind::kAccount)) row.push_back(TextOf(account, field));
    for (const auto& [key, column] : spool_.columns_) {
      const auto value = account.attributes().find(key);
      row.push_back(value == account.attributes().end() ? "" : TextOf(value->second, column.json));
    }
    PERENNIAL_RETURN_IF_ERROR(file_.Add(row));
    return written_.insert(record.account()).second ? Release(record.account()) : absl::OkStatus();
  }

  // The parent is there now.
  absl::Status Release(const std::string& parent) {
    const auto found = children_.find(parent);
    if (found == children_.end()) return absl::OkStatus();
    const std::vector<std::uint32_t> children = std::move(found->second);
    children_.erase(found);
    for (const std::uint32_t child : children) {
      const auto held = waiting_.find(child);
      if (held == waiting_.end()) continue;
      const std::deque<Entry> entries = std::move(held->second);
      waiting_.erase(held);
      for (const Entry& entry : entries) PERENNIAL_RETURN_IF_ERROR(Take(entry));
    }
    return absl::OkStatus();
  }

  AccountSpool& spool_;
  CsvFile& file_;
  const bool all_accounts_;
  absl::flat_hash_set<std::string> known_;
  absl::flat_hash_set<std::string> written_;
  absl::flat_hash_set<std::uint32_t> without_parent_;
  std::map<std::uint32_t, std::deque<Entry>> waiting_;
  absl::flat_hash_map<std::string, std::vector<std::uint32_t>> children_;
};

absl::StatusOr<std::unique_ptr<AccountSpool>> AccountSpool::Create(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "w+bxe");
  if (file == nullptr) return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", path));
  std::remove(path.c_str());  // it lives as long as it is open
  return std::unique_ptr<AccountSpool>(new AccountSpool(file));
}

absl::Status AccountSpool::Add(const Record& state) {
  if (accounts_.empty() || accounts_.back() != state.account()) accounts_.push_back(state.account());
  for (const auto& [key, value] : state.account_state().attributes()) {
    Column& column = columns_[key];
    column.type = TypeOf(value);
    column.json = column.json || (value.has_text() && value.text().empty());
  }
  const std::string bytes = state.SerializeAsString();
  entries_.push_back({.micros = absl::ToUnixMicros(ToTime(state.event_time())),
                      .offset = size_,
                      .account = static_cast<std::uint32_t>(accounts_.size() - 1),
                      .size = static_cast<std::uint32_t>(bytes.size())});
  size_ += bytes.size();
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) != bytes.size()) {
    return absl::ErrnoToStatus(errno, "cannot keep the accounts");
  }
  return absl::OkStatus();
}

absl::StatusOr<Record> AccountSpool::Read(const Entry& entry) {
  std::string bytes(entry.size, '\0');
  Record record;
  if (fseeko(file_.get(), static_cast<off_t>(entry.offset), SEEK_SET) != 0 ||
      std::fread(bytes.data(), 1, bytes.size(), file_.get()) != bytes.size() || !record.ParseFromString(bytes)) {
    return absl::DataLossError("cannot read the accounts that were kept");
  }
  return record;
}

absl::StatusOr<AccountSpool::Written> AccountSpool::WriteTo(const std::string& path, bool all_accounts) {
  std::vector<std::string> header = {"account_id", "effective_time"};
  for (const FieldSpec& field : FieldsOf(RecordKind::kAccount)) header.push_back(field.name);
  for (const auto& [key, column] : columns_) {
    header.push_back(absl::StrCat("attributes.", key, ":", column.json ? "json_text" : column.type));
  }
  PERENNIAL_ASSIGN_OR_RETURN(const std::unique_ptr<CsvFile> file, CsvFile::Create(path, header));
  std::stable_sort(entries_.begin(), entries_.end(),
                   [](const Entry& a, const Entry& b) { return a.micros < b.micros; });
  Writer writer(*this, *file, all_accounts);
  for (const Entry& entry : entries_) PERENNIAL_RETURN_IF_ERROR(writer.Take(entry));
  PERENNIAL_RETURN_IF_ERROR(writer.Finish());
  PERENNIAL_RETURN_IF_ERROR(file->Close());
  return Written{.rows = file->rows(), .without_parent = writer.without_parent()};
}

}  // namespace perennial::cli
