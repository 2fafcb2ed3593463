#include "common/filter/printer.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/filter/lexer.h"
#include "common/filter/literals.h"

namespace perennial::filter {
namespace {

std::string Escaped(absl::string_view text) {
  return absl::StrReplaceAll(
      text, {{"\\", "\\\\"}, {"\"", "\\\""}, {"*", "\\*"}, {"\n", "\\n"}, {"\r", "\\r"}, {"\t", "\\t"}});
}

std::string Quoted(absl::string_view text) { return absl::StrCat("\"", Escaped(text), "\""); }

std::string Quoted(const Pattern& pattern) {
  const bool anything = pattern.text.empty() && !pattern.exact();
  return absl::StrCat("\"", pattern.any_before ? "*" : "", Escaped(pattern.text),
                      pattern.any_after && !anything ? "*" : "", "\"");
}

// Whether a part of a fact's name may stand without quotes.
bool IsPlain(absl::string_view part) {
  return !part.empty() && part.front() != '-' && !absl::ascii_isdigit(static_cast<unsigned char>(part.front())) &&
         part != "AND" && part != "OR" && part != "NOT" && std::all_of(part.begin(), part.end(), IsWordCharacter);
}

std::string FactName(absl::string_view name) {
  std::string written;
  for (const absl::string_view part : absl::StrSplit(name, '.')) {
    absl::StrAppend(&written, written.empty() ? "" : ".", IsPlain(part) ? std::string(part) : Quoted(part));
  }
  return written;
}

class Printer {
 public:
  Printer(const Program& program, const facts::FactCatalogue& catalogue) : program_(program), catalogue_(catalogue) {}

  Printed Run() {
    Write(0, 0);
    return std::move(out_);
  }

 private:
  void Write(std::uint32_t at, int depth) {
    const Node& node = program_.nodes[at];
    out_.depth = std::max(out_.depth, depth);
    switch (node.kind) {
      case NodeKind::kAnd: return WriteList(at, " AND ", depth);
      case NodeKind::kOr: return WriteList(at, " OR ", depth);
      case NodeKind::kNot: Append("NOT "); return WriteInParentheses(at + 1, depth + 1);
      default: return WriteRestriction(node, depth);
    }
  }

  void WriteList(std::uint32_t at, absl::string_view separator, int depth) {
    for (std::uint32_t child = at + 1; child < program_.nodes[at].end; child = program_.nodes[child].end) {
      if (child > at + 1) Append(separator);
      const NodeKind kind = program_.nodes[child].kind;
      if (kind == NodeKind::kAnd || kind == NodeKind::kOr) {
        WriteInParentheses(child, depth);
      } else {
        Write(child, depth);
      }
    }
  }

  void WriteInParentheses(std::uint32_t at, int depth) {
    Append("(");
    Write(at, depth + 1);
    Append(")");
  }

  void WriteRestriction(const Node& node, int depth) {
    switch (node.kind) {
      case NodeKind::kNumber: return Append(FactName(NameOf(node)), Compared(node), Literal(node));
      case NodeKind::kClock:
        out_.depth = std::max(out_.depth, depth + 1);
        return Append(
            FactName(NameOf(node)), Compared(node),
            node.number == 0 ? std::string("now()") : absl::StrCat("days_ago(", FormatNumber(node.number), ")"));
      case NodeKind::kChanged:
        out_.depth = std::max(out_.depth, depth + 1);
        return Append("changed(", FactName(catalogue_.Get(node.operand).name), ", \"", FormatNumber(node.number),
                      "d\")");
      case NodeKind::kText:
        return Append(FactName(NameOf(node)), Compared(node), Quoted(program_.patterns[node.operand]));
      case NodeKind::kElement: return Append(FactName(NameOf(node)), ":", Quoted(program_.patterns[node.operand]));
      case NodeKind::kAny:
      case NodeKind::kKnown: return Append(FactName(NameOf(node)), ":*");
      case NodeKind::kSearch: return Append(Quoted(program_.searches[node.operand].text));
      case NodeKind::kSegment:
        out_.depth = std::max(out_.depth, depth + 1);
        return Append("segment(", Quoted(program_.segments[node.operand]), ")");
      default: return;
    }
  }

  [[nodiscard]] const std::string& NameOf(const Node& node) const { return catalogue_.Get(node.fact).name; }
  [[nodiscard]] static std::string Compared(const Node& node) {
    return absl::StrCat(" ", perennial::filter::NameOf(node.comparator), " ");
  }
  [[nodiscard]] static std::string Literal(const Node& node) {
    if (node.type == facts::FactType::kBool) return node.number != 0 ? "true" : "false";
    return node.type == facts::FactType::kTime ? FormatTimeSeconds(node.number) : FormatNumber(node.number);
  }

  template <class... Parts>
  void Append(const Parts&... parts) {
    absl::StrAppend(&out_.text, parts...);
  }

  const Program& program_;
  const facts::FactCatalogue& catalogue_;
  Printed out_;
};

}  // namespace

Printed Print(const Program& program, const facts::FactCatalogue& catalogue) {
  return Printer(program, catalogue).Run();
}

}  // namespace perennial::filter
