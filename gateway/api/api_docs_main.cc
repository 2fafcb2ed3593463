// Writes docs/api.md from the protos' comments:
//
//   api_docs docs/api.md

#include <cstdio>
#include <fstream>

#include "gateway/api/api_markdown.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: api_docs FILE\n");
    return 2;
  }
  const perennial::gateway::api::ApiDescriptors api;
  std::ofstream file(argv[1]);
  file << perennial::gateway::api::ApiMarkdown(api);
  file.close();
  if (file.fail()) {
    std::fprintf(stderr, "api_docs: cannot write %s\n", argv[1]);
    return 1;
  }
  return 0;
}
