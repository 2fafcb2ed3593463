#include "gateway/http2/http2_connection.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace perennial::gateway::http2 {
namespace {

// Sent at once; enough for many small answers, little enough to keep in cache.
constexpr std::size_t kBatch = 64 << 10;
// For a peer that is told that no stream will be taken any more to say that it knows.
constexpr std::chrono::milliseconds kLeaveAfter{1000};
// Streams that a peer may give up: many at once when a deadline passes, but not as fast as it can open them.
constexpr std::uint64_t kResetBurst = 10000;
constexpr std::uint64_t kResetsASecond = 1000;

absl::string_view View(const std::uint8_t* bytes, std::size_t size) { return {reinterpret_cast<const char*>(bytes), size}; }

}  // namespace

// What nghttp2 calls. A stream that nobody owns any more has no user data.
struct Http2Connection::Callbacks {
  static Http2Connection& Of(void* user) { return *static_cast<Http2Connection*>(user); }
  static Http2Stream* StreamOf(nghttp2_session* session, std::int32_t id) {
    return static_cast<Http2Stream*>(nghttp2_session_get_stream_user_data(session, id));
  }

  static int OnBeginHeaders(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    Http2Connection& self = Of(user);
    self.field_bytes_ = 0;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    Http2Stream* stream = self.owner_ == nullptr ? nullptr : self.owner_->OnStream();
    if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    stream->connection_ = &self;
    stream->id_ = frame->hd.stream_id;
    self.streams_.emplace(stream->id_, stream);
    nghttp2_session_set_stream_user_data(session, stream->id_, stream);
    return 0;
  }

  static int OnHeader(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                      const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
    Http2Connection& self = Of(user);
    Http2Stream* stream = StreamOf(session, frame->hd.stream_id);
    if (stream == nullptr) return 0;
    const bool fitted = self.field_bytes_ <= self.options_.most_field_bytes;
    self.field_bytes_ += name_size + value_size + 32;  // as RFC 9113 counts
    if (self.field_bytes_ <= self.options_.most_field_bytes) {
      stream->OnField(View(name, name_size), View(value, value_size));
    } else if (fitted) {
      stream->OnFieldsTooLarge();
    }
    return 0;
  }

  static int OnFrame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    Http2Connection& self = Of(user);
    const bool last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
        if (Http2Stream* stream = StreamOf(session, frame->hd.stream_id)) stream->OnFields(last);
        break;
      case NGHTTP2_DATA:
        if (Http2Stream* stream = last ? StreamOf(session, frame->hd.stream_id) : nullptr) stream->OnEnd();
        break;
      case NGHTTP2_SETTINGS:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) self.OnPeer();
        break;
      case NGHTTP2_GOAWAY: self.RefuseFurther(); break;
      case NGHTTP2_PING:
        if (self.leave_said_ && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) self.TakeNoMore();
        break;
      default: break;
    }
    return 0;
  }

  static int OnChunk(nghttp2_session* session, std::uint8_t, std::int32_t id, const std::uint8_t* bytes, std::size_t size,
                     void*) {
    // No stream may keep others from being heard: only each stream's own window waits for its reader.
    nghttp2_session_consume_connection(session, size);
    if (Http2Stream* stream = StreamOf(session, id)) {
      stream->OnData(View(bytes, size));
    } else {
      nghttp2_session_consume_stream(session, id, size);
    }
    return 0;
  }

  static int OnClose(nghttp2_session* session, std::int32_t id, std::uint32_t error, void* user) {
    Http2Connection& self = Of(user);
    Http2Stream* stream = StreamOf(session, id);
    self.streams_.erase(id);
    if (stream != nullptr) {
      stream->connection_ = nullptr;
      stream->OnClosed(error);
    }
    return 0;
  }

  // A peer that broke the rules is told so, and then left.
  // One that is answered before it has said all is told that the rest is not wanted, as gRPC does.
  static int OnFrameSent(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR) {
      const auto& said = frame->goaway;
      Of(user).fault_ = absl::StrCat(nghttp2_http2_strerror(said.error_code), ": ", View(said.opaque_data, said.opaque_data_len));
    }
    const bool body = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    if (Of(user).side_ != Side::kServer || !body || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    if (nghttp2_session_get_stream_remote_close(session, frame->hd.stream_id) == 0) {
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
    }
    return 0;
  }

  static ssize_t ReadBody(nghttp2_session* session, std::int32_t id, std::uint8_t* buffer, std::size_t size,
                          std::uint32_t* flags, nghttp2_data_source*, void*) {
    Http2Stream* stream = StreamOf(session, id);
    if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const std::size_t bytes = std::min(size, stream->outgoing_.size() - stream->sent_);
    if (bytes == 0 && !stream->ended_) {
      stream->waiting_ = true;
      return NGHTTP2_ERR_DEFERRED;
    }
    std::memcpy(buffer, stream->outgoing_.data() + stream->sent_, bytes);
    stream->sent_ += bytes;
    stream->DropSent();
    if (stream->ended_ && stream->outgoing_.empty()) EndBody(session, *stream, *flags);
    if (bytes > 0) stream->OnSent(bytes);
    return static_cast<ssize_t>(bytes);
  }

  static void EndBody(nghttp2_session* session, const Http2Stream& stream, std::uint32_t& flags) {
    flags |= NGHTTP2_DATA_FLAG_EOF;
    if (stream.trailers_ == nullptr) return;
    flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    absl::InlinedVector<nghttp2_nv, 4> fields;
    for (const auto& [name, value] : *stream.trailers_) fields.push_back(ToNv(name, value));
    nghttp2_submit_trailer(session, stream.id_, fields.data(), fields.size());
  }

  static nghttp2_session_callbacks* All() {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, OnBeginHeaders);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, OnFrame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, OnChunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, OnClose);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, OnFrameSent);
    return callbacks;
  }
};

nghttp2_data_provider Http2Stream::Body() {
  nghttp2_data_provider body;
  body.source.ptr = nullptr;
  body.read_callback = Http2Connection::Callbacks::ReadBody;
  return body;
}

std::shared_ptr<Http2Connection> Http2Connection::Start(EventLoop& loop, std::unique_ptr<Transport> transport, Side side,
                                                        const Options& options, Owner& owner) {
  std::shared_ptr<Http2Connection> connection(new Http2Connection(loop, std::move(transport), side, options, owner));
  connection->Begin();
  return connection;
}

Http2Connection::Http2Connection(EventLoop& loop, std::unique_ptr<Transport> transport, Side side, const Options& options,
                                 Owner& owner)
    : loop_(loop), transport_(std::move(transport)), side_(side), options_(options), owner_(&owner), setup_(loop), write_(loop),
      peer_(loop), leave_(loop) {}

Http2Connection::~Http2Connection() { nghttp2_session_del(session_); }

void Http2Connection::Begin() {
  setup_.SetAfter(options_.setup_timeout, [this] { Close("the peer does not speak HTTP/2 in time"); });
  transport_->Handshake([self = shared_from_this()](Transport::Error error) {
    if (self->closed_) return;
    if (error) return self->Close(error.message());
    self->BeginSession();
    self->Read();
  });
}

void Http2Connection::BeginSession() {
  static nghttp2_session_callbacks* const callbacks = Callbacks::All();
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  // Spaces around a value are wrong, but no reason not to answer: clients of gRPC send them.
  nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(option, 1);
  nghttp2_option_set_stream_reset_rate_limit(option, kResetBurst, kResetsASecond);
  if (side_ == Side::kServer) {
    nghttp2_session_server_new2(&session_, callbacks, this, option);
  } else {
    nghttp2_session_client_new2(&session_, callbacks, this, option);
  }
  nghttp2_option_del(option);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options_.most_streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<std::uint32_t>(options_.stream_window)},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(options_.most_field_bytes)},
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
  // The last one is for clients to say.
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, side_ == Side::kClient ? 4 : 3);
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, options_.connection_window);
  heard_ = EventLoop::Clock::now();
  FlushSoon();
}

void Http2Connection::OnPeer() {
  if (ready_) return;
  ready_ = true;
  setup_.Clear();
  if (options_.ping_interval.count() > 0) WatchPeer();
  if (owner_ != nullptr) owner_->OnReady(*this);
}

void Http2Connection::WatchPeer() {
  const auto silent = EventLoop::Clock::now() - heard_;
  if (silent < options_.ping_interval) {
    pinged_ = false;
    return peer_.SetAfter(options_.ping_interval - silent, [this] { WatchPeer(); });
  }
  if (pinged_) return Close("the peer shows no sign of life");
  pinged_ = true;
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  FlushSoon();
  peer_.SetAfter(options_.ping_timeout, [this] { WatchPeer(); });
}

void Http2Connection::Read() {
  const auto room = boost::asio::buffer(incoming_.data() + held_, incoming_.size() - held_);
  transport_->Read(room, [self = shared_from_this()](Transport::Error error, std::size_t size) {
    if (self->closed_) return;
    if (error) return self->Close(error.message());
    self->heard_ = EventLoop::Clock::now();
    self->Take(self->held_ + size);
    if (self->closed_) return;
    self->FlushSoon();
    self->Read();
  });
}

void Http2Connection::Take(std::size_t size) {
  const absl::string_view bytes(incoming_.data(), size);
  const auto feed = [this](absl::string_view piece) {
    const ssize_t used = nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(piece.data()), piece.size());
    if (used < 0) Close(nghttp2_strerror(static_cast<int>(used)));
    return !closed_;
  };
  if (side_ == Side::kClient) {
    feed(bytes);
    return;
  }
  const std::size_t taken = idle_resets_.Pass(bytes, feed);
  held_ = size - taken;
  std::memmove(incoming_.data(), incoming_.data() + taken, held_);
}

void Http2Connection::FlushSoon() {
  if (flush_posted_ || writing_ || closed_) return;
  flush_posted_ = true;
  // After all that is to be done now: what it leads to goes out at once.
  loop_.Post([self = shared_from_this()] {
    self->flush_posted_ = false;
    self->Flush();
  });
}

void Http2Connection::Flush() {
  if (closed_ || writing_ || session_ == nullptr) return;
  outgoing_.clear();
  while (outgoing_.size() < kBatch) {
    const std::uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
    if (closed_) return;
    if (size < 0) return Close(nghttp2_strerror(static_cast<int>(size)));
    if (size == 0) break;
    outgoing_.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  }
  if (outgoing_.empty()) {
    const bool over = nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
    if (over || (leaving_ && streams_.empty() && side_ == Side::kClient)) Close(fault_.empty() ? "all is said" : fault_);
    return;
  }
  writing_ = true;
  write_.SetAfter(options_.write_timeout, [this] { Close("the peer takes nothing"); });
  transport_->Write(boost::asio::buffer(outgoing_), [self = shared_from_this()](Transport::Error error, std::size_t) {
    self->writing_ = false;
    if (self->closed_) return;
    self->write_.Clear();
    if (error) return self->Close(error.message());
    self->Flush();
  });
}

bool Http2Connection::Open(Http2Stream& stream, const Fields& fields, bool last) {
  if (!takes_streams()) return false;
  const auto nvs = ToNvs(fields);
  const nghttp2_data_provider body = stream.Body();
  const std::int32_t id = nghttp2_submit_request(session_, nullptr, nvs.data(), nvs.size(), last ? nullptr : &body, &stream);
  if (id < 0) return false;  // no numbers are left
  stream.connection_ = this;
  stream.id_ = id;
  streams_.emplace(id, &stream);
  FlushSoon();
  return true;
}

void Http2Connection::RefuseFurther() {
  if (leaving_) return;
  leaving_ = true;
  if (owner_ != nullptr) owner_->OnLeaving(*this);
}

void Http2Connection::Leave() {
  if (closed_ || leaving_) return;
  leaving_ = true;
  if (session_ == nullptr) return Close("it is not needed any more");
  if (side_ == Side::kClient) return FlushSoon();
  // What it sent before it knew is still served: the ping comes back after that.
  nghttp2_submit_shutdown_notice(session_);
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  leave_said_ = true;
  FlushSoon();
  leave_.SetAfter(kLeaveAfter, [this] { TakeNoMore(); });
}

void Http2Connection::TakeNoMore() {
  leave_said_ = false;
  leave_.Clear();
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR, nullptr,
                        0);
  FlushSoon();
}

void Http2Connection::Abandon() {
  owner_ = nullptr;
  Close("");
}

void Http2Connection::Close(const std::string& why) {
  if (closed_) return;
  closed_ = true;
  const auto self = shared_from_this();
  for (Timer* timer : {&setup_, &write_, &peer_, &leave_}) timer->Clear();
  transport_->Close();
  while (!streams_.empty()) {
    Http2Stream* stream = streams_.begin()->second;
    streams_.erase(streams_.begin());
    if (session_ != nullptr) nghttp2_session_set_stream_user_data(session_, stream->id_, nullptr);
    stream->connection_ = nullptr;
    stream->OnClosed(Http2Stream::kLost);
  }
  if (owner_ != nullptr) std::exchange(owner_, nullptr)->OnClosed(*this, why);
}

}  // namespace perennial::gateway::http2
