#pragma once

#include <csignal>
#include <functional>
#include <thread>

namespace perennial::cli {

// While it lives, Ctrl-C and SIGTERM call `on_interrupt`, once, on a thread of its own instead of ending the process;
// the second one ends the process as usual. Only one may live at a time.
class Interrupt {
 public:
  explicit Interrupt(std::function<void()> on_interrupt);
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

 private:
  int pipe_[2] = {-1, -1};
  struct sigaction old_interrupt_ {};
  struct sigaction old_terminate_ {};
  std::thread waiter_;
};

}  // namespace perennial::cli
