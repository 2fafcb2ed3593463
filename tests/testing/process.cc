#include "tests/testing/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

namespace perennial::testing {
namespace {

pid_t Start(const std::vector<std::string>& arguments, const std::string& out, const std::string& err) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int in = open("/dev/null", O_RDONLY);
  const int out_file = open(out.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int err_file = out == err ? out_file : open(err.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(in, 0);
  dup2(out_file, 1);
  dup2(err_file, 2);
  execvp(argv[0], argv.data());
  std::perror(argv[0]);
  _exit(127);
}

int ExitCodeOf(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

}  // namespace

Process::Process(const std::vector<std::string>& arguments, const std::string& log) : pid_(Start(arguments, log, log)) {}

Process::~Process() { Kill(); }

void Process::Signal(int signal) const {
  if (pid_ > 0) kill(pid_, signal);
}

void Process::Freeze() const {
  if (pid_ <= 0) return;
  Signal(SIGSTOP);
  int ignored = 0;
  waitpid(pid_, &ignored, WUNTRACED);
}

void Process::Thaw() const { Signal(SIGCONT); }

int Process::Wait() {
  if (pid_ > 0) {
    int status = 0;
    waitpid(pid_, &status, 0);
    exit_code_ = ExitCodeOf(status);
    pid_ = -1;
  }
  return exit_code_;
}

void Process::Kill() {
  Signal(SIGKILL);
  Wait();
}

bool Process::running() {
  if (pid_ <= 0) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) == 0) return true;
  exit_code_ = ExitCodeOf(status);
  pid_ = -1;
  return false;
}

Finished RunToEnd(const std::vector<std::string>& arguments) {
  const TemporaryFolder folder;
  Finished finished;
  const std::string out = folder.path() + "/out";
  const std::string err = folder.path() + "/err";
  const pid_t pid = Start(arguments, out, err);
  int status = 0;
  waitpid(pid, &status, 0);
  finished.exit_code = ExitCodeOf(status);
  finished.out = ReadFile(out);
  finished.err = ReadFile(err);
  return finished;
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "perennial-XXXXXX").string();
  path_ = mkdtemp(name.data());
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

namespace {

// Whether nobody listens there.
bool IsFree(int port) {
  const int socket_file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(socket_file, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const bool free = bind(socket_file, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(socket_file);
  return free;
}

}  // namespace

int FreePort() {
  // Below those that the kernel gives to connections and to servers that take any, and locked until this process ends, as
  // other tests look for one at the same moment.
  constexpr int kFirst = 20000;
  constexpr int kCount = 12000;
  // One file for all: the byte of each port is locked.
  static const int locks = open((std::filesystem::temp_directory_path() / "perennial-test-ports.lock").c_str(),
                                O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  static std::atomic<int> next = getpid() * 101 % kCount;
  for (int tried = 0; tried < kCount; ++tried) {
    const int port = kFirst + next++ % kCount;
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = port;
    lock.l_len = 1;
    if (fcntl(locks, F_OFD_SETLK, &lock) == 0 && IsFree(port)) return port;
  }
  return 0;
}

}  // namespace perennial::testing
