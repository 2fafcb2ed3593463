#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/storage/sql.h"

namespace perennial::postgres {

struct FreeResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, FreeResult>;

// The connection as its statements see it.
class Session {
 public:
  virtual ~Session() = default;
  [[nodiscard]] virtual PGconn* handle() = 0;
  // The error that a result tells, or OK; notes that the transaction has failed.
  virtual absl::Status Check(const PGresult* result) = 0;
  virtual absl::Status Fail(absl::Status status) = 0;
  virtual void SetChanges(std::int64_t rows) = 0;
};

// A statement that the server has prepared. Parameters and columns travel in binary; their types are the server's,
// which a bound value is converted to.
class PreparedStatement final : public sql::StatementDriver {
 public:
  // Prepares `sql`, with ? as placeholders, under `name`.
  static absl::StatusOr<std::unique_ptr<PreparedStatement>> Prepare(Session& session, std::string name,
                                                                    absl::string_view sql);

  void BindText(int index, absl::string_view text) override { Set(index, Text{text}); }
  void BindBlob(int index, absl::string_view bytes) override { Set(index, Blob{bytes}); }
  void BindInt64(int index, std::int64_t value) override { Set(index, value); }
  void BindDouble(int index, double value) override { Set(index, value); }
  void BindNull(int index) override { Set(index, std::monostate()); }
  absl::StatusOr<bool> Step() override;
  void Reset() override;
  [[nodiscard]] bool IsNull(int column) const override;
  [[nodiscard]] absl::string_view View(int column) const override;
  [[nodiscard]] std::int64_t Int64(int column) const override;
  [[nodiscard]] double Double(int column) const override;

 private:
  struct Text {
    absl::string_view bytes;
  };
  struct Blob {
    absl::string_view bytes;
  };
  using Value = std::variant<std::monostate, std::int64_t, double, Text, Blob>;

  PreparedStatement(Session& session, std::string name) : session_(session), name_(std::move(name)) {}
  absl::Status Describe();
  absl::Status Run();
  // The value as the server's type wants it, in `buffers_[index]` unless its own bytes will do; nothing for NULL.
  absl::StatusOr<std::optional<absl::string_view>> Encode(std::size_t index);
  void Set(int index, Value value);

  Session& session_;
  const std::string name_;
  std::vector<Oid> types_;
  std::vector<Value> values_;
  std::vector<std::string> buffers_;
  bool bad_index_ = false;
  Result result_;
  int row_ = 0;
};

}  // namespace perennial::postgres
