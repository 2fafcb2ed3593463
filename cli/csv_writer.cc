#include "cli/csv_writer.h"

#include "absl/strings/ascii.h"

namespace perennial::cli {

void AppendCsvField(absl::string_view field, std::string* out) {
  const bool blank_edges = !field.empty() && (absl::ascii_isspace(static_cast<unsigned char>(field.front())) ||
                                              absl::ascii_isspace(static_cast<unsigned char>(field.back())));
  if (!blank_edges && field.find_first_of(",\"\r\n") == absl::string_view::npos) {
    out->append(field.data(), field.size());
    return;
  }
  out->push_back('"');
  for (const char c : field) {
    if (c == '"') out->push_back('"');
    out->push_back(c);
  }
  out->push_back('"');
}

void AppendCsvRow(const std::vector<absl::string_view>& fields, std::string* out) {
  bool first = true;
  for (const absl::string_view field : fields) {
    if (!first) out->push_back(',');
    first = false;
    AppendCsvField(field, out);
  }
  out->push_back('\n');
}

}  // namespace perennial::cli
