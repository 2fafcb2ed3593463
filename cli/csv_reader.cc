#include "cli/csv_reader.h"

#include <csv.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace perennial::cli {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 16;

// Where libcsv's callbacks put what they find.
struct Sink {
  std::vector<std::string>* fields;
  int rows = 0;
};

void TakeField(void* text, std::size_t size, void* sink) {
  static_cast<Sink*>(sink)->fields->emplace_back(static_cast<const char*>(text), size);
}
void TakeRow(int /*terminator*/, void* sink) { ++static_cast<Sink*>(sink)->rows; }

// libcsv drops blanks around fields; RFC 4180 says that they belong to them.
int NothingIsBlank(unsigned char /*c*/) { return 0; }

std::string SizeProblem(std::size_t limit) {
  return absl::StrCat("is longer than ", limit, " bytes; is a closing quote missing?");
}

// Length of the UTF-8 sequence at the start of `text`, or 0.
std::size_t SequenceLength(absl::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = at(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xC0) != 0x80) return 0;
  }
  const unsigned char second = at(1);
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool out_of_range = (first == 0xED && second > 0x9F) || (first == 0xF4 && second > 0x8F);
  return overlong || out_of_range ? 0 : length;
}

// Which fields of a row that could be read stand in quotes; empty when none does. libcsv does not tell.
std::vector<bool> QuotedFields(absl::string_view raw) {
  std::vector<bool> quoted;
  if (raw.find('"') == absl::string_view::npos) return quoted;
  bool inside = false;
  bool at_start = true;
  for (const char c : raw) {
    if (at_start) quoted.push_back(c == '"');
    at_start = false;
    if (c == '"') inside = !inside;  // a doubled quote closes and opens again
    at_start = c == ',' && !inside;
  }
  if (at_start) quoted.push_back(false);
  return quoted;
}

}  // namespace

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    const std::size_t length = SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void CsvReader::ParserDeleter::operator()(csv_parser* parser) const {
  csv_free(parser);
  delete parser;  // NOLINT(cppcoreguidelines-owning-memory): libcsv is C
}

CsvReader::CsvReader(std::FILE* file, CsvFormat format, std::size_t max_row_bytes)
    : file_(file), format_(format), max_row_bytes_(max_row_bytes), buffer_(kBufferBytes) {
  ResetParser();
}

CsvReader::~CsvReader() = default;

absl::StatusOr<std::unique_ptr<CsvReader>> CsvReader::Open(const std::string& path, CsvFormat format,
                                                           std::size_t max_row_bytes) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  std::unique_ptr<CsvReader> reader(new CsvReader(file, format, max_row_bytes));
  unsigned char mark[3] = {};
  const std::size_t size = std::fread(mark, 1, sizeof mark, file);
  if (std::ferror(file) != 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path));
  const absl::string_view start(reinterpret_cast<const char*>(mark), size);
  if (absl::StartsWith(start, "\xFF\xFE") || absl::StartsWith(start, "\xFE\xFF")) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is UTF-16; save it as UTF-8"));
  }
  if (start == "\xEF\xBB\xBF") {
    reader->bytes_read_ = 3;
  } else {
    std::copy(start.begin(), start.end(), reader->buffer_.begin());
    reader->buffer_end_ = size;
  }
  return reader;
}

void CsvReader::ResetParser() {
  parser_.reset(new csv_parser);
  csv_init(parser_.get(), CSV_STRICT | CSV_STRICT_FINI);
  csv_set_space_func(parser_.get(), NothingIsBlank);
}

bool CsvReader::AppendLine(CsvRow& row) {
  line_too_long_ = false;
  bool any = false;
  while (true) {
    if (buffer_begin_ == buffer_end_) {
      buffer_begin_ = 0;
      buffer_end_ = std::fread(buffer_.data(), 1, buffer_.size(), file_.get());
      if (buffer_end_ == 0) {
        if (std::ferror(file_.get()) != 0) status_ = absl::ErrnoToStatus(errno, "cannot read on");
        if (any) ++next_line_;
        return any;
      }
    }
    any = true;
    const char* begin = buffer_.data() + buffer_begin_;
    const std::size_t left = buffer_end_ - buffer_begin_;
    const void* end = std::memchr(begin, '\n', left);
    const std::size_t size = end == nullptr ? left : static_cast<const char*>(end) - begin + 1;
    if (!line_too_long_ && row.raw.size() + size <= max_row_bytes_) {
      row.raw.append(begin, size);
    } else {
      line_too_long_ = true;
    }
    buffer_begin_ += size;
    bytes_read_ += static_cast<std::int64_t>(size);
    if (end != nullptr) {
      ++next_line_;
      return true;
    }
  }
}

bool CsvReader::ParseLine(CsvRow& row, std::size_t from) {
  Sink sink{&row.fields};
  const absl::string_view line = absl::string_view(row.raw).substr(from);
  const std::size_t taken = csv_parse(parser_.get(), line.data(), line.size(), TakeField, TakeRow, &sink);
  if (taken != line.size()) {
    row.problem = absl::StrCat("has a stray quote at byte ", from + taken + 1, " (quotes inside a field are doubled)");
  } else if (sink.rows > 1) {
    row.problem = "has a carriage return outside quotes";
  }
  return sink.rows > 0 || !row.problem.empty();
}

void CsvReader::FinishAtEndOfFile(CsvRow& row) {
  Sink sink{&row.fields};
  if (csv_fini(parser_.get(), TakeField, TakeRow, &sink) != 0) row.problem = "ends inside a quoted field";
}

void CsvReader::SplitAtBlanks(CsvRow& row) {
  for (const absl::string_view part : absl::StrSplit(row.raw, absl::ByAnyChar(" \t\r\n"), absl::SkipEmpty())) {
    row.fields.emplace_back(part);
  }
}

bool CsvReader::Next(CsvRow& row) {
  do {
    row.line = next_line_;
    row.fields.clear();
    row.quoted.clear();
    row.raw.clear();
    row.problem.clear();
    bool complete = false;
    while (!complete) {
      const std::size_t from = row.raw.size();
      if (!AppendLine(row)) {
        if (!status_.ok() || from == 0) return false;
        FinishAtEndOfFile(row);
        break;
      }
      if (line_too_long_) {
        row.problem = SizeProblem(max_row_bytes_);
        break;
      }
      if (format_ == CsvFormat::kWhitespace) {
        SplitAtBlanks(row);
        break;
      }
      complete = ParseLine(row, from);
      // An empty line is no row, and libcsv reports none.
      if (!complete && from == 0 && (row.raw == "\n" || row.raw == "\r\n")) break;
    }
    if (!row.problem.empty()) ResetParser();
    absl::string_view raw = row.raw;
    if (absl::ConsumeSuffix(&raw, "\n")) absl::ConsumeSuffix(&raw, "\r");
    row.raw.resize(raw.size());
    if (row.problem.empty() && !IsUtf8(row.raw)) row.problem = "is not valid UTF-8";
  } while (row.fields.empty() && row.problem.empty());
  if (format_ == CsvFormat::kComma && row.problem.empty()) row.quoted = QuotedFields(row.raw);
  return true;
}

}  // namespace perennial::cli
