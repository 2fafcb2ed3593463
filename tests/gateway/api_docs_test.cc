#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "gateway/api/api_markdown.h"
#include "gateway/api/openapi.h"
#include "gateway/identity/role.h"

namespace perennial::gateway::api {
namespace {

TEST(ApiDocsTest, TheFileInDocsIsUpToDate) {
  std::stringstream file;
  file << std::ifstream(PERENNIAL_SOURCE_DIR "/docs/api.md").rdbuf();
  EXPECT_TRUE(file.str() == ApiMarkdown(ApiDescriptors())) << "run: build/release/bin/api_docs docs/api.md";
}

TEST(ApiDocsTest, EveryDeclarationHasAComment) {
  const ApiDescriptors api;
  ASSERT_FALSE(api.services().empty());
  for (const auto* service : api.services()) {
    EXPECT_FALSE(CommentOf(*service).empty()) << service->full_name();
    for (int i = 0; i < service->method_count(); ++i) {
      EXPECT_FALSE(CommentOf(*service->method(i)).empty()) << service->method(i)->full_name();
    }
  }
}

// All "$ref"s of a document.
void CollectReferences(const nlohmann::json& json, std::set<std::string>& references) {
  if (json.is_object() && json.contains("$ref")) references.insert(json["$ref"].get<std::string>());
  if (json.is_structured()) {
    for (const auto& part : json) CollectReferences(part, references);
  }
}

TEST(OpenApiTest, DescribesEveryMethodThatHttpCanCallAndRefersToNothingAbsent) {
  const ApiDescriptors api;
  const auto document = nlohmann::json::parse(OpenApiJson(api));
  std::size_t methods = 0;
  for (const auto* service : api.services()) {
    for (int i = 0; i < service->method_count(); ++i) {
      if (service->method(i)->client_streaming() || PolicyOf(service->full_name(), service->method(i)->name()).internal) continue;
      ++methods;
      EXPECT_TRUE(document["paths"].contains("/" + service->full_name() + "/" + service->method(i)->name()));
    }
  }
  EXPECT_EQ(document["paths"].size(), methods);
  std::set<std::string> references;
  CollectReferences(document, references);
  EXPECT_GT(references.size(), 100u);
  for (const std::string& reference : references) {
    EXPECT_TRUE(document.contains(nlohmann::json::json_pointer(reference.substr(1)))) << reference;
  }
}

TEST(OpenApiTest, NamesFieldsAsJsonDoes) {
  const auto document = nlohmann::json::parse(OpenApiJson(ApiDescriptors()));
  const auto& account = document["components"]["schemas"]["perennial.accounts.v1.Account"]["properties"];
  EXPECT_EQ(account["displayName"]["type"], "string");
  EXPECT_EQ(account["customerSince"]["format"], "date-time");
  EXPECT_EQ(account["tags"]["type"], "array");
  EXPECT_TRUE(account["attributes"].contains("additionalProperties"));
}

}  // namespace
}  // namespace perennial::gateway::api
