#include "cli/list_views.h"

#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "cli/flag_rules.h"
#include "cli/format.h"
#include "cli/table.h"

namespace perennial::cli {
namespace {

constexpr int kFilterIndent = 4;

// How a filter was understood: canonical text, warnings, facts.
Page RenderReading(const perennial::type::v1::FilterReading& reading, int width) {
  Page page = Wrap(absl::StrCat("read as ", reading.canonical()), width, 2, Style::kDim);
  for (const std::string& warning : reading.warnings())
    Append(page, Wrap(absl::StrCat("! ", warning), width, 2, Style::kYellow));
  if (!reading.facts().empty()) {
    Append(page, Wrap(absl::StrCat("facts: ", absl::StrJoin(reading.facts(), ", ")), width, 2, Style::kDim));
  }
  return page;
}

template <class Accounts>
void AddAccounts(Page& page, absl::string_view title, const Accounts& accounts, const NameOfAccount& name_of,
                 int width) {
  if (accounts.empty()) return;
  page.emplace_back();
  page.push_back(SectionHead(title, "", width));
  Table table({{"", Align::kLeft, true}, {"", Align::kLeft, true}});
  for (const std::string& account : accounts)
    table.AddRow({Text(name_of(account)), Text(LastPart(account), Style::kDim)});
  Append(page, table.Render(width));
}

// What comes after a page of a list.
void AddMore(Page& page, std::int64_t shown, std::int64_t total) {
  if (shown >= total) return;
  page.emplace_back();
  page.emplace_back(absl::StrCat("  and ", FormatCount(total - shown), " more; --limit 0 lists all"), Style::kDim);
}

std::string SeverityName(perennial::health::v1::FlagSeverity severity) {
  absl::string_view name = perennial::health::v1::FlagSeverity_Name(severity);
  absl::ConsumePrefix(&name, "FLAG_SEVERITY_");
  return absl::AsciiStrToLower(name);
}

}  // namespace

Page RenderSegments(const perennial::segments::v1::ListSegmentsResponse& answer, int width) {
  if (answer.segments().empty()) return {Text("  No segments are defined.", Style::kDim)};
  Page page = {SectionHead("Segments", CountOf(answer.segments_size(), "segment"), width)};
  for (const auto& segment : answer.segments()) {
    const Text count(CountOf(segment.member_count(), "account"), Style::kBold);
    Text line =
        Text("  ").Add(segment.display_name(), Style::kBold).Add("  ").Add(LastPart(segment.name()), Style::kDim);
    line = line.Truncated(width - count.width() - 2);
    page.push_back(line.PadTo(width - count.width()).Add(count));
    Append(page, Wrap(segment.description(), width, kFilterIndent));
    Append(page, Wrap(segment.filter(), width, kFilterIndent, Style::kCyan));
  }
  return page;
}

Page RenderMembers(const perennial::segments::v1::ListMembersResponse& answer, const NameOfAccount& name_of,
                   int width) {
  if (answer.members().empty()) return {Text("  No account is in it now.", Style::kDim)};
  Page page = {SectionHead(absl::StrCat("Members of ", LastPart(answer.members(0).segment())),
                           CountOf(answer.total_size(), "account"), width)};
  Table table({{"account", Align::kLeft, true}, {"id", Align::kLeft, true}, {"since"}});
  for (const auto& member : answer.members()) {
    table.AddRow({Text(name_of(member.account())), Text(LastPart(member.account()), Style::kDim),
                  FormatDate(member.enter_time())});
  }
  Append(page, table.Render(width));
  AddMore(page, answer.members_size(), answer.total_size());
  return page;
}

Page RenderPreview(const perennial::segments::v1::PreviewSegmentResponse& answer, const NameOfAccount& name_of,
                   int width) {
  Page page = {Text("  ")
                   .Add(CountOf(answer.count(), "account"), Style::kBold)
                   .Add(answer.count() == 1 ? " matches, MRR " : " match, MRR ")
                   .Add(FormatMoney(answer.mrr()), Style::kBold)};
  Append(page, RenderReading(answer.filter_reading(), width));
  AddAccounts(page, "Largest", answer.sample(), name_of, width);
  AddAccounts(page, absl::StrCat("Would enter: ", FormatCount(answer.entering_count())), answer.entering_sample(),
              name_of, width);
  AddAccounts(page, absl::StrCat("Would leave: ", FormatCount(answer.leaving_count())), answer.leaving_sample(),
              name_of, width);
  return page;
}

Page RenderFlags(const perennial::health::v1::ListFlagsResponse& answer, const NameOfAccount& name_of, int width) {
  if (answer.flags().empty()) return {Text("  No flag is raised.", Style::kDim)};
  Page page = {SectionHead("Flags raised", CountOf(answer.total_size(), "flag"), width)};
  Table table({{""}, {"account", Align::kLeft, true}, {"flag", Align::kLeft, true}, {"severity"}, {"since"}});
  for (const auto& flag : answer.flags()) {
    const std::string account = flag.name().substr(0, flag.name().find("/flags/"));
    table.AddRow({FlagSign(flag.severity(), flag.category()), Text(name_of(account)),
                  Text(flag.display_name().empty() ? flag.rule() : flag.display_name()), SeverityName(flag.severity()),
                  FormatDate(flag.raise_time())});
  }
  Append(page, table.Render(width));
  AddMore(page, answer.flags_size(), answer.total_size());
  return page;
}

Page RenderValidation(const perennial::accounts::v1::ValidateFilterResponse& answer, int width) {
  if (!answer.valid()) return Wrap(absl::StrCat("✗ ", answer.error()), width, 2, Style::kRed);
  Page page = {Text("  ").Add("✓ ", Style::kGreen).Add("The filter can be used.")};
  Append(page, RenderReading(answer.reading(), width));
  return page;
}

Page RenderFacts(const perennial::accounts::v1::GetFactsResponse& answer,
                 const perennial::accounts::v1::ListFactDefinitionsResponse& catalogue, int width) {
  std::map<std::string, std::string> units;
  for (const auto& definition : catalogue.definitions()) units[definition.name()] = definition.unit();
  Page page = {SectionHead(absl::StrCat("Facts of ", LastPart(answer.name())),
                           absl::StrCat("as of ", FormatTime(answer.as_of()), " · ", answer.facts_size(), " known"),
                           width)};
  Table table({{"fact", Align::kLeft, true, 20}, {"value", Align::kRight, true, 12}, {"unit", Align::kLeft, true}});
  for (const auto& fact : answer.facts()) {
    table.AddRow({Text(fact.name()), Text(FormatFact(fact), Style::kBold), Text(units[fact.name()], Style::kDim)});
  }
  Append(page, table.Render(width));
  return page;
}

}  // namespace perennial::cli
