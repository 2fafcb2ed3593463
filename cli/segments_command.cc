#include <CLI/CLI.hpp>
#include <memory>

#include "cli/account_names.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/json_output.h"
#include "cli/list_pages.h"
#include "cli/list_views.h"
#include "cli/terminal.h"

namespace perennial::cli {
namespace {

using perennial::segments::v1::ListMembersRequest;
using perennial::segments::v1::ListSegmentsRequest;
using perennial::segments::v1::PreviewSegmentRequest;
using perennial::segments::v1::SegmentService;

struct PreviewOptions {
  std::string filter;
  std::string compare_to;
  int sample = 10;
};

int RunList(const GlobalOptions& options) {
  const Client client(options);
  const auto answer = ListPages(client, client.segments, &SegmentService::Stub::ListSegments, ListSegmentsRequest(), 0,
                                "list the segments", [](auto& response) { return response.mutable_segments(); });
  if (!answer.ok()) return Fail(options, answer.status());
  return Show(options, *answer, [&](int width) { return RenderSegments(*answer, width); });
}

int RunMembers(const GlobalOptions& options, const std::string& segment, int limit) {
  const Client client(options);
  ListMembersRequest request;
  request.set_parent(SegmentName(segment));
  const auto answer = ListPages(client, client.segments, &SegmentService::Stub::ListMembers, request, limit,
                                "list the members", [](auto& response) { return response.mutable_members(); });
  if (!answer.ok()) return Fail(options, answer.status());
  return Show(options, *answer, [&](int width) {
    AccountNames names(client);
    std::vector<std::string> accounts;
    for (const auto& member : answer->members()) accounts.push_back(member.account());
    names.Load(accounts);
    return RenderMembers(
        *answer, [&](const std::string& account) { return names.Of(account); }, width);
  });
}

int RunPreview(const GlobalOptions& options, const PreviewOptions& asked) {
  const Client client(options);
  PreviewSegmentRequest request;
  request.set_filter(asked.filter);
  request.set_compare_to(SegmentName(asked.compare_to));
  request.set_sample_size(asked.sample);
  const auto answer =
      client.Call(client.segments, &SegmentService::Stub::PreviewSegment, request, "preview the segment");
  if (!answer.ok()) return Fail(options, answer.status());
  return Show(options, *answer, [&](int width) {
    AccountNames names(client);
    std::vector<std::string> accounts(answer->sample().begin(), answer->sample().end());
    accounts.insert(accounts.end(), answer->entering_sample().begin(), answer->entering_sample().end());
    accounts.insert(accounts.end(), answer->leaving_sample().begin(), answer->leaving_sample().end());
    names.Load(accounts);
    return RenderPreview(
        *answer, [&](const std::string& account) { return names.Of(account); }, width);
  });
}

void AddMembers(CLI::App& parent, GlobalOptions& options) {
  CLI::App* command = AddCommand(parent, "members", "Who is in a segment, and since when");
  const auto segment = std::make_shared<std::string>();
  const auto limit = std::make_shared<int>(50);
  command->add_option("segment", *segment, "Id of the segment, for example at-risk")->required()->type_name("ID");
  AddLimit(*command, *limit);
  command->callback([&options, segment, limit] { options.exit_code = RunMembers(options, *segment, *limit); });
}

void AddPreview(CLI::App& parent, GlobalOptions& options) {
  CLI::App* command = AddCommand(parent, "preview", "Who would be in a segment with this filter; stores nothing");
  const auto asked = std::make_shared<PreviewOptions>();
  command->add_option("filter", asked->filter, "Filter over facts, health and flags, in quotes (docs/filter.md)")
      ->required()
      ->type_name("FILTER");
  command->add_option("--compare-to", asked->compare_to, "Also who would enter and leave this segment")
      ->type_name("ID");
  command->add_option("--sample", asked->sample, "How many accounts each sample names, 1 to 100")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  command->callback([&options, asked] { options.exit_code = RunPreview(options, *asked); });
}

}  // namespace

void AddSegmentsCommand(CLI::App& app, GlobalOptions& options) {
  CLI::App* command = AddCommand(app, "segments", "Segments, their members, and a filter tried out",
                                 "Without a subcommand: the list of segments.");
  command->require_subcommand(0, 1);
  CLI::App* list = AddCommand(*command, "list", "Every segment with its filter and its number of members");
  AddMembers(*command, options);
  AddPreview(*command, options);
  list->callback([&options] { options.exit_code = RunList(options); });
  command->callback([&options, command] {
    if (command->get_subcommands().empty()) options.exit_code = RunList(options);
  });
}

}  // namespace perennial::cli
