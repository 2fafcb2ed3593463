#pragma once

#include <string>
#include <vector>

namespace perennial::bench {

// Asks a gRPC server over HTTP/2 without encryption, from one thread, for `seconds`: over `connections` connections, with one call
// after another for each of `bodies` (framed gRPC messages), which are dealt out to the connections in turn. Costs less than the
// server does, so that many different calls can be under way on a machine of few cores. Returns answers a second; ends the
// program when a call is answered without a message.
double Http2Load(const std::string& host_and_port, const std::string& path, const std::vector<std::string>& bodies,
                 int connections, int seconds);

}  // namespace perennial::bench
