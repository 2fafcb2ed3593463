#pragma once

#include <google/protobuf/descriptor.h>

#include <memory>
#include <string>
#include <vector>

namespace perennial::gateway::api {

// The protos with their comments, which the compiled-in descriptors lack: what documents of the API are made from.
class ApiDescriptors {
 public:
  // From the descriptor set that the build puts into the program.
  ApiDescriptors();

  // Services of Perennial in order of name.
  [[nodiscard]] const std::vector<const google::protobuf::ServiceDescriptor*>& services() const { return services_; }
  [[nodiscard]] const google::protobuf::DescriptorPool& pool() const { return pool_; }

 private:
  google::protobuf::DescriptorPool pool_;
  std::vector<const google::protobuf::ServiceDescriptor*> services_;
};

// The comment before a declaration, without the spaces that begin its lines; empty when there is none.
template <class Descriptor>
std::string CommentOf(const Descriptor& descriptor) {
  google::protobuf::SourceLocation location;
  if (!descriptor.GetSourceLocation(&location)) return {};
  std::string comment;
  bool line_begins = true;
  for (const char c : location.leading_comments) {
    if (!(line_begins && c == ' ')) comment += c;
    line_begins = c == '\n';
  }
  while (!comment.empty() && comment.back() == '\n') comment.pop_back();
  return comment;
}

// The same in one line.
template <class Descriptor>
std::string CommentLineOf(const Descriptor& descriptor) {
  std::string comment = CommentOf(descriptor);
  for (char& c : comment) {
    if (c == '\n') c = ' ';
  }
  return comment;
}

}  // namespace perennial::gateway::api
