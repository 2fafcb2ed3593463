#include "gateway/http/json_codec.h"

#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

#include <cstddef>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/status_macros.h"

namespace perennial::gateway::http {
namespace {

// Walks over JSON without building it. Returns false to stop at the first fault.
class StrictJson final : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override {
    names_.emplace_back();
    return Deeper();
  }
  bool key(string_t& name) override {
    if (names_.back().insert(name).second) return true;
    return Fail(absl::StrCat("has the name \"", name.substr(0, 100), "\" twice in one object"));
  }
  bool end_object() override {
    names_.pop_back();
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override { return Deeper(); }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    return Fail(absl::StrCat("is no JSON at byte ", position));
  }
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  bool Deeper() { return ++depth_ <= kDeepestJson || Fail(absl::StrCat("nests deeper than ", kDeepestJson)); }
  bool Fail(std::string fault) {
    fault_ = std::move(fault);
    return false;
  }

  int depth_ = 0;
  std::vector<std::set<std::string>> names_;
  std::string fault_;
};

std::unique_ptr<google::protobuf::Message> NewMessage(const google::protobuf::Descriptor& type) {
  return std::unique_ptr<google::protobuf::Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type)->New());
}

google::protobuf::StringPiece Piece(absl::string_view text) { return {text.data(), text.size()}; }

}  // namespace

absl::StatusOr<std::string> JsonToBinary(const google::protobuf::Descriptor& type, absl::string_view json) {
  StrictJson strict;
  if (!nlohmann::json::sax_parse(json.begin(), json.end(), &strict)) return BadField("body", strict.fault());
  const std::unique_ptr<google::protobuf::Message> message = NewMessage(type);
  const auto status = google::protobuf::util::JsonStringToMessage(Piece(json), message.get());
  if (!status.ok()) {
    return BadField("body", absl::StrCat("is no ", type.name(), ": ",
                                         absl::string_view(status.message().data(), status.message().size())));
  }
  return message->SerializeAsString();
}

absl::StatusOr<std::string> BinaryToJson(const google::protobuf::Descriptor& type, const std::string& binary) {
  const std::unique_ptr<google::protobuf::Message> message = NewMessage(type);
  if (!message->ParseFromString(binary)) return absl::InternalError(absl::StrCat("not a ", type.full_name()));
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(*message, &json);
  if (!status.ok()) return absl::InternalError(absl::StrCat("cannot print a ", type.full_name()));
  return json;
}

}  // namespace perennial::gateway::http
