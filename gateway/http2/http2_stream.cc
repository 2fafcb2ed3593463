#include <utility>

#include "gateway/http2/http2_connection.h"

namespace perennial::gateway::http2 {
namespace {

// What a stream keeps in memory of what it has sent already.
constexpr std::size_t kKept = 16 << 10;
}  // namespace

Http2Stream::~Http2Stream() {
  if (connection_ == nullptr) return;
  connection_->streams_.erase(id_);
  nghttp2_session_set_stream_user_data(connection_->session_, id_, nullptr);
  nghttp2_submit_rst_stream(connection_->session_, NGHTTP2_FLAG_NONE, id_, NGHTTP2_CANCEL);
  connection_->FlushSoon();
}

void Http2Stream::Respond(const Fields& fields, bool last) {
  if (connection_ == nullptr) return;
  const auto nvs = ToNvs(fields);
  const nghttp2_data_provider body = Body();
  nghttp2_submit_response(connection_->session_, id_, nvs.data(), nvs.size(), last ? nullptr : &body);
  connection_->FlushSoon();
}

void Http2Stream::Write(absl::string_view bytes) {
  outgoing_.append(bytes.data(), bytes.size());
  Resume();
}

void Http2Stream::Give(std::string bytes) {
  if (!outgoing_.empty()) return Write(bytes);
  outgoing_ = std::move(bytes);
  Resume();
}

void Http2Stream::DropSent() {
  if (sent_ == outgoing_.size()) {
    outgoing_.clear();
    // A stream that was busy once may rest for days.
    if (outgoing_.capacity() > kKept) outgoing_.shrink_to_fit();
    sent_ = 0;
  } else if (sent_ > kKept && sent_ > outgoing_.size() / 2) {
    outgoing_.erase(0, sent_);
    sent_ = 0;
  }
}

void Http2Stream::End() {
  ended_ = true;
  Resume();
}

void Http2Stream::EndWith(const Fields& fields) {
  trailers_ = std::make_unique<std::vector<std::pair<std::string, std::string>>>();
  for (const Field& field : fields) trailers_->emplace_back(std::string(field.name), std::string(field.value));
  End();
}

void Http2Stream::Reset(std::uint32_t error) {
  if (connection_ == nullptr) return;
  nghttp2_submit_rst_stream(connection_->session_, NGHTTP2_FLAG_NONE, id_, error);
  connection_->FlushSoon();
}

void Http2Stream::Consume(std::size_t bytes) {
  if (connection_ == nullptr || bytes == 0) return;
  nghttp2_session_consume_stream(connection_->session_, id_, bytes);
  connection_->FlushSoon();
}

void Http2Stream::Resume() {
  if (connection_ == nullptr || !waiting_) return;
  waiting_ = false;
  nghttp2_session_resume_data(connection_->session_, id_);
  connection_->FlushSoon();
}

}  // namespace perennial::gateway::http2
