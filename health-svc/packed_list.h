#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace perennial::health {

// A list of messages that is seldom looked at, kept as bytes: a tenth of the memory of the messages. Becomes a list again
// where one is asked for.
template <class Message>
class PackedList {
 public:
  PackedList() = default;
  PackedList(const std::vector<Message>& messages) {  // NOLINT(google-explicit-constructor): it is one
    for (const Message& message : messages) {
      const std::string body = message.SerializeAsString();
      const auto size = static_cast<std::uint32_t>(body.size());
      bytes_.append(reinterpret_cast<const char*>(&size), sizeof(size));
      bytes_.append(body);
    }
    bytes_.shrink_to_fit();
  }
  operator std::vector<Message>() const { return Get(); }  // NOLINT(google-explicit-constructor)

  [[nodiscard]] std::vector<Message> Get() const {
    std::vector<Message> messages;
    for (absl::string_view left = bytes_; !left.empty();) {
      std::uint32_t size = 0;
      std::memcpy(&size, left.data(), sizeof(size));
      left.remove_prefix(sizeof(size));
      (void)messages.emplace_back().ParseFromArray(left.data(), static_cast<int>(size));  // made above
      left.remove_prefix(size);
    }
    return messages;
  }

 private:
  std::string bytes_;  // each message after its size
};

}  // namespace perennial::health
