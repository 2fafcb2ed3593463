#include "cli/import_summary.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/format.h"

namespace perennial::cli {
namespace {

std::string Seconds(absl::Duration duration) {
  const double seconds = absl::ToDoubleSeconds(duration);
  return seconds < 120 ? absl::StrFormat("%.1f s", seconds) : absl::StrFormat("%.1f min", seconds / 60);
}

std::string Headline(const ImportSummary& summary, const FileSummary& total) {
  const double seconds = std::max(absl::ToDoubleSeconds(summary.took), 1e-3);
  const std::string rate = FormatCount(std::llround(static_cast<double>(total.rows) / seconds));
  const char* verb = summary.dry_run ? "Checked" : "Imported";
  if (summary.interrupted) verb = "Stopped importing";
  if (!summary.status.ok() && !summary.interrupted) verb = "Failed while importing";
  std::string line = absl::StrCat(verb, " ", summary.folder, " with mapping ", summary.mapping, ": ",
                                  CountOf(total.rows, "row"), " in ", Seconds(summary.took), " (", rate, " rows/s)");
  if (summary.revision > 0) absl::StrAppend(&line, ", feed revision ", FormatCount(summary.revision));
  return absl::StrCat(line, "\n");
}

void AppendRow(const std::vector<std::string>& cells, std::size_t name_width, std::string* out) {
  absl::StrAppendFormat(out, "  %-*s", static_cast<int>(name_width), cells.front());
  for (std::size_t i = 1; i < cells.size(); ++i) absl::StrAppendFormat(out, "  %10s", cells[i]);
  out->push_back('\n');
}

std::vector<std::string> Cells(const FileSummary& file, bool dry_run) {
  std::vector<std::string> cells = {file.file, FormatCount(file.rows), FormatCount(file.skipped),
                                    FormatCount(file.refused_rows), FormatCount(file.records)};
  if (!dry_run) {
    for (const std::int64_t count : {file.stored, file.replaced, file.duplicates}) cells.push_back(FormatCount(count));
  }
  return cells;
}

void AppendTable(const ImportSummary& summary, const FileSummary& total, std::string* out) {
  std::size_t width = total.file.size();
  for (const FileSummary& file : summary.files) width = std::max(width, file.file.size());
  std::vector<std::string> header = {"", "rows", "skipped", "refused", "records"};
  if (!summary.dry_run) header.insert(header.end(), {"stored", "replaced", "duplicates"});
  AppendRow(header, width, out);
  for (const FileSummary& file : summary.files) {
    if (file.missing) {
      absl::StrAppendFormat(out, "  %-*s  not in the folder\n", static_cast<int>(width), file.file);
    } else {
      AppendRow(Cells(file, summary.dry_run), width, out);
    }
  }
  if (summary.files.size() > 1) AppendRow(Cells(total, summary.dry_run), width, out);
}

void AppendSkips(const ImportSummary& summary, std::string* out) {
  bool first = true;
  for (const FileSummary& file : summary.files) {
    for (const auto& [reason, count] : file.skip_reasons) {
      if (count == 0) continue;
      if (first) absl::StrAppend(out, "\nSkipped by the mapping's rules\n");
      first = false;
      absl::StrAppendFormat(out, "  %10s  %s: %s\n", FormatCount(count), file.file, reason);
    }
  }
}

void AppendWarnings(const ImportSummary& summary, std::string* out) {
  bool first = true;
  for (const FileSummary& file : summary.files) {
    for (const FileSummary::Warning& warning : file.warnings) {
      if (first) absl::StrAppend(out, "\nWarnings: contradictions in the data; these rows were taken as they are\n");
      first = false;
      absl::StrAppendFormat(out, "  %10s  %s: %s\n", FormatCount(warning.count), file.file, warning.message);
      absl::StrAppendFormat(out, "  %10s  for example row %s: %s\n", "", FormatCount(warning.example_line),
                            warning.example);
    }
  }
}

std::string Plural(std::int64_t count, const char* one, const char* many) { return count == 1 ? one : many; }

}  // namespace

FileSummary ImportSummary::Total() const {
  FileSummary total;
  total.file = "total";
  for (const FileSummary& file : files) {
    total.rows += file.rows;
    total.skipped += file.skipped;
    total.refused_rows += file.refused_rows;
    total.records += file.records;
    total.stored += file.stored;
    total.replaced += file.replaced;
    total.duplicates += file.duplicates;
    total.refused_records += file.refused_records;
  }
  return total;
}

bool ImportSummary::NothingChanged() const {
  const FileSummary total = Total();
  return !dry_run && status.ok() && !interrupted && total.stored == 0 && total.replaced == 0;
}

std::string FormatSummary(const ImportSummary& summary) {
  const FileSummary total = summary.Total();
  std::string out = Headline(summary, total);
  out.push_back('\n');
  AppendTable(summary, total, &out);
  AppendSkips(summary, &out);
  AppendWarnings(summary, &out);
  if (total.refused_rows > 0) {
    absl::StrAppend(&out, "\nRefused ", CountOf(total.refused_rows, "row"), "; ",
                    Plural(total.refused_rows, "it is", "each is"), " in ", summary.rejects_file,
                    " with field and reason. Correct and import again: what is stored already counts once.\n");
  }
  if (summary.dry_run) {
    absl::StrAppend(&out, "\nDry run: nothing was sent.\n");
  } else if (summary.NothingChanged()) {
    absl::StrAppend(&out, "\nNothing changed: ",
                    total.records == 0 ? std::string("there was nothing to send.")
                                       : absl::StrCat(CountOf(total.duplicates, "record"), " were there already."),
                    "\n");
  }
  if (summary.unacknowledged > 0) {
    absl::StrAppend(&out, "\n", CountOf(summary.unacknowledged, "record"),
                    " not acknowledged: stored or not. Import again: what is stored already counts once.\n");
  }
  return out;
}

nlohmann::ordered_json JsonOfSummary(const ImportSummary& summary) {
  using Json = nlohmann::ordered_json;
  const auto counts = [](const FileSummary& file) {
    return Json{{"rows", file.rows},
                {"skipped", file.skipped},
                {"refused_rows", file.refused_rows},
                {"records", file.records},
                {"stored", file.stored},
                {"replaced", file.replaced},
                {"duplicates", file.duplicates},
                {"refused_records", file.refused_records}};
  };
  Json files = Json::array();
  for (const FileSummary& file : summary.files) {
    Json json = {{"file", file.file}, {"missing", file.missing}, {"complete", file.complete}};
    json.update(counts(file));
    json["skip_reasons"] = Json::array();
    for (const auto& [reason, count] : file.skip_reasons) {
      if (count == 0) continue;
      json["skip_reasons"].push_back({{"reason", reason}, {"count", count}});
    }
    json["warnings"] = Json::array();
    for (const FileSummary::Warning& warning : file.warnings) {
      json["warnings"].push_back({{"message", warning.message},
                                  {"count", warning.count},
                                  {"example_row", warning.example_line},
                                  {"example", warning.example}});
    }
    files.push_back(std::move(json));
  }
  return {{"mapping", summary.mapping},
          {"folder", summary.folder},
          {"dry_run", summary.dry_run},
          {"interrupted", summary.interrupted},
          {"error", std::string(summary.status.message())},
          {"nothing_changed", summary.NothingChanged()},
          {"files", std::move(files)},
          {"total", counts(summary.Total())},
          {"unacknowledged_records", summary.unacknowledged},
          {"feed_revision", summary.revision},
          {"seconds", absl::ToDoubleSeconds(summary.took)},
          {"rejects_file", summary.rejects_file}};
}

}  // namespace perennial::cli
