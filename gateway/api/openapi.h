#pragma once

#include <string>

#include "gateway/api/api_descriptors.h"

namespace perennial::gateway::api {

// An OpenAPI 3.1 document of all methods as the gateway serves them over HTTP in JSON (the Connect protocol), with the
// protos' comments. Methods that stream in both directions, which HTTP clients cannot call, are left out, and those that only
// Perennial's processes call.
std::string OpenApiJson(const ApiDescriptors& api);

}  // namespace perennial::gateway::api
