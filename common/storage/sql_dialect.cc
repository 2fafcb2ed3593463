#include "common/storage/sql_dialect.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace perennial::sql {
namespace {

bool IsWordCharacter(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// Length of the piece of SQL that `sql` begins with: a quoted text or name, a comment, a word, a placeholder, or one
// character.
std::size_t PieceLength(absl::string_view sql) {
  const char first = sql.front();
  if (first == '\'' || first == '"') {
    // A doubled quote ends one piece and begins the next, which comes to the same.
    const std::size_t end = sql.find(first, 1);
    return end == absl::string_view::npos ? sql.size() : end + 1;
  }
  if (sql.substr(0, 2) == "--") return std::min(sql.find('\n'), sql.size());
  std::size_t length = 1;
  if (first == '?') {
    while (length < sql.size() && absl::ascii_isdigit(static_cast<unsigned char>(sql[length]))) ++length;
  } else if (IsWordCharacter(first)) {
    while (length < sql.size() && IsWordCharacter(sql[length])) ++length;
  }
  return length;
}

template <class Replace>
std::string ReplacePieces(absl::string_view sql, Replace replace) {
  std::string out;
  while (!sql.empty()) {
    const std::size_t length = PieceLength(sql);
    absl::StrAppend(&out, replace(sql.substr(0, length)));
    sql.remove_prefix(length);
  }
  return out;
}

}  // namespace

std::string PlaceholdersForPostgres(absl::string_view sql) {
  int greatest = 0;
  return ReplacePieces(sql, [&](absl::string_view piece) {
    if (piece.front() != '?') return std::string(piece);
    int number = greatest + 1;
    if (piece.size() > 1 && !absl::SimpleAtoi(piece.substr(1), &number)) return std::string(piece);
    greatest = std::max(greatest, number);
    return absl::StrCat("$", number);
  });
}

std::string DdlForPostgres(absl::string_view ddl) {
  bool strict = false;  // the comma between STRICT and WITHOUT ROWID goes with them
  return ReplacePieces(ddl, [&](absl::string_view piece) -> std::string {
    if (piece == "STRICT") return strict = true, "";
    if (piece == "," && std::exchange(strict, false)) return "";
    if (piece == ";") strict = false;
    if (piece == "WITHOUT" || piece == "ROWID") return "";
    if (piece == "INTEGER") return "BIGINT";
    if (piece == "REAL") return "DOUBLE PRECISION";
    if (piece == "BLOB") return "BYTEA";
    if (piece == "TEXT") return "TEXT COLLATE \"C\"";
    return std::string(piece);
  });
}

}  // namespace perennial::sql
