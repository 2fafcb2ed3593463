#include "gateway/http2/event_loop.h"

#include <boost/asio/post.hpp>

namespace perennial::gateway::http2 {

EventLoop::EventLoop()
    : work_(boost::asio::make_work_guard(context_)), alarm_(context_), thread_([this] { context_.run(); }) {}

EventLoop::~EventLoop() { Stop(); }

void EventLoop::Post(std::function<void()> work) { boost::asio::post(context_, std::move(work)); }

void EventLoop::Stop() {
  if (!thread_.joinable()) return;
  Post([this] { context_.stop(); });
  thread_.join();
}

void EventLoop::Arm() {
  if (timers_.empty() || timers_.begin()->first >= armed_) return;
  armed_ = timers_.begin()->first;
  alarm_.expires_at(armed_);
  alarm_.async_wait([this](boost::system::error_code error) {
    if (!error) Fire();
  });
}

void EventLoop::Fire() {
  armed_ = Clock::time_point::max();
  const Clock::time_point now = Clock::now();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    Timer* timer = timers_.begin()->second;
    timers_.erase(timers_.begin());
    timer->when_ = Clock::time_point::max();
    // It may destroy the timer.
    const std::function<void()> due = std::move(timer->due_);
    due();
  }
  Arm();
}

void Timer::Set(EventLoop::Clock::time_point when, std::function<void()> due) {
  Clear();
  when_ = when;
  due_ = std::move(due);
  loop_.timers_.emplace(when_, this);
  loop_.Arm();
}

void Timer::Clear() {
  if (when_ == EventLoop::Clock::time_point::max()) return;
  loop_.timers_.erase({when_, this});
  when_ = EventLoop::Clock::time_point::max();
  due_ = nullptr;
}

}  // namespace perennial::gateway::http2
