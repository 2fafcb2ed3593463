#pragma once

#include <string>

#include "gateway/api/api_descriptors.h"

namespace perennial::gateway::api {

// docs/api.md: every service, method, message and field with the protos' comments.
std::string ApiMarkdown(const ApiDescriptors& api);

}  // namespace perennial::gateway::api
