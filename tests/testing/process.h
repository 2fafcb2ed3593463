#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace perennial::testing {

// A program that runs beside the test and ends with it.
class Process {
 public:
  // Starts `arguments[0]` with the rest as its arguments; its output is appended to `log`.
  Process(const std::vector<std::string>& arguments, const std::string& log);
  // Kills it if it still runs.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Sends a signal.
  void Signal(int signal) const;
  // Stops it where it stands, and waits until it does; and lets it go on.
  void Freeze() const;
  void Thaw() const;
  // Waits until it ends. Its exit code, or 128 + the signal that ended it.
  int Wait();
  // Ends it as a power cut would.
  void Kill();
  [[nodiscard]] bool running();
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  int exit_code_ = -1;
};

// Runs a program to its end. Its exit code (as Process::Wait), standard output and standard error.
struct Finished {
  int exit_code = -1;
  std::string out;
  std::string err;
};
Finished RunToEnd(const std::vector<std::string>& arguments);

// A folder that is removed with all in it at the end of its life.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// The text of a file; empty when there is none.
std::string ReadFile(const std::string& path);

// A port that nobody listens on, and that no other test gets while this process lives; 0 when there is none.
int FreePort();

}  // namespace perennial::testing
