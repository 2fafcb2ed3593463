#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/server_interceptor.h>

#include <memory>

#include "common/observability/span_exporter.h"

namespace perennial {

// What a server is built with so that each call has a span of this process: it continues the caller's trace, or begins one where the
// caller has none that is valid, and the call's metadata name this span from there on, so that what the call leads to is a child of
// it. With an exporter, spans of recorded traces go there once the call has ended. Health probes and reflection have none.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> TraceCalls(
    std::shared_ptr<SpanExporter> exporter);

}  // namespace perennial
