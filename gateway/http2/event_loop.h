#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <thread>
#include <utility>

#include "absl/container/btree_set.h"

namespace perennial::gateway::http2 {

class Timer;

// A thread, and the connections, calls and timers that are served on it: whatever belongs to a loop is touched on its thread alone, and
// so needs no lock.
class EventLoop {
 public:
  using Clock = std::chrono::steady_clock;

  EventLoop();
  // Stops.
  ~EventLoop();

  boost::asio::io_context& context() { return context_; }
  // Runs `work` on the loop's thread, soon. On any thread.
  void Post(std::function<void()> work);
  // Runs what was posted before, then no more. Not on the loop's own thread. What is left is destroyed with this.
  void Stop();

 private:
  friend class Timer;
  void Arm();
  void Fire();

  absl::btree_set<std::pair<Clock::time_point, Timer*>> timers_;  // before what may still have some in what was never run
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer alarm_;  // one for all timers
  Clock::time_point armed_ = Clock::time_point::max();
  std::thread thread_;
};

// Calls back once, on its loop's thread, and never after it is cleared or gone. Used on that thread.
class Timer {
 public:
  explicit Timer(EventLoop& loop) : loop_(loop) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { Clear(); }

  // Instead of what was set before.
  void Set(EventLoop::Clock::time_point when, std::function<void()> due);
  void SetAfter(EventLoop::Clock::duration wait, std::function<void()> due) {
    Set(EventLoop::Clock::now() + wait, std::move(due));
  }
  void Clear();

 private:
  friend class EventLoop;
  EventLoop& loop_;
  EventLoop::Clock::time_point when_ = EventLoop::Clock::time_point::max();  // max: not set
  std::function<void()> due_;
};

}  // namespace perennial::gateway::http2
