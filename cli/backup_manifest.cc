#include "cli/backup_manifest.h"

#include <sqlite3.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"

namespace perennial::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;

struct Database {
  const char* service;
  const char* file;
  std::int64_t application_id;
};
constexpr Database kDatabases[] = {{"accounts", "accounts.db", 0x50651},
                                   {"health", "health.db", 0x50484c54},
                                   {"segments", "segments.db", 0x50535347},
                                   {"segments", "engagement.db", 0x50454e47},
                                   {"segments", "metrics.db", 0x50534e50}};

const Database* Find(absl::string_view service, absl::string_view file) {
  for (const Database& database : kDatabases) {
    if (service == database.service && file == database.file) return &database;
  }
  return nullptr;
}

absl::StatusOr<std::string> Digest(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string buffer(1 << 20, '\0');
  Sha256 hash;
  while (file.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || file.gcount() > 0) {
    hash.Add(absl::string_view(buffer.data(), static_cast<std::size_t>(file.gcount())));
  }
  if (!file.eof()) return absl::UnavailableError(absl::StrCat("cannot read ", path));
  return hash.HexDigest();
}

struct Closer {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};

// The first value that a query gives, as text.
std::string Ask(sqlite3* db, const char* sql) {
  std::string answer;
  const auto take = [](void* out, int columns, char** values, char**) {
    if (columns > 0 && values[0] != nullptr && static_cast<std::string*>(out)->empty()) {
      *static_cast<std::string*>(out) = values[0];
    }
    return 0;
  };
  if (sqlite3_exec(db, sql, take, &answer, nullptr) != SQLITE_OK) return sqlite3_errmsg(db);
  return answer;
}

}  // namespace

bool IsDatabaseOf(absl::string_view service, absl::string_view file) { return Find(service, file) != nullptr; }

absl::StatusOr<BackupFile> InspectDatabase(absl::string_view service, absl::string_view file, const std::string& path) {
  const Database* const database = Find(service, file);
  if (database == nullptr) return absl::InvalidArgumentError(absl::StrCat(file, " is no database of ", service));
  BackupFile found{.service = std::string(service), .file = std::string(file), .sha256 = {}};
  std::error_code error;
  found.size = static_cast<std::int64_t>(std::filesystem::file_size(path, error));
  if (error) return absl::NotFoundError(absl::StrCat("cannot read ", path, ": ", error.message()));
  PERENNIAL_ASSIGN_OR_RETURN(found.sha256, Digest(path));
  sqlite3* handle = nullptr;
  // Nobody writes to it, and nothing is to be written beside it.
  const std::string uri =
      absl::StrCat("file:", absl::StrReplaceAll(path, {{"%", "%25"}, {"?", "%3f"}, {"#", "%23"}}), "?immutable=1");
  const int opened = sqlite3_open_v2(uri.c_str(), &handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, nullptr);
  const std::unique_ptr<sqlite3, Closer> db(handle);
  const std::string fault = opened == SQLITE_OK ? Ask(handle, "PRAGMA integrity_check") : sqlite3_errmsg(handle);
  if (fault != "ok") return absl::DataLossError(absl::StrCat(path, " is damaged: ", fault));
  found.application_id = std::atoll(Ask(handle, "PRAGMA application_id").c_str());
  found.schema_version = std::atoll(Ask(handle, "PRAGMA user_version").c_str());
  if (found.application_id != database->application_id) {
    return absl::DataLossError(absl::StrCat(path, " is not the database of ", service, "-svc that its name says"));
  }
  return found;
}

std::string ToJson(const BackupManifest& manifest) {
  Json json = Json::object();
  json["format"] = kFormat;
  json["time"] = absl::FormatTime(absl::RFC3339_sec, manifest.time, absl::UTCTimeZone());
  json["version"] = manifest.version;
  json["files"] = Json::array();
  for (const BackupFile& file : manifest.files) {
    json["files"].push_back({{"service", file.service},
                             {"file", file.file},
                             {"size", file.size},
                             {"sha256", file.sha256},
                             {"application_id", file.application_id},
                             {"schema_version", file.schema_version}});
  }
  return json.dump(2) + "\n";
}

absl::StatusOr<BackupManifest> ParseManifest(absl::string_view text) {
  const auto bad = [](absl::string_view problem) {
    return absl::InvalidArgumentError(absl::StrCat(kManifestName, " ", problem));
  };
  try {
    const Json json = Json::parse(text.begin(), text.end());
    if (json.at("format").get<int>() != kFormat) return bad("was made by a newer version of perennial");
    BackupManifest manifest{.time = {}, .version = json.at("version").get<std::string>(), .files = {}};
    std::string error;
    if (!absl::ParseTime(absl::RFC3339_full, json.at("time").get<std::string>(), &manifest.time, &error)) {
      return bad("has no good time");
    }
    for (const Json& entry : json.at("files")) {
      BackupFile file{.service = entry.at("service").get<std::string>(),
                      .file = entry.at("file").get<std::string>(),
                      .size = entry.at("size").get<std::int64_t>(),
                      .sha256 = entry.at("sha256").get<std::string>(),
                      .application_id = entry.at("application_id").get<std::int64_t>(),
                      .schema_version = entry.at("schema_version").get<std::int64_t>()};
      if (!IsDatabaseOf(file.service, file.file)) return bad(absl::StrCat("names a file of nobody, ", file.file));
      manifest.files.push_back(std::move(file));
    }
    if (manifest.files.empty()) return bad("names no files");
    return manifest;
  } catch (const Json::exception& error) {
    return bad(absl::StrCat("cannot be read: ", error.what()));
  }
}

}  // namespace perennial::cli
