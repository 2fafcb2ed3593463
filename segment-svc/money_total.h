#pragma once

#include <algorithm>
#include <limits>
#include <optional>
#include <string>

#include "common/base/money.h"
#include "perennial/type/v1/money.pb.h"

namespace perennial::segments {

// An exact sum of amounts that facts carry as numbers; each counts as its nearest millionth. Never overflows: amounts
// past what Micros can hold are shown as the greatest that it can.
class MoneyTotal {
 public:
  __extension__ using Wide = __int128;
  // Of an exact amount.
  static MoneyTotal OfMicros(Wide micros) { return MoneyTotal(micros); }
  [[nodiscard]] Wide wide() const { return micros_; }
  void AddMicros(Micros micros) { micros_ += micros; }
  void Add(double units) {
    constexpr double kMost = 9e12;
    micros_ += MicrosOfNumber(std::clamp(units, -kMost, kMost));
  }
  void Add(std::optional<double> units) {
    if (units.has_value()) Add(*units);
  }
  [[nodiscard]] MoneyTotal Times(int factor) const { return MoneyTotal(micros_ * factor); }
  // Share of `parts` equal parts, to the nearest millionth; nothing of no parts.
  [[nodiscard]] MoneyTotal DividedBy(std::int64_t parts) const {
    if (parts == 0) return MoneyTotal();
    const Wide half = micros_ < 0 ? -(parts / 2) : parts / 2;
    return MoneyTotal((micros_ + half) / parts);
  }
  [[nodiscard]] Micros micros() const {
    using Limits = std::numeric_limits<Micros>;
    return static_cast<Micros>(std::clamp<Wide>(micros_, Limits::min(), Limits::max()));
  }
  [[nodiscard]] perennial::type::v1::Money ToProto(const std::string& currency) const {
    perennial::type::v1::Money money;
    money.set_amount(FormatAmount(micros()));
    money.set_currency_code(currency);
    return money;
  }
  // How many times `base`, which is not 0, goes into this.
  [[nodiscard]] double Over(const MoneyTotal& base) const {
    return static_cast<double>(micros_) / static_cast<double>(base.micros_);
  }

  MoneyTotal() = default;
  friend MoneyTotal operator+(MoneyTotal a, MoneyTotal b) { return MoneyTotal(a.micros_ + b.micros_); }
  friend MoneyTotal operator-(MoneyTotal a, MoneyTotal b) { return MoneyTotal(a.micros_ - b.micros_); }
  friend auto operator<=>(const MoneyTotal&, const MoneyTotal&) = default;

 private:
  explicit MoneyTotal(Wide micros) : micros_(micros) {}
  Wide micros_ = 0;
};

}  // namespace perennial::segments
