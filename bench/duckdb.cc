#include "bench/duckdb.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "bench/timing.h"

namespace perennial::bench {
namespace {

constexpr char kPeer[] = PERENNIAL_SOURCE_DIR "/bench/node/duckdb_peer.mjs";

}  // namespace

DuckDb::DuckDb() {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  if (pipe(in.data()) != 0 || pipe(out.data()) != 0) Die("no pipe");
  pid_ = fork();
  if (pid_ < 0) Die("no process");
  if (pid_ == 0) {
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    for (const int fd : {in[0], in[1], out[0], out[1]}) close(fd);
    execlp("node", "node", kPeer, nullptr);
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  to_ = fdopen(in[1], "w");
  from_ = fdopen(out[0], "r");
}

DuckDb::~DuckDb() {
  std::fclose(to_);
  std::fclose(from_);
  waitpid(pid_, nullptr, 0);
}

DuckDb::Answer DuckDb::Run(const std::string& sql) {
  const std::string line = nlohmann::json{{"sql", sql}}.dump() + "\n";
  if (std::fwrite(line.data(), 1, line.size(), to_) != line.size() || std::fflush(to_) != 0) Die("it has ended");
  std::string text;
  for (int c = std::fgetc(from_); c != '\n'; c = std::fgetc(from_)) {
    if (c == EOF) Die("it has ended");
    text.push_back(static_cast<char>(c));
  }
  const nlohmann::json answer = nlohmann::json::parse(text);
  if (answer.contains("error")) Die(answer["error"].get<std::string>() + " in " + sql.substr(0, 500));
  return {.milliseconds = answer["ms"].get<double>(), .rows = answer["rows"]};
}

}  // namespace perennial::bench
