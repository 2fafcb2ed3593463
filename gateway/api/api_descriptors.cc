#include "gateway/api/api_descriptors.h"

#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <cstddef>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

// The bytes of the descriptor set, put into the program by the assembler: as an array they would take the compiler
// minutes.
asm(R"(
  .section .rodata
  .balign 16
perennial_api_begin:
  .incbin ")" PERENNIAL_DESCRIPTOR_SET R"("
perennial_api_end:
  .byte 0
  .text
)");

extern "C" {
extern const char perennial_api_begin[] __attribute__((visibility("hidden")));
extern const char perennial_api_end[] __attribute__((visibility("hidden")));
}

namespace perennial::gateway::api {

ApiDescriptors::ApiDescriptors() {
  google::protobuf::FileDescriptorSet set;
  set.ParseFromArray(perennial_api_begin, static_cast<int>(perennial_api_end - perennial_api_begin));
  for (const auto& proto : set.file()) {
    const auto* file = pool_.BuildFile(proto);
    if (file == nullptr || !absl::StartsWith(file->package(), "perennial.")) continue;
    for (int i = 0; i < file->service_count(); ++i) services_.push_back(file->service(i));
  }
  std::sort(services_.begin(), services_.end(),
            [](const auto* a, const auto* b) { return a->full_name() < b->full_name(); });
}

}  // namespace perennial::gateway::api
