#pragma once

#include <nghttp2/nghttp2.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "gateway/http2/event_loop.h"
#include "gateway/http2/fields.h"
#include "gateway/http2/idle_resets.h"
#include "gateway/http2/transport.h"

namespace perennial::gateway::http2 {

class Http2Connection;

// One stream of a connection: what its peer does, and what is to be done. It is over when OnClosed() is called, or when this is
// destroyed: the peer is told then that nobody is interested any more. On the loop's thread.
class Http2Stream {
 public:
  // What a stream ends with besides the codes of HTTP/2: its connection was lost.
  static constexpr std::uint32_t kLost = 0xffffffff;

  Http2Stream() = default;
  Http2Stream(const Http2Stream&) = delete;
  Http2Stream& operator=(const Http2Stream&) = delete;

  // A field of a block that is not complete yet.
  virtual void OnField(absl::string_view name, absl::string_view value) = 0;
  // The fields of the block are larger than the connection's limit; the rest of them is dropped.
  virtual void OnFieldsTooLarge() = 0;
  // A block of fields is complete. `last`: the peer sends no more.
  virtual void OnFields(bool last) = 0;
  // The peer may send more as soon as Consume() was told.
  virtual void OnData(absl::string_view piece) = 0;
  // The peer sends no more, after data.
  virtual void OnEnd() = 0;
  // Of what was given to Write(), these bytes left.
  virtual void OnSent(std::size_t bytes) = 0;
  // The stream is over. May destroy this.
  virtual void OnClosed(std::uint32_t error) = 0;

  [[nodiscard]] bool open() const { return connection_ != nullptr; }
  // Of a server: the fields that the answer begins with; `last`: all of it.
  void Respond(const Fields& fields, bool last);
  // Adds to what is sent. Before the stream is open too.
  void Write(absl::string_view bytes);
  // The same, without a copy where nothing waits.
  void Give(std::string bytes);
  // Nothing follows what was written.
  void End();
  // Of a server: after what was written, these follow, and nothing more.
  void EndWith(const Fields& fields);
  // Ends the stream at once; OnClosed() follows.
  void Reset(std::uint32_t error);
  // That much of what came was dealt with.
  void Consume(std::size_t bytes);

 protected:
  virtual ~Http2Stream();

 private:
  friend class Http2Connection;
  nghttp2_data_provider Body();
  void Resume();
  void DropSent();

  Http2Connection* connection_ = nullptr;
  std::int32_t id_ = 0;
  std::string outgoing_;
  std::size_t sent_ = 0;  // of outgoing_
  bool waiting_ = false;  // all was sent, and there may come more
  bool ended_ = false;
  std::unique_ptr<std::vector<std::pair<std::string, std::string>>> trailers_;
};

// HTTP/2 on one connection, by nghttp2. On the loop's thread.
class Http2Connection final : public std::enable_shared_from_this<Http2Connection> {
 public:
  enum class Side { kServer, kClient };
  struct Options {
    std::uint32_t most_streams = 1000;         // of the peer, at once
    std::size_t most_field_bytes = 16 << 10;   // of a block of fields
    std::int32_t stream_window = 256 << 10;    // what may come of a stream before it is consumed
    std::int32_t connection_window = 16 << 20;
    std::chrono::milliseconds setup_timeout{10000};  // until the peer has shown that it speaks HTTP/2
    std::chrono::milliseconds write_timeout{60000};  // for the peer to take anything
    // A peer that has been silent for so long is asked for a sign of life, which it has some time to give. Zero: never.
    std::chrono::milliseconds ping_interval{30000};
    std::chrono::milliseconds ping_timeout{10000};
  };
  // Whom a connection tells of itself.
  class Owner {
   public:
    // Of a server: the peer opens a stream.
    virtual Http2Stream* OnStream() { return nullptr; }
    // The peer speaks HTTP/2.
    virtual void OnReady(Http2Connection&) {}
    // The peer takes no new streams.
    virtual void OnLeaving(Http2Connection&) {}
    // The connection is over. The last that it tells.
    virtual void OnClosed(Http2Connection& connection, const std::string& why) = 0;

   protected:
    ~Owner() = default;
  };

  // `owner` must live until OnClosed(), or until it has called Abandon().
  static std::shared_ptr<Http2Connection> Start(EventLoop& loop, std::unique_ptr<Transport> transport, Side side,
                                                const Options& options, Owner& owner);
  ~Http2Connection();

  // Of a client: opens a stream with these fields; `last`: they are all of the request. False when it takes none.
  bool Open(Http2Stream& stream, const Fields& fields, bool last);
  [[nodiscard]] bool takes_streams() const { return ready_ && !closed_ && !leaving_; }
  [[nodiscard]] std::size_t streams() const { return streams_.size(); }
  // Tells the peer to open no further streams; closes when those there are have ended.
  void Leave();
  // Ends all streams and the connection.
  void Close(const std::string& why);
  // The same, and the owner hears nothing of it.
  void Abandon();

 private:
  friend class Http2Stream;
  struct Callbacks;
  Http2Connection(EventLoop& loop, std::unique_ptr<Transport> transport, Side side, const Options& options, Owner& owner);
  void Begin();
  void BeginSession();
  void Read();
  void Take(std::size_t size);
  void FlushSoon();
  void Flush();
  void OnPeer();
  void WatchPeer();
  void RefuseFurther();
  void TakeNoMore();

  EventLoop& loop_;
  const std::unique_ptr<Transport> transport_;
  const Side side_;
  const Options options_;
  Owner* owner_;
  nghttp2_session* session_ = nullptr;
  absl::flat_hash_map<std::int32_t, Http2Stream*> streams_;
  std::array<char, 16 << 10> incoming_;
  std::size_t held_ = 0;  // bytes of it that wait for those after them
  IdleResets idle_resets_;
  std::string outgoing_;
  bool ready_ = false;
  bool closed_ = false;
  bool leaving_ = false;
  bool leave_said_ = false;
  bool flush_posted_ = false;
  bool writing_ = false;
  bool pinged_ = false;
  std::size_t field_bytes_ = 0;  // of the block that is coming
  std::string fault_;            // of the peer, the last one
  EventLoop::Clock::time_point heard_;
  Timer setup_;
  Timer write_;
  Timer peer_;
  Timer leave_;
};

}  // namespace perennial::gateway::http2
