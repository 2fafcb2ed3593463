#pragma once

#include <CLI/App.hpp>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cli/client.h"
#include "cli/json_output.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "common/base/status_macros.h"

namespace perennial::cli {

// Of every List method.
constexpr int kLargestPage = 1000;

// Calls a List method page after page and returns one response that holds the items of all, at most `limit` (0: no
// limit); its next_page_token is empty when nothing is left. `items_of` gives the repeated field of a response.
template <class Stub, class Request, class Response, class ItemsOf>
absl::StatusOr<Response> ListPages(const Client& client, const std::unique_ptr<Stub>& stub,
                                   grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                   Request request, int limit, absl::string_view what, const ItemsOf& items_of) {
  Response all;
  for (;;) {
    const int left = limit == 0 ? kLargestPage : limit - items_of(all)->size();
    request.set_page_size(std::min(left, kLargestPage));
    PERENNIAL_ASSIGN_OR_RETURN(Response page, client.Call(stub, method, request, what));
    request.set_page_token(page.next_page_token());
    const bool full = limit != 0 && items_of(all)->size() + items_of(page)->size() >= limit;
    // Everything but the items is that of the last page.
    auto* items = items_of(all);
    items->MergeFrom(*items_of(page));
    items_of(page)->Swap(items);
    all = std::move(page);
    if (full || all.next_page_token().empty()) return all;
  }
}

// Prints `answer` as JSON when that was asked for, else the page that `render` (width → Page) makes. Returns
// kExitSuccess.
template <class Render>
int Show(const GlobalOptions& options, const google::protobuf::Message& answer, const Render& render) {
  if (options.json) {
    PrintJson(options, JsonOf(answer));
    return kExitSuccess;
  }
  const Terminal terminal = DetectTerminal(options);
  *options.out << perennial::cli::Render(render(terminal.width), terminal.colour);
  return kExitSuccess;
}

// --limit, for lists that may be long.
inline void AddLimit(CLI::App& command, int& limit) {
  command.add_option("-n,--limit", limit, "How many to list; 0 lists all")
      ->check(CLI::Range(0, 100'000'000))
      ->capture_default_str();
}

}  // namespace perennial::cli
