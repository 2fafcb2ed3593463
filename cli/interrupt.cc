#include "cli/interrupt.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <stdexcept>
#include <utility>

namespace perennial::cli {
namespace {

// A signal handler reaches nothing but this.
std::atomic<int> signal_pipe{-1};

constexpr char kSignal = 's';
constexpr char kEnd = 'e';

void OnSignal(int /*signal*/) {
  const int saved = errno;
  // Only what is async-signal-safe: a byte for the thread that waits.
  if (write(signal_pipe.load(), &kSignal, 1) < 0) {
    // The pipe holds thousands of bytes; a full one has been told already.
  }
  errno = saved;
}

}  // namespace

Interrupt::Interrupt(std::function<void()> on_interrupt) {
  if (pipe2(pipe_, O_CLOEXEC) != 0) throw std::runtime_error("cannot make a pipe");
  signal_pipe = pipe_[1];
  struct sigaction action {};
  action.sa_handler = OnSignal;
  // The handler goes back to the default after the first signal, so that a second Ctrl-C ends what hangs.
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, &old_interrupt_);
  sigaction(SIGTERM, &action, &old_terminate_);
  waiter_ = std::thread([read_end = pipe_[0], on_interrupt = std::move(on_interrupt)] {
    char byte = 0;
    ssize_t count = 0;
    do {
      count = read(read_end, &byte, 1);
    } while (count < 0 && errno == EINTR);
    if (count == 1 && byte == kSignal) on_interrupt();
  });
}

Interrupt::~Interrupt() {
  sigaction(SIGINT, &old_interrupt_, nullptr);
  sigaction(SIGTERM, &old_terminate_, nullptr);
  if (write(pipe_[1], &kEnd, 1) < 0) {
    // Can't be: the pipe is open and holds more than a few bytes.
  }
  waiter_.join();
  signal_pipe = -1;
  close(pipe_[0]);
  close(pipe_[1]);
}

}  // namespace perennial::cli
