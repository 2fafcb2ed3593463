#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace perennial::facts {

// A dense set of row numbers, one bit a row. Words are public, so that loops over columns can work on 64 rows at once.
class Bitmap {
 public:
  Bitmap() = default;
  explicit Bitmap(std::size_t size) : words_((size + 63) / 64), size_(size) {}

  [[nodiscard]] std::size_t size() const { return size_; }
  void Resize(std::size_t size) {
    words_.resize((size + 63) / 64);
    if (size < size_ && size % 64 != 0) words_.back() &= (std::uint64_t{1} << (size % 64)) - 1;
    size_ = size;
  }
  [[nodiscard]] bool Test(std::size_t i) const { return (words_[i / 64] >> (i % 64)) & 1U; }
  void Set(std::size_t i) { words_[i / 64] |= std::uint64_t{1} << (i % 64); }
  void Reset(std::size_t i) { words_[i / 64] &= ~(std::uint64_t{1} << (i % 64)); }
  [[nodiscard]] std::size_t Count() const {
    std::size_t count = 0;
    for (const std::uint64_t word : words_) count += static_cast<std::size_t>(std::popcount(word));
    return count;
  }
  // Calls `visit(row)` for each set bit in ascending order.
  template <class Visit>
  void ForEach(Visit visit) const {
    for (std::size_t w = 0; w < words_.size(); ++w) {
      for (std::uint64_t word = words_[w]; word != 0; word &= word - 1) {
        visit(static_cast<std::uint32_t>(w * 64 + static_cast<std::size_t>(std::countr_zero(word))));
      }
    }
  }
  // Bits past size() are always 0.
  std::vector<std::uint64_t>& words() { return words_; }
  [[nodiscard]] const std::vector<std::uint64_t>& words() const { return words_; }

  friend bool operator==(const Bitmap&, const Bitmap&) = default;

 private:
  std::vector<std::uint64_t> words_;
  std::size_t size_ = 0;
};

}  // namespace perennial::facts
