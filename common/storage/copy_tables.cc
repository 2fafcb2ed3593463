#include "common/storage/copy_tables.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/storage/sqlite_sql.h"

namespace perennial::storage {
namespace {

constexpr int kRowsARead = 2000;
constexpr std::size_t kRowsAnInsert = 100;

struct Column {
  std::string name;
  std::string type;  // INTEGER, REAL, TEXT or BLOB
};

struct Table {
  std::string name;
  std::vector<Column> columns;
  std::vector<std::size_t> key;  // positions in `columns`, in the order of the primary key
};

struct Blob {
  std::string bytes;
};
using Value = std::variant<std::monostate, std::int64_t, double, std::string, Blob>;
using Row = std::vector<Value>;

std::string Quoted(const std::string& name) { return absl::StrCat("\"", name, "\""); }

// The tables of a SQLite database. INTERNAL when one has no primary key, by which to read it in steps.
absl::StatusOr<std::vector<Table>> TablesOf(sql::Connection& sqlite) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement rows,
      sqlite.Prepare("SELECT m.name, c.name, c.type, c.pk FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = "
                     "'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.cid"));
  std::vector<Table> tables;
  std::vector<std::pair<std::int64_t, std::size_t>> key;
  const auto finish = [&]() -> absl::Status {
    if (tables.empty()) return absl::OkStatus();
    if (key.empty()) return absl::InternalError(absl::StrCat("table ", tables.back().name, " has no primary key"));
    std::sort(key.begin(), key.end());
    for (const auto& [order, position] : key) tables.back().key.push_back(position);
    key.clear();
    return absl::OkStatus();
  };
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) break;
    if (tables.empty() || tables.back().name != rows.View(0)) {
      PERENNIAL_RETURN_IF_ERROR(finish());
      tables.push_back({.name = rows.Text(0), .columns = {}, .key = {}});
    }
    if (rows.Int64(3) > 0) key.emplace_back(rows.Int64(3), tables.back().columns.size());
    tables.back().columns.push_back({.name = rows.Text(1), .type = rows.Text(2)});
  }
  PERENNIAL_RETURN_IF_ERROR(finish());
  return tables;
}

Value ValueOf(const sql::Statement& row, int column, const std::string& type) {
  if (row.IsNull(column)) return std::monostate();
  if (type == "INTEGER") return row.Int64(column);
  if (type == "REAL") return row.Double(column);
  if (type == "BLOB") return Blob{row.Text(column)};
  return row.Text(column);
}

void Bind(sql::Statement& statement, int index, const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    statement.Bind(index, *number);
  } else if (const auto* real = std::get_if<double>(&value)) {
    statement.Bind(index, *real);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    statement.Bind(index, *text);
  } else if (const auto* blob = std::get_if<Blob>(&value)) {
    statement.BindBlob(index, blob->bytes);
  } else {
    statement.BindNull(index);
  }
}

std::string KeyOf(const Table& table) {
  return absl::StrJoin(table.key, ", ", [&](std::string* out, std::size_t position) {
    absl::StrAppend(out, Quoted(table.columns[position].name));
  });
}

// Rows after `last` (none: from the start), by the primary key.
absl::StatusOr<std::vector<Row>> ReadSome(sql::Connection& from, const Table& table, const Row* last) {
  std::string sql = "SELECT ";
  absl::StrAppend(&sql, absl::StrJoin(table.columns, ", ", [](std::string* out, const Column& column) {
                    absl::StrAppend(out, Quoted(column.name));
                  }));
  absl::StrAppend(&sql, " FROM ", Quoted(table.name));
  if (last != nullptr) {
    const std::vector<std::string> places(table.key.size(), "?");
    absl::StrAppend(&sql, " WHERE (", KeyOf(table), ") > (", absl::StrJoin(places, ", "), ")");
  }
  absl::StrAppend(&sql, " ORDER BY ", KeyOf(table), " LIMIT ?");
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement, from.Prepare(sql));
  int index = 0;
  if (last != nullptr) {
    for (const std::size_t position : table.key) Bind(statement, ++index, (*last)[position]);
  }
  statement.Bind(++index, kRowsARead);
  std::vector<Row> rows;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool more, statement.Step());
    if (!more) return rows;
    Row& row = rows.emplace_back();
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      row.push_back(ValueOf(statement, static_cast<int>(i), table.columns[i].type));
    }
  }
}

absl::Status Insert(sql::Connection& to, const Table& table, const std::vector<Row>& rows, std::size_t begin,
                    std::size_t count) {
  const std::string places =
      absl::StrCat("(", absl::StrJoin(std::vector<std::string>(table.columns.size(), "?"), ", "), ")");
  const std::string columns = absl::StrJoin(
      table.columns, ", ", [](std::string* out, const Column& column) { absl::StrAppend(out, Quoted(column.name)); });
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement insert,
      to.Prepare(absl::StrCat("INSERT INTO ", Quoted(table.name), " (", columns, ") VALUES ",
                              absl::StrJoin(std::vector<std::string>(count, places), ", "))));
  int index = 0;
  for (std::size_t i = begin; i < begin + count; ++i) {
    for (const Value& value : rows[i]) Bind(insert, ++index, value);
  }
  return insert.Run();
}

// Within a snapshot of `from` and a transaction of `to`, which has the same tables.
absl::Status CopyTables(sql::Connection& from, sql::Connection& to, const std::vector<Table>& tables) {
  for (const Table& table : tables) {
    // Some come with rows.
    PERENNIAL_RETURN_IF_ERROR(to.Execute(absl::StrCat("DELETE FROM ", Quoted(table.name))));
    Row last;
    for (;;) {
      PERENNIAL_ASSIGN_OR_RETURN(std::vector<Row> rows, ReadSome(from, table, last.empty() ? nullptr : &last));
      std::size_t at = 0;
      // Two statements a table only: each is compiled once.
      for (; at + kRowsAnInsert <= rows.size(); at += kRowsAnInsert) {
        PERENNIAL_RETURN_IF_ERROR(Insert(to, table, rows, at, kRowsAnInsert));
      }
      for (; at < rows.size(); ++at) PERENNIAL_RETURN_IF_ERROR(Insert(to, table, rows, at, 1));
      if (rows.size() < static_cast<std::size_t>(kRowsARead)) break;
      last = std::move(rows.back());
    }
  }
  return absl::OkStatus();
}

class PostgresCopy final : public DatabaseCopy {
 public:
  PostgresCopy(postgres::Options options, sql::Schema schema, std::string to)
      : options_(std::move(options)), schema_(std::move(schema)), to_(std::move(to)) {}

  absl::StatusOr<bool> Step() override {
    PERENNIAL_ASSIGN_OR_RETURN(auto from, postgres::OpenSqlReader(options_));
    PERENNIAL_ASSIGN_OR_RETURN(auto to, sqlite::OpenSql(to_, sqlite::Durability::kNormal, schema_));
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<Table> tables, TablesOf(*to));
    PERENNIAL_RETURN_IF_ERROR(
        from->InSnapshot([&] { return to->InTransaction([&] { return CopyTables(*from, *to, tables); }); }));
    to->Checkpoint();
    return false;
  }

 private:
  const postgres::Options options_;
  const sql::Schema schema_;
  const std::string to_;
};

}  // namespace

CopySource PostgresSource(const std::string& file, const postgres::Options& options, const sql::Schema& schema) {
  return {.file = file,
          .size = []() -> absl::StatusOr<std::int64_t> { return 0; },
          .begin = [options, schema](const std::string& to) -> absl::StatusOr<std::unique_ptr<DatabaseCopy>> {
            return std::make_unique<PostgresCopy>(options, schema, to);
          }};
}

absl::Status CopyToPostgres(const std::string& path, const postgres::Options& options, const sql::Schema& schema,
                            const std::string& must_be_empty) {
  PERENNIAL_ASSIGN_OR_RETURN(auto from, sqlite::OpenSql(path, sqlite::Durability::kFull, schema));
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<Table> tables, TablesOf(*from));
  PERENNIAL_ASSIGN_OR_RETURN(auto to, postgres::OpenSql(options, schema));
  return from->InSnapshot([&] {
    return to->InTransaction([&]() -> absl::Status {
      {
        PERENNIAL_ASSIGN_OR_RETURN(sql::Statement any,
                                   to->Prepare(absl::StrCat("SELECT 1 FROM ", Quoted(must_be_empty), " LIMIT 1")));
        PERENNIAL_ASSIGN_OR_RETURN(const bool found, any.Step());
        if (found) return absl::FailedPreconditionError("the PostgreSQL database has data already");
      }
      return CopyTables(*from, *to, tables);
    });
  });
}

}  // namespace perennial::storage
