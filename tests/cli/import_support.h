#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace perennial::cli {

// A folder of its own for a test, gone at its end.
class TestFolder {
 public:
  TestFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "perennial-cli-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  // Writes a file and returns its path.
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ + "/" + name, std::ios::binary) << text;
    return path_ + "/" + name;
  }
  [[nodiscard]] std::string Read(const std::string& name) const {
    std::ifstream file(path_ + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  [[nodiscard]] bool Has(const std::string& name) const { return std::filesystem::exists(path_ + "/" + name); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// The folder of data made elsewhere: $PERENNIAL_DATA, or shared/data beside the source tree. Empty when it is not
// there.
inline std::string DataFolder(const std::string& name) {
  const char* given = std::getenv("PERENNIAL_DATA");
  const std::string root = given != nullptr ? given : std::string(PERENNIAL_SOURCE_DIR) + "/../shared/data";
  const std::string path = root + "/" + name;
  return std::filesystem::is_directory(path) ? path : "";
}

// Skips the test when the data is not there.
#define PERENNIAL_NEEDS_DATA(folder, name)                       \
  const std::string folder = ::perennial::cli::DataFolder(name); \
  if (folder.empty()) GTEST_SKIP() << "no folder " name " in $PERENNIAL_DATA or ../shared/data: nothing to read"

}  // namespace perennial::cli
