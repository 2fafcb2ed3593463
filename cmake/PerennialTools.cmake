# How everything is compiled: compiler cache, a fast linker where there is one, warnings as errors, and the sanitizers that a
# preset chooses with PERENNIAL_SANITIZE (for example "address,undefined" or "thread").
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
  add_compile_options($<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fpch-preprocess>)
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Werror)
# GCC 12 warns falsely about members of temporaries at -O3; clang-tidy and the sanitizers look for the real ones.
add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)

set(PERENNIAL_SANITIZE "" CACHE STRING "Comma-separated sanitizers")
if(PERENNIAL_SANITIZE)
  add_compile_options(-fsanitize=${PERENNIAL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PERENNIAL_SANITIZE})
endif()

# perennial_precompile(<target> [<header>...]): gRPC's headers cost seconds a file; compile them once. With headers of its own,
# which most files of the target include (generated ones, a fixture of tests), the target gets a precompiled header of its own.
set(PERENNIAL_PRECOMPILED
  <algorithm> <atomic> <cstdint> <functional> <map> <memory> <optional> <string> <vector>
  <google/protobuf/message.h> <google/protobuf/timestamp.pb.h> <grpcpp/grpcpp.h>
  <absl/container/flat_hash_map.h> <absl/status/status.h> <absl/status/statusor.h>
  <absl/strings/str_cat.h> <absl/strings/string_view.h> <absl/time/time.h>)
function(perennial_precompile target)
  if(ARGN)
    target_precompile_headers(${target} PRIVATE ${PERENNIAL_PRECOMPILED} ${ARGN})
    return()
  endif()
  if(NOT TARGET perennial_pch)
    file(WRITE ${CMAKE_BINARY_DIR}/perennial_pch.cc "")
    add_library(perennial_pch OBJECT ${CMAKE_BINARY_DIR}/perennial_pch.cc)
    target_link_libraries(perennial_pch PUBLIC gRPC::grpc++ protobuf::libprotobuf absl::status absl::statusor
      absl::strings absl::time absl::flat_hash_map)
    target_precompile_headers(perennial_pch PRIVATE ${PERENNIAL_PRECOMPILED})
  endif()
  target_precompile_headers(${target} REUSE_FROM perennial_pch)
endfunction()
