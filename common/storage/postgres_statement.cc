#include "common/storage/postgres_statement.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/storage/sql_dialect.h"

namespace perennial::postgres {
namespace {

// Numbers of types, fixed for ever (pg_type.dat). The header that names them belongs to the server's development files.
constexpr Oid kBool = 16;
constexpr Oid kBytea = 17;
constexpr Oid kInt8 = 20;
constexpr Oid kInt2 = 21;
constexpr Oid kInt4 = 23;
constexpr Oid kText = 25;
constexpr Oid kFloat8 = 701;
constexpr Oid kVarchar = 1043;
constexpr Oid kName = 19;
constexpr std::array kKnown = {kBool, kBytea, kInt8, kInt2, kInt4, kText, kFloat8, kVarchar, kName};

bool IsText(Oid type) { return type == kText || type == kVarchar || type == kName; }

std::string BigEndian(std::uint64_t value, int bytes) {
  std::string out(static_cast<std::size_t>(bytes), '\0');
  for (int i = 0; i < bytes; ++i) out[static_cast<std::size_t>(i)] = static_cast<char>(value >> (8 * (bytes - 1 - i)));
  return out;
}

std::uint64_t FromBigEndian(const char* bytes, int size) {
  std::uint64_t value = 0;
  for (int i = 0; i < size; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

template <class T>
bool Fits(std::int64_t value) {
  return value >= std::numeric_limits<T>::min() && value <= std::numeric_limits<T>::max();
}

std::string FloatBytes(double value) { return BigEndian(std::bit_cast<std::uint64_t>(value), 8); }

// Nothing when the type cannot hold the value.
std::optional<std::string> IntBytes(Oid type, std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  if (type == kInt8) return BigEndian(bits, 8);
  if (type == kInt4 && Fits<std::int32_t>(value)) return BigEndian(bits, 4);
  if (type == kInt2 && Fits<std::int16_t>(value)) return BigEndian(bits, 2);
  if (type == kBool) return BigEndian(value != 0 ? 1 : 0, 1);
  if (type == kFloat8) return FloatBytes(static_cast<double>(value));
  if (IsText(type)) return absl::StrCat(value);
  return std::nullopt;
}

}  // namespace

absl::StatusOr<std::unique_ptr<PreparedStatement>> PreparedStatement::Prepare(Session& session, std::string name,
                                                                              absl::string_view sql) {
  const std::string text = sql::PlaceholdersForPostgres(sql);
  const Result prepared(PQprepare(session.handle(), name.c_str(), text.c_str(), 0, nullptr));
  PERENNIAL_RETURN_IF_ERROR(session.Check(prepared.get()));
  std::unique_ptr<PreparedStatement> statement(new PreparedStatement(session, std::move(name)));
  PERENNIAL_RETURN_IF_ERROR(statement->Describe());
  return statement;
}

absl::Status PreparedStatement::Describe() {
  const Result described(PQdescribePrepared(session_.handle(), name_.c_str()));
  PERENNIAL_RETURN_IF_ERROR(session_.Check(described.get()));
  const int parameters = PQnparams(described.get());
  for (int i = 0; i < parameters; ++i) types_.push_back(PQparamtype(described.get(), i));
  values_.resize(types_.size());
  buffers_.resize(types_.size());
  for (int i = 0; i < PQnfields(described.get()); ++i) {
    const Oid type = PQftype(described.get(), i);
    if (std::find(kKnown.begin(), kKnown.end(), type) == kKnown.end()) {
      return session_.Fail(
          absl::InternalError(absl::StrCat("column ", i, " has type ", type, "; cast it in the statement")));
    }
  }
  return absl::OkStatus();
}

void PreparedStatement::Set(int index, Value value) {
  const auto at = static_cast<std::size_t>(index) - 1;
  if (index < 1 || at >= values_.size()) {
    bad_index_ = true;
  } else {
    values_[at] = value;
  }
}

absl::StatusOr<std::optional<absl::string_view>> PreparedStatement::Encode(std::size_t index) {
  const Oid type = types_[index];
  const Value& value = values_[index];
  std::optional<std::string> bytes;
  if (std::holds_alternative<std::monostate>(value)) return std::nullopt;
  if (const auto* text = std::get_if<Text>(&value); text != nullptr && IsText(type)) return text->bytes;
  if (const auto* blob = std::get_if<Blob>(&value); blob != nullptr && type == kBytea) return blob->bytes;
  if (const auto* number = std::get_if<std::int64_t>(&value)) bytes = IntBytes(type, *number);
  if (const auto* number = std::get_if<double>(&value); number != nullptr && type == kFloat8)
    bytes = FloatBytes(*number);
  if (!bytes.has_value()) {
    return absl::InternalError(absl::StrCat("parameter ", index + 1, " does not fit type ", type));
  }
  buffers_[index] = *std::move(bytes);
  return absl::string_view(buffers_[index]);
}

absl::Status PreparedStatement::Run() {
  if (bad_index_) return session_.Fail(absl::InternalError("a parameter was bound that the statement does not have"));
  std::vector<const char*> values(types_.size());
  std::vector<int> lengths(types_.size());
  const std::vector<int> formats(types_.size(), 1);
  for (std::size_t i = 0; i < types_.size(); ++i) {
    const auto bytes = Encode(i);
    if (!bytes.ok()) return session_.Fail(bytes.status());
    if (!bytes->has_value()) continue;
    // An empty view may have no address, which libpq would take for NULL.
    values[i] = (*bytes)->empty() ? "" : (*bytes)->data();
    lengths[i] = static_cast<int>((*bytes)->size());
  }
  result_.reset(PQexecPrepared(session_.handle(), name_.c_str(), static_cast<int>(types_.size()), values.data(),
                               lengths.data(), formats.data(), 1));
  if (absl::Status status = session_.Check(result_.get()); !status.ok()) {
    result_.reset();
    return status;
  }
  std::int64_t rows = 0;
  if (absl::SimpleAtoi(PQcmdTuples(result_.get()), &rows)) session_.SetChanges(rows);
  return absl::OkStatus();
}

absl::StatusOr<bool> PreparedStatement::Step() {
  if (result_ == nullptr) {
    PERENNIAL_RETURN_IF_ERROR(Run());
    row_ = 0;
  } else {
    ++row_;
  }
  return row_ < PQntuples(result_.get());
}

void PreparedStatement::Reset() {
  result_.reset();
  std::fill(values_.begin(), values_.end(), Value());
  bad_index_ = false;
}

bool PreparedStatement::IsNull(int column) const {
  return result_ == nullptr || row_ >= PQntuples(result_.get()) || PQgetisnull(result_.get(), row_, column) != 0;
}

absl::string_view PreparedStatement::View(int column) const {
  if (IsNull(column)) return {};
  return {PQgetvalue(result_.get(), row_, column), static_cast<std::size_t>(PQgetlength(result_.get(), row_, column))};
}

std::int64_t PreparedStatement::Int64(int column) const {
  if (IsNull(column)) return 0;
  const char* bytes = PQgetvalue(result_.get(), row_, column);
  switch (PQftype(result_.get(), column)) {
    case kInt8: return static_cast<std::int64_t>(FromBigEndian(bytes, 8));
    case kInt4: return static_cast<std::int32_t>(FromBigEndian(bytes, 4));
    case kInt2: return static_cast<std::int16_t>(FromBigEndian(bytes, 2));
    case kBool: return bytes[0];
    case kFloat8: return static_cast<std::int64_t>(Double(column));
    default: return 0;
  }
}

double PreparedStatement::Double(int column) const {
  if (IsNull(column)) return 0;
  if (PQftype(result_.get(), column) != kFloat8) return static_cast<double>(Int64(column));
  return std::bit_cast<double>(FromBigEndian(PQgetvalue(result_.get(), row_, column), 8));
}

}  // namespace perennial::postgres
