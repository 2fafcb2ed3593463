#include "health-svc/ticker.h"

#include <utility>

#include "common/base/log.h"

namespace perennial::health {

Ticker::Ticker(std::chrono::milliseconds interval, std::function<absl::Status()> tick)
    : interval_(interval), tick_(std::move(tick)), thread_([this] { Loop(); }) {}

Ticker::~Ticker() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  changed_.notify_all();
}

void Ticker::Wake() {
  {
    MutexLock lock(mu_);
    woken_ = true;
  }
  changed_.notify_all();
}

void Ticker::Loop() {
  bool failing = false;
  for (;;) {
    {
      MutexLock lock(mu_);
      if (!stopping_ && !woken_) (void)lock.WaitFor(changed_, interval_);
      if (stopping_) return;
      woken_ = false;
    }
    const absl::Status status = tick_();
    if (!status.ok() && !failing)
      Log(LogLevel::kError, "flags and changes are not kept up", {{"status", status.ToString()}});
    failing = !status.ok();
  }
}

}  // namespace perennial::health
