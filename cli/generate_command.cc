#include "cli/generate_command.h"

#include <CLI/CLI.hpp>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"
#include "absl/time/clock.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/portfolio.h"
#include "cli/progress.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::cli {
namespace {

constexpr int kMostAccounts = 1'000'000;
constexpr int kMostMonths = 120;

struct GenerateFlags {
  std::string folder;
  PortfolioConfig portfolio;
  int months = 24;
  std::string end;
  bool replace = false;
};

// The days of the history: `months` months that end before the day `end`, which is today unless it is given.
absl::Status SetDays(const GenerateFlags& flags, PortfolioConfig* config) {
  absl::CivilDay end = absl::ToCivilDay(absl::Now(), absl::UTCTimeZone());
  absl::Time parsed;
  if (!flags.end.empty()) {
    if (!absl::ParseTime("%E4Y-%m-%d", flags.end, &parsed, nullptr)) {
      return absl::InvalidArgumentError(absl::StrCat("--end: '", flags.end, "' is no day like 2024-12-31"));
    }
    end = absl::ToCivilDay(parsed, absl::UTCTimeZone());
  }
  if (end < absl::CivilDay(1990, 1, 1) || end > absl::CivilDay(2200, 1, 1)) {
    return absl::InvalidArgumentError("--end: must be between 1990-01-01 and 2200-01-01");
  }
  const absl::CivilMonth first_month = absl::CivilMonth(end) - flags.months;
  const int last_day = absl::CivilDay(absl::CivilDay(first_month + 1) - 1).day();
  const absl::CivilDay first(first_month.year(), first_month.month(), std::min(end.day(), last_day));
  config->first_day = first - absl::CivilDay(1970, 1, 1);
  config->end_day = end - absl::CivilDay(1970, 1, 1);
  return absl::OkStatus();
}

void PrintSummary(const GenerateFlags& flags, const PortfolioConfig& config, const PortfolioWriter& writer,
                  absl::Duration took, const GlobalOptions& global) {
  Json files = Json::object();
  std::string table;
  for (std::size_t i = 0; i < kPortfolioFiles; ++i) {
    const auto file = static_cast<PortfolioFile>(i);
    files[std::string(NameOf(file))] = writer.rows(file);
    absl::StrAppendFormat(&table, "  %-20s %12s\n", std::string(NameOf(file)), FormatCount(writer.rows(file)));
  }
  const auto day = [](std::int64_t number) { return absl::FormatCivilTime(absl::CivilDay(1970, 1, 1) + number); };
  if (global.json) {
    PrintJson(global, Json{{"folder", flags.folder},
                           {"seed", config.seed},
                           {"first_day", day(config.first_day)},
                           {"end_day", day(config.end_day)},
                           {"rows", files},
                           {"seconds", absl::ToDoubleSeconds(took)}});
    return;
  }
  *global.out << absl::StrFormat("Generated %s over %d months up to %s in %s (%.1f s)\n\n",
                                 CountOf(config.accounts, "account"), flags.months, day(config.end_day), flags.folder,
                                 absl::ToDoubleSeconds(took))
              << table << "\nLoad it with: perennial import " << flags.folder << "\n";
}

absl::Status Generate(const GenerateFlags& flags, const GlobalOptions& global) {
  PortfolioConfig config = flags.portfolio;
  PERENNIAL_RETURN_IF_ERROR(SetDays(flags, &config));
  PERENNIAL_ASSIGN_OR_RETURN(const auto writer, PortfolioWriter::Open(flags.folder, flags.replace));
  std::atomic<bool> interrupted{false};
  const Interrupt on_interrupt([&interrupted] { interrupted = true; });
  const absl::Time start = absl::Now();
  Progress progress(*global.err, ProgressFor(*global.err, global.json), start);
  const absl::Status status = GeneratePortfolio(config, writer.get(), [&](std::int64_t done, std::int64_t total) {
    progress.Update("generating", done, total, writer->rows(), absl::Now());
    return !interrupted.load();
  });
  progress.Clear();
  PERENNIAL_RETURN_IF_ERROR(status);
  PERENNIAL_RETURN_IF_ERROR(writer->Finish());
  PrintSummary(flags, config, *writer, absl::Now() - start, global);
  return absl::OkStatus();
}

}  // namespace

void AddGenerateCommand(CLI::App& app, GlobalOptions& global) {
  auto flags = std::make_shared<GenerateFlags>();
  CLI::App* command = AddCommand(app, "generate", "Write a realistic portfolio as files for import");
  command->add_option("folder", flags->folder, "Folder to write to; made when it is not there")
      ->required()
      ->type_name("DIR");
  command->add_option("--accounts", flags->portfolio.accounts, "How many accounts, those that leave included")
      ->check(CLI::Range(1, kMostAccounts))
      ->capture_default_str();
  command->add_option("--months", flags->months, "Length of the history")
      ->check(CLI::Range(1, kMostMonths))
      ->capture_default_str();
  command->add_option("--seed", flags->portfolio.seed, "The same seed gives the same files")->capture_default_str();
  command->add_option("--end", flags->end, "The day after the last one of the history, UTC (default: today)")
      ->type_name("DATE");
  command
      ->add_option("--usage-density", flags->portfolio.usage_density,
                   "Usage rows: 1 is about 150 an account and year. Below 1, facts of 30 days miss some users")
      ->check(CLI::Range(0.1, 10.0))
      ->capture_default_str();
  command->add_flag("--replace", flags->replace, "Replace the files of an earlier portfolio in the folder");
  command->callback([flags, &global] {
    const absl::Status status = Generate(*flags, global);
    global.exit_code = status.ok() ? kExitSuccess : Fail(global, status);
  });
}

}  // namespace perennial::cli
