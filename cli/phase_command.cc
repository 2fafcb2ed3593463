#include <CLI/CLI.hpp>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/list_pages.h"
#include "cli/moment.h"
#include "cli/name_lookup.h"
#include "cli/table.h"
#include "common/base/time_util.h"

namespace perennial::cli {
namespace {

using perennial::accounts::v1::GetAccountLifecycleRequest;
using perennial::accounts::v1::LifecyclePhase;
using perennial::accounts::v1::LifecycleService;
using perennial::accounts::v1::ListPhaseMovesRequest;
using perennial::accounts::v1::MoveAccountPhaseRequest;
using perennial::accounts::v1::PhaseChange;
using perennial::accounts::v1::PhaseDuration;
using perennial::accounts::v1::PhaseMove;
using perennial::accounts::v1::UndoPhaseMoveRequest;

struct PhaseOptions {
  std::string name;
  LifecyclePhase phase = perennial::accounts::v1::LIFECYCLE_PHASE_UNSPECIFIED;
  std::string reason;
  std::string author;
  std::optional<absl::Time> time;
  int limit = 100;
};

// With all its digits: a move is taken back by its moment.
std::string Moment(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", ToTime(time), absl::UTCTimeZone());
}

template <class Changes>
Page RenderChanges(const Changes& changes, int width) {
  if (changes.empty()) return {Text("  It is in no phase.", Style::kDim)};
  Page page = {SectionHead("Phases", CountOf(changes.size(), "change"), width)};
  Table table({{"phase"}, {"since"}, {"why", Align::kLeft, true}, {"by"}});
  for (const PhaseChange& change : changes) {
    table.AddRow({Text(FormatPhase(change.phase()), Style::kBold), Text(Moment(change.enter_time())),
                  Text(change.cause()), Text(change.author().empty() ? "the rules" : change.author(), Style::kDim)});
  }
  Append(page, table.Render(width));
  return page;
}

int RunShow(const GlobalOptions& options, const PhaseOptions& asked) {
  const Client client(options);
  const auto answer = ReadAccount(client, asked.name, [&](const std::string& name) {
    GetAccountLifecycleRequest request;
    request.set_name(name);
    if (asked.time.has_value()) SetTimestamp(*asked.time, request.mutable_as_of());
    return client.Call(client.lifecycle, &LifecycleService::Stub::GetAccountLifecycle, request, "read the phases");
  });
  if (!answer.ok()) return Fail(options, answer.status());
  return Show(options, *answer, [&](int width) {
    Page page = RenderChanges(answer->phase_changes(), width);
    if (answer->durations().empty()) return page;
    page.emplace_back();
    page.push_back(SectionHead("Time in each", absl::StrCat("as of ", FormatTime(answer->as_of())), width));
    Table table({{"phase", Align::kLeft, true}, {"days", Align::kRight}, {"stays", Align::kRight}});
    for (const PhaseDuration& stay : answer->durations()) {
      table.AddRow({Text(FormatPhase(stay.phase())), Text(FormatNumber(stay.days(), 1)),
                    Text(FormatCount(stay.times_entered()))});
    }
    Append(page, table.Render(width));
    return page;
  });
}

int RunMove(const GlobalOptions& options, const PhaseOptions& asked) {
  const Client client(options);
  const auto answer = ReadAccount(client, asked.name, [&](const std::string& name) {
    MoveAccountPhaseRequest request;
    request.set_name(name);
    request.set_phase(asked.phase);
    request.set_reason(asked.reason);
    request.set_author(asked.author);
    if (asked.time.has_value()) SetTimestamp(*asked.time, request.mutable_effective_time());
    return client.Call(client.lifecycle, &LifecycleService::Stub::MoveAccountPhase, request, "move the account");
  });
  if (!answer.ok()) return Fail(options, answer.status());
  return Show(options, *answer, [&](int width) { return RenderChanges(answer->phase_changes(), width); });
}

int RunUndo(const GlobalOptions& options, const PhaseOptions& asked) {
  const Client client(options);
  const auto answer = ReadAccount(client, asked.name, [&](const std::string& name) {
    UndoPhaseMoveRequest request;
    request.set_name(name);
    request.set_reason(asked.reason);
    request.set_author(asked.author);
    if (asked.time.has_value()) SetTimestamp(*asked.time, request.mutable_effective_time());
    return client.Call(client.lifecycle, &LifecycleService::Stub::UndoPhaseMove, request, "take the move back");
  });
  if (!answer.ok()) return Fail(options, answer.status());
  return Show(options, *answer, [&](int width) { return RenderChanges(answer->phase_changes(), width); });
}

// "2024-05-01T09:30:00Z by ann: a mistake".
std::string Undone(const PhaseMove& move) {
  if (!move.has_undo_time()) return "";
  std::string text = Moment(move.undo_time());
  if (!move.undo_author().empty()) absl::StrAppend(&text, " by ", move.undo_author());
  if (!move.undo_reason().empty()) absl::StrAppend(&text, ": ", move.undo_reason());
  return text;
}

int RunMoves(const GlobalOptions& options, const PhaseOptions& asked) {
  const Client client(options);
  const auto answer = ReadAccount(client, asked.name, [&](const std::string& name) {
    ListPhaseMovesRequest request;
    request.set_parent(name);
    request.set_show_undone(true);
    return ListPages(client, client.lifecycle, &LifecycleService::Stub::ListPhaseMoves, request, asked.limit,
                     "list the moves", [](auto& page) { return page.mutable_phase_moves(); });
  });
  if (!answer.ok()) return Fail(options, answer.status());
  return Show(options, *answer, [&](int width) {
    if (answer->phase_moves().empty()) return Page{Text("  It was never moved by hand.", Style::kDim)};
    Page page = {SectionHead("Moves by hand", CountOf(answer->phase_moves().size(), "move"), width)};
    Table table({{"to"}, {"since"}, {"why", Align::kLeft, true}, {"by"}, {"made"}, {"taken back", Align::kLeft, true}});
    for (const PhaseMove& move : answer->phase_moves()) {
      table.AddRow({Text(FormatPhase(move.phase()), move.has_undo_time() ? Style::kDim : Style::kBold),
                    Text(Moment(move.effective_time())), Text(move.reason()), Text(move.author(), Style::kDim),
                    Text(Moment(move.create_time())), Text(Undone(move))});
    }
    Append(page, table.Render(width));
    return page;
  });
}

LifecyclePhase ParsePhase(const std::string& text) {
  LifecyclePhase phase = perennial::accounts::v1::LIFECYCLE_PHASE_UNSPECIFIED;
  const std::string name = absl::StrCat("LIFECYCLE_PHASE_", absl::AsciiStrToUpper(text));
  if (!perennial::accounts::v1::LifecyclePhase_Parse(name, &phase) ||
      phase == perennial::accounts::v1::LIFECYCLE_PHASE_UNSPECIFIED) {
    throw CLI::ValidationError("phase",
                               absl::StrCat("\"", text, "\" is none of TRIAL, ONBOARDING, ADOPTION, SUCCESS, CHURNED"));
  }
  return phase;
}

void AddName(CLI::App& command, const std::shared_ptr<PhaseOptions>& asked) {
  command.add_option("name", asked->name, "Id, accounts/ID, or the name people use (in quotes)")
      ->required()
      ->type_name("NAME");
}

void AddTime(CLI::App& command, const std::shared_ptr<PhaseOptions>& asked, const std::string& help, bool required) {
  command
      .add_option_function<std::string>(
          "--since", [asked](const std::string& text) { asked->time = ParseStart("--since", text); }, help)
      ->type_name("TIME")
      ->required(required);
}

}  // namespace

void AddPhaseCommand(CLI::App& app, GlobalOptions& options) {
  CLI::App* command = AddCommand(app, "phase", "Phases of an account, and moves by hand (docs/lifecycle.md)");
  command->require_subcommand(1);
  const auto asked = std::make_shared<PhaseOptions>();
  CLI::App* show = AddCommand(*command, "show", "The phases of an account, and the time in each");
  AddName(*show, asked);
  show->add_option_function<std::string>(
          "--as-of", [asked](const std::string& text) { asked->time = ParseMoment("--as-of", text); },
          "As known at that moment: RFC 3339, or a day (its end, UTC)")
      ->type_name("TIME");
  show->callback([&options, asked] { options.exit_code = RunShow(options, *asked); });
  CLI::App* move = AddCommand(*command, "move", "Move an account to a phase; from there the rules go on");
  AddName(*move, asked);
  move->add_option_function<std::string>(
          "phase", [asked](const std::string& text) { asked->phase = ParsePhase(text); },
          "TRIAL, ONBOARDING, ADOPTION, SUCCESS or CHURNED")
      ->required()
      ->type_name("PHASE");
  move->add_option("--reason", asked->reason, "Why")->required()->type_name("TEXT");
  move->add_option("--author", asked->author, "Who")->required()->type_name("NAME");
  AddTime(*move, asked, "Since when: RFC 3339, or a day (its beginning, UTC); now", false);
  move->callback([&options, asked] { options.exit_code = RunMove(options, *asked); });
  CLI::App* undo = AddCommand(*command, "undo", "Take a move back: the phases are as if it had never been");
  AddName(*undo, asked);
  AddTime(*undo, asked, "The moment of the move, as phase show tells it", true);
  undo->add_option("--reason", asked->reason, "Why")->type_name("TEXT");
  undo->add_option("--author", asked->author, "Who; without, whoever calls")->type_name("NAME");
  undo->callback([&options, asked] { options.exit_code = RunUndo(options, *asked); });
  CLI::App* moves = AddCommand(*command, "moves", "Every move of an account by hand, those too that were taken back");
  AddName(*moves, asked);
  AddLimit(*moves, asked->limit);
  moves->callback([&options, asked] { options.exit_code = RunMoves(options, *asked); });
}

}  // namespace perennial::cli
