#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/storage/sqlite.h"

namespace perennial::cli {

// Makes a database with one table, `what`, that has one row of one text. Its log is in the file.
inline void MakeDatabase(const std::string& path, int application_id, const std::string& text,
                         const std::string& sql = "") {
  auto connection = sqlite::Connection::Open(path, sqlite::Durability::kFull);
  ASSERT_TRUE(connection.ok()) << connection.status();
  const absl::Status made = (*connection)
                                ->Execute(absl::StrCat("CREATE TABLE what (text TEXT PRIMARY KEY); INSERT INTO what VALUES ('",
                                                       text, "'); ", sql, "; PRAGMA user_version = 2; PRAGMA application_id = ",
                                                       application_id));
  ASSERT_TRUE(made.ok()) << made;
  (*connection)->Checkpoint();
}

inline std::string AskDatabase(const std::string& path, const std::string& sql) {
  auto connection = sqlite::Connection::OpenReader(path);
  if (!connection.ok()) return std::string(connection.status().message());
  auto statement = (*connection)->Prepare(sql);
  if (!statement.ok()) return std::string(statement.status().message());
  const auto row = statement->Step();
  return row.ok() && *row ? statement->Text(0) : "no row";
}

inline std::string BytesOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {(std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>()};
}

}  // namespace perennial::cli
