#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"

namespace perennial::facts {

// Different texts, numbered from 0 as they were added, and found again by text: each is kept once. Views and references
// stay valid as long as the list.
class TextList {
 public:
  TextList() : texts_(std::make_unique<std::deque<std::string>>()), numbers_(0, Hash{texts_.get()}, Equal{texts_.get()}) {}

  // The text's number; it is added if it is new.
  std::uint32_t Add(absl::string_view text) {
    if (const auto number = Find(text)) return *number;
    const auto number = static_cast<std::uint32_t>(texts_->size());
    texts_->emplace_back(text);
    numbers_.insert(number);
    return number;
  }
  [[nodiscard]] std::optional<std::uint32_t> Find(absl::string_view text) const {
    const auto found = numbers_.find(text);
    return found == numbers_.end() ? std::nullopt : std::optional<std::uint32_t>(*found);
  }
  [[nodiscard]] const std::string& operator[](std::size_t number) const { return (*texts_)[number]; }
  [[nodiscard]] std::size_t size() const { return texts_->size(); }

 private:
  // The set holds numbers, and is asked for texts.
  struct Hash {
    using is_transparent = void;
    const std::deque<std::string>* texts;
    std::size_t operator()(absl::string_view text) const { return absl::HashOf(text); }
    std::size_t operator()(std::uint32_t number) const { return absl::HashOf(absl::string_view((*texts)[number])); }
  };
  struct Equal {
    using is_transparent = void;
    const std::deque<std::string>* texts;
    bool operator()(std::uint32_t a, std::uint32_t b) const { return a == b; }
    bool operator()(std::uint32_t number, absl::string_view text) const { return (*texts)[number] == text; }
    bool operator()(absl::string_view text, std::uint32_t number) const { return (*texts)[number] == text; }
  };

  std::unique_ptr<std::deque<std::string>> texts_;
  absl::flat_hash_set<std::uint32_t, Hash, Equal> numbers_;
};

}  // namespace perennial::facts
