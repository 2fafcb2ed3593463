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

# From nothing, most of the time goes into headers that hundreds of files share: several sources of a target compiled as one
# take a third of it. Who changes single files turns it off: cmake --preset release -DPERENNIAL_UNITY=OFF.
option(PERENNIAL_UNITY "Compile several sources of a target as one" ON)
set(CMAKE_UNITY_BUILD ${PERENNIAL_UNITY})
set(CMAKE_UNITY_BUILD_BATCH_SIZE 8)
# perennial_compile_alone(<source>...): sources of this folder whose local names others of the target have too.
function(perennial_compile_alone)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()
# perennial_compile_together(<source>...): sources of this folder whose local names others of the target have too, but none of these.
function(perennial_compile_together first)
  set_source_files_properties(${first} ${ARGN} PROPERTIES PERENNIAL_GROUP ${first})
endfunction()
# For each target, at the end of its folder: sources that are kept together become one unit, the others one by eights; those of a
# target with APART one each.
function(perennial_group_later target)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "APART" "" "")
  if(CMAKE_UNITY_BUILD)
    cmake_language(EVAL CODE "cmake_language(DEFER CALL perennial_group_sources [[${target}]] [[${ARG_APART}]])")
  endif()
endfunction()
function(perennial_group_sources target apart)
  get_target_property(sources ${target} SOURCES)
  list(FILTER sources INCLUDE REGEX "\\.cc$")
  set(groups "")
  set(others "")
  foreach(source ${sources})
    get_source_file_property(group ${source} PERENNIAL_GROUP)
    get_source_file_property(alone ${source} SKIP_UNITY_BUILD_INCLUSION)
    if(group)
      list(APPEND groups ${source})
      string(MAKE_C_IDENTIFIER "${group}" group)
      set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${group})
    elseif(NOT alone)
      list(APPEND others ${source})
    endif()
  endforeach()
  if(NOT groups)
    if(apart)
      set_target_properties(${target} PROPERTIES UNITY_BUILD OFF)
    endif()
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD_MODE GROUP)
  if(apart)
    return()
  endif()
  set(number 0)
  foreach(source ${others})
    math(EXPR batch "${number} / ${CMAKE_UNITY_BUILD_BATCH_SIZE}")
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP batch_${batch})
    math(EXPR number "${number} + 1")
  endforeach()
endfunction()

set(PERENNIAL_SANITIZE "" CACHE STRING "Comma-separated sanitizers")
if(PERENNIAL_SANITIZE)
  add_compile_options(-fsanitize=${PERENNIAL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PERENNIAL_SANITIZE})
endif()

# perennial_precompile(<target> [<header>...]): gRPC's headers cost seconds a file; compile them once. With headers of its own,
# which most files of the target include (generated ones, a fixture of tests), the target gets a precompiled header of its own,
# which costs as much as five of its files. With AS <target> it takes that one's.
set(PERENNIAL_PRECOMPILED
  <algorithm> <atomic> <cstdint> <functional> <map> <memory> <optional> <string> <vector>
  <google/protobuf/message.h> <google/protobuf/timestamp.pb.h> <grpcpp/grpcpp.h>
  <absl/container/flat_hash_map.h> <absl/status/status.h> <absl/status/statusor.h>
  <absl/strings/str_cat.h> <absl/strings/string_view.h> <absl/time/time.h>)
function(perennial_precompile target)
  cmake_parse_arguments(ARG "" "AS" "" ${ARGN})
  if(ARG_AS)
    target_precompile_headers(${target} REUSE_FROM ${ARG_AS})
    return()
  endif()
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
