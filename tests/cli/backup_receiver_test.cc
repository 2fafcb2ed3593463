// The pieces of a backup, as a gateway may send them.
#include <filesystem>
#include <functional>
#include <vector>

#include "cli/backup_run.h"
#include "common/base/sha256.h"
#include "tests/cli/backup_files.h"
#include "tests/testing/process.h"

namespace perennial::cli {
namespace {

struct Sent {
  std::string file = "accounts.db";
  std::int64_t offset = 0;
  std::string data = {};
  std::int64_t file_size = 0;
  std::string sha256 = {};
};

class BackupReceiverTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string path = folder_.path() + "/source.db";
    MakeDatabase(path, 0x50651, "x");
    bytes_ = BytesOf(path);
    auto created = ExportFolder::Create(folder_.path() + "/out");
    ASSERT_TRUE(created.ok()) << created.status();
    out_ = *std::move(created);
  }
  // The file in pieces of 1,000 bytes, after an empty one.
  [[nodiscard]] std::vector<Sent> Pieces() const {
    const auto size = static_cast<std::int64_t>(bytes_.size());
    std::vector<Sent> pieces{{.file_size = size}};
    for (std::size_t at = 0; at < bytes_.size(); at += 1000) {
      pieces.push_back({.offset = static_cast<std::int64_t>(at), .data = bytes_.substr(at, 1000), .file_size = size});
    }
    pieces.back().sha256 = Sha256().Add(bytes_).HexDigest();
    return pieces;
  }
  // How the first thing that is wrong with the pieces is told.
  absl::Status Receive(const std::vector<Sent>& pieces) {
    BackupReceiver receiver(*out_);
    for (const Sent& piece : pieces) {
      const absl::Status taken = receiver.Take({.service = "accounts",
                                                .file = piece.file,
                                                .offset = piece.offset,
                                                .data = piece.data,
                                                .file_size = piece.file_size,
                                                .sha256 = piece.sha256});
      if (!taken.ok()) return taken;
    }
    const absl::Status ended = receiver.End("accounts");
    if (ended.ok()) files_ = receiver.files();
    return ended;
  }

  const testing::TemporaryFolder folder_;
  std::string bytes_;
  std::unique_ptr<ExportFolder> out_;
  std::vector<BackupFile> files_;
};

TEST_F(BackupReceiverTest, PutsAFileTogether) {
  const absl::Status received = Receive(Pieces());
  ASSERT_TRUE(received.ok()) << received;
  ASSERT_EQ(files_.size(), 1U);
  EXPECT_EQ(files_[0].sha256, Pieces().back().sha256);
  ASSERT_TRUE(out_->Commit().ok());
  EXPECT_EQ(BytesOf(folder_.path() + "/out/accounts.db"), bytes_);
}

using Change = std::function<void(std::vector<Sent>&)>;

class WrongPieces : public BackupReceiverTest, public ::testing::WithParamInterface<std::pair<const char*, Change>> {};

TEST_P(WrongPieces, AreRefused) {
  std::vector<Sent> pieces = Pieces();
  GetParam().second(pieces);
  EXPECT_EQ(Receive(pieces).code(), absl::StatusCode::kDataLoss);
  out_.reset();
  EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/out"));
}

INSTANTIATE_TEST_SUITE_P(
    All, WrongPieces,
    ::testing::Values(std::pair<const char*, Change>{"ChangedByte", [](auto& pieces) { pieces[3].data[17] ^= 1; }},
                      std::pair<const char*, Change>{"Missing", [](auto& pieces) { pieces.erase(pieces.begin() + 2); }},
                      std::pair<const char*, Change>{"Twice", [](auto& pieces) { pieces.insert(pieces.begin() + 2, pieces[2]); }},
                      std::pair<const char*, Change>{"EndsEarly", [](auto& pieces) { pieces.pop_back(); }},
                      std::pair<const char*, Change>{"Nothing", [](auto& pieces) { pieces.clear(); }},
                      std::pair<const char*, Change>{"OtherDigest", [](auto& pieces) { pieces.back().sha256[0] ^= 1; }},
                      std::pair<const char*, Change>{"OtherSize", [](auto& pieces) { pieces.back().file_size += 1; }},
                      std::pair<const char*, Change>{"PathOutside", [](auto& pieces) {
                                                       for (Sent& piece : pieces) piece.file = "../accounts.db";
                                                     }},
                      std::pair<const char*, Change>{"OtherFileWithin",
                                                     [](auto& pieces) { pieces[4].file = "health.db"; }},
                      std::pair<const char*, Change>{"NoDatabase",
                                                     [](auto& pieces) {
                                                       pieces = {{.data = "no database",
                                                                  .file_size = 11,
                                                                  .sha256 = Sha256().Add("no database").HexDigest()}};
                                                     }}),
    [](const auto& info) { return info.param.first; });

}  // namespace
}  // namespace perennial::cli
