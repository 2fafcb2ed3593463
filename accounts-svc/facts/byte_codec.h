#pragma once

#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace perennial::accounts {

// Puts values into bytes, short ones into few. Numbers of this machine's byte order: only for what can be made anew.
class ByteWriter {
 public:
  ByteWriter& Unsigned(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_.push_back(static_cast<char>(value | 0x80));
    bytes_.push_back(static_cast<char>(value));
    return *this;
  }
  ByteWriter& Signed(std::int64_t value) {
    return Unsigned((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
  }
  ByteWriter& Double(double value) {
    // Most are 0, or whole and small.
    const auto whole = value >= 0 && value < 1e9 ? static_cast<std::uint64_t>(value) : 0;
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(bits));
    const double again = static_cast<double>(whole);
    std::uint64_t again_bits = 0;
    std::memcpy(&again_bits, &again, sizeof(again_bits));
    if (bits == again_bits) return Unsigned(whole << 1);
    Unsigned(1);
    bytes_.append(reinterpret_cast<const char*>(&bits), sizeof(bits));
    return *this;
  }
  // In microseconds; the infinities are kept.
  ByteWriter& Time(absl::Time time) { return Signed(absl::ToUnixMicros(time)); }
  ByteWriter& Text(absl::string_view text) {
    Unsigned(text.size());
    bytes_.append(text.data(), text.size());
    return *this;
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Takes them out again, in the same order. What is not there is 0 or empty, and ok() is false from then on.
class ByteReader {
 public:
  explicit ByteReader(absl::string_view bytes) : bytes_(bytes) {}

  std::uint64_t Unsigned() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (bytes_.empty()) return Fail();
      const auto byte = static_cast<unsigned char>(bytes_.front());
      bytes_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return Fail();
  }
  std::int64_t Signed() {
    const std::uint64_t value = Unsigned();
    return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
  }
  double Double() {
    const std::uint64_t head = Unsigned();
    if ((head & 1) == 0) return static_cast<double>(head >> 1);
    double value = 0;
    if (bytes_.size() < sizeof(value)) return static_cast<double>(Fail());
    std::memcpy(&value, bytes_.data(), sizeof(value));
    bytes_.remove_prefix(sizeof(value));
    return value;
  }
  absl::Time Time() {
    const std::int64_t micros = Signed();
    if (micros == INT64_MAX) return absl::InfiniteFuture();
    return micros == INT64_MIN ? absl::InfinitePast() : absl::FromUnixMicros(micros);
  }
  std::string Text() {
    const std::uint64_t size = Unsigned();
    if (size > bytes_.size()) return Fail(), std::string();
    const std::string text(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return text;
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return bytes_.empty(); }

 private:
  std::uint64_t Fail() {
    ok_ = false;
    bytes_ = {};
    return 0;
  }

  absl::string_view bytes_;
  bool ok_ = true;
};

}  // namespace perennial::accounts
