# perennial_proto_library(<target> IMPORT_DIR <dir> PROTOS <file.proto>... [LINK <target>...])
#
# A library of the messages and gRPC stubs of the given protos, paths being relative to IMPORT_DIR. Debian's gRPC package
# exports no target for its protoc plugin, hence find_program.
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)

function(perennial_proto_library target)
  cmake_parse_arguments(ARG "" "IMPORT_DIR" "PROTOS;LINK" ${ARGN})
  set(files ${ARG_PROTOS})
  list(TRANSFORM files PREPEND ${ARG_IMPORT_DIR}/)
  add_library(${target} STATIC ${files})
  target_link_libraries(${target} PUBLIC gRPC::grpc++ protobuf::libprotobuf ${ARG_LINK})
  # SYSTEM: our warnings are not for generated code.
  target_include_directories(${target} SYSTEM PUBLIC ${CMAKE_CURRENT_BINARY_DIR})
  target_compile_options(${target} PRIVATE -w)
  set(imports ${PROJECT_SOURCE_DIR}/proto ${PROJECT_SOURCE_DIR}/proto/vendor)
  protobuf_generate(TARGET ${target} LANGUAGE cpp IMPORT_DIRS ${imports} PROTOC_OUT_DIR ${CMAKE_CURRENT_BINARY_DIR})
  protobuf_generate(TARGET ${target} LANGUAGE grpc IMPORT_DIRS ${imports} PROTOC_OUT_DIR ${CMAKE_CURRENT_BINARY_DIR}
    GENERATE_EXTENSIONS .grpc.pb.h .grpc.pb.cc
    PLUGIN "protoc-gen-grpc=${GRPC_CPP_PLUGIN}")
  # Generated messages name things alike in every file; the services do not.
  get_target_property(sources ${target} SOURCES)
  list(FILTER sources INCLUDE REGEX "\\.pb\\.cc$")
  list(FILTER sources EXCLUDE REGEX "\\.grpc\\.pb\\.cc$")
  perennial_compile_alone(${sources})
  perennial_precompile(${target})
endfunction()
