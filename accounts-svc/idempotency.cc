#include "accounts-svc/idempotency.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"

namespace perennial::accounts {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr std::size_t kMostCharacters = 128;

void ClearField(const char* name, Message& message) {
  const FieldDescriptor* const field = message.GetDescriptor()->FindFieldByName(name);
  if (field != nullptr) message.GetReflection()->ClearField(&message, field);
}

// What tells requests to one method apart: all but request_id and the etags, its own and that of the resource in it. Maps
// in order, so that the same request gives the same bytes.
std::string FingerprintOf(const Message& request) {
  const std::unique_ptr<Message> content(request.New());
  content->CopyFrom(request);
  ClearField("request_id", *content);
  ClearField("etag", *content);
  const google::protobuf::Reflection& reflection = *content->GetReflection();
  for (int i = 0; i < content->GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* const field = content->GetDescriptor()->field(i);
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field->is_repeated()) continue;
    if (reflection.HasField(*content, field)) ClearField("etag", *reflection.MutableMessage(content.get(), field));
  }
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    content->SerializeToCodedStream(&coded);
  }
  return Sha256().Add(bytes).Digest();
}

}  // namespace

void CheckRequestId(absl::string_view id, BadRequest& bad) {
  if (id.size() > kMostCharacters) {
    return bad.Add("request_id", absl::StrCat("must have at most ", kMostCharacters, " characters"));
  }
  for (const char c : id) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) {
      return bad.Add("request_id", "must have printable ASCII characters only");
    }
  }
}

absl::StatusOr<bool> BeginOnce(WriteTransaction& transaction, const Message& request, absl::Time now) {
  const FieldDescriptor* const field = request.GetDescriptor()->FindFieldByName("request_id");
  if (field == nullptr) return absl::InternalError("a request without request_id cannot be told from its repetition");
  CarriedOut carried_out{.request_id = request.GetReflection()->GetString(request, field),
                         .method = request.GetDescriptor()->full_name(),
                         .create_time = now};
  if (carried_out.request_id.empty()) return true;
  carried_out.fingerprint = FingerprintOf(request);
  PERENNIAL_ASSIGN_OR_RETURN(const std::optional<CarriedOut> earlier,
                             transaction.FindRequest(carried_out.request_id, carried_out.method));
  if (!earlier.has_value() || earlier->create_time <= now - kRequestLifetime) {
    PERENNIAL_RETURN_IF_ERROR(transaction.PutRequest(carried_out));
    return true;
  }
  if (earlier->fingerprint == carried_out.fingerprint) return false;
  BadRequest bad;
  bad.Add("request_id", "was used for another request in the last 24 hours");
  return WithReason(bad.ToStatus(), "REQUEST_ID_REUSED");
}

}  // namespace perennial::accounts
