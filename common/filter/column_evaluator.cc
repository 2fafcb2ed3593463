#include "common/filter/column_evaluator.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "common/filter/row_evaluator.h"

namespace perennial::filter {
namespace {

using facts::Bitmap;
using Word = std::uint64_t;

constexpr std::size_t kRowsPerWord = 64;
constexpr std::size_t kWordsPerBlock = 64;

// Truth of the rows of a block, a bit each: in `yes` true, in `no` false, in neither unknown. Bits of rows past the end
// mean nothing.
struct Block {
  std::array<Word, kWordsPerBlock> yes;
  std::array<Word, kWordsPerBlock> no;
};

// The words of a block and the rows they stand for.
struct Range {
  std::size_t first_word;
  std::size_t words;
  std::size_t rows;

  [[nodiscard]] std::size_t first_row() const { return first_word * kRowsPerWord; }
};

// Gathers the lowest bits of 64 bytes.
Word GatherBits(const std::array<std::uint8_t, kRowsPerWord>& flags) {
  static_assert(std::endian::native == std::endian::little);
  Word word = 0;
  for (std::size_t group = 0; group < 8; ++group) {
    Word bytes = 0;
    std::memcpy(&bytes, flags.data() + group * 8, sizeof(bytes));
    // The product has the bit of byte i at 56 + i.
    word |= (bytes * 0x0102040810204080ULL >> 56) << (group * 8);
  }
  return word;
}

// Sets bit i of `out` to test(i) for each row of a range, counted from its start. Bytes first and bits afterwards, so
// that the compiler can test several rows with one instruction.
template <class Test>
void PackBits(std::size_t rows, Word* out, Test test) {
  const std::size_t whole = rows / kRowsPerWord;
  std::array<std::uint8_t, kRowsPerWord> flags;
  for (std::size_t w = 0; w < whole; ++w) {
    for (std::size_t i = 0; i < kRowsPerWord; ++i) flags[i] = test(w * kRowsPerWord + i) ? 1 : 0;
    out[w] = GatherBits(flags);
  }
  if (rows % kRowsPerWord == 0) return;
  Word word = 0;
  for (std::size_t i = whole * kRowsPerWord; i < rows; ++i) word |= Word{test(i)} << (i % kRowsPerWord);
  out[whole] = word;
}

// Everything about a node that is worked out once a query.
struct Operand {
  const facts::NumberColumn* numbers = nullptr;
  const facts::TextColumn* texts = nullptr;
  const facts::SetColumn* sets = nullptr;
  const Bitmap* members = nullptr;
  double threshold = 0;
  // Codes of the dictionary whose text satisfies the comparison.
  Bitmap codes;
};

// Where a search looks, worked out once a query.
struct SearchOperand {
  std::array<const facts::TextColumn*, 2> texts = {};
  std::array<Bitmap, 2> codes;
  const facts::SetColumn* tags = nullptr;
  std::uint32_t tag = 0;
};

// Bitmap over the codes of `dictionary`, with a bit for each text that `matches`. Code 0, unknown, never has one.
template <class Matches>
Bitmap MatchingCodes(const facts::Dictionary& dictionary, Matches matches) {
  Bitmap codes(dictionary.size());
  for (std::uint32_t code = 1; code < dictionary.size(); ++code) {
    if (matches(dictionary.Text(code))) codes.Set(code);
  }
  return codes;
}

// Codes of the texts that stand to `pattern` as `comparator` says. Equality with one text needs no look at the others.
Bitmap ComparedCodes(const facts::Dictionary& dictionary, Comparator comparator, const Pattern& pattern) {
  if (comparator != Comparator::kEqual || !pattern.exact()) {
    return MatchingCodes(dictionary, [&](const std::string& text) { return MatchesText(text, comparator, pattern); });
  }
  Bitmap codes(dictionary.size());
  if (const std::uint32_t code = dictionary.Find(pattern.text); code != 0) codes.Set(code);
  return codes;
}

class ColumnEvaluation {
 public:
  ColumnEvaluation(const Program& program, const facts::FactTable& table, const EvaluationContext& context)
      : program_(program), table_(table), context_(context), operands_(program.nodes.size()) {
    searches_.resize(program.searches.size());
    for (std::size_t i = 0; i < program.nodes.size(); ++i) Prepare(program.nodes[i], operands_[i]);
  }

  // The rows from `from`, a multiple of 64, to before `end`.
  [[nodiscard]] Bitmap Run(std::size_t from, std::size_t end) const {
    Bitmap selected(end - from);
    auto& out = selected.words();
    const Word* live = table_.live_rows().words().data() + from / kRowsPerWord;
    for (std::size_t first = 0; first < out.size(); first += kWordsPerBlock) {
      const std::size_t words = std::min(kWordsPerBlock, out.size() - first);
      const Range range{.first_word = from / kRowsPerWord + first,
                        .words = words,
                        .rows = std::min(words * kRowsPerWord, end - from - first * kRowsPerWord)};
      Block block;
      Evaluate(0, range, block);
      for (std::size_t w = 0; w < words; ++w) out[first + w] = block.yes[w] & live[first + w];
    }
    // Bits past the end belong to other rows.
    if (const std::size_t rest = selected.size() % kRowsPerWord; rest != 0) out.back() &= (Word{1} << rest) - 1;
    return selected;
  }

 private:
  void Prepare(const Node& node, Operand& operand) {
    switch (node.kind) {
      case NodeKind::kNumber:
        operand.numbers = table_.numbers(node.fact);
        operand.threshold = node.number;
        break;
      case NodeKind::kClock:
        operand.numbers = table_.numbers(node.fact);
        operand.threshold = ClockThreshold(context_.now, node.number);
        break;
      case NodeKind::kText: PrepareText(node, operand); break;
      case NodeKind::kElement: PrepareElement(node, operand); break;
      case NodeKind::kAny: operand.sets = table_.sets(node.fact); break;
      case NodeKind::kKnown:
        operand.numbers = table_.numbers(node.fact);
        operand.texts = table_.texts(node.fact);
        operand.sets = table_.sets(node.fact);
        break;
      case NodeKind::kSearch: PrepareSearch(program_.searches[node.operand], searches_[node.operand]); break;
      case NodeKind::kSegment:
        if (context_.segments != nullptr) operand.members = context_.segments->Members(program_.segments[node.operand]);
        break;
      default: break;
    }
  }

  void PrepareText(const Node& node, Operand& operand) const {
    operand.texts = table_.texts(node.fact);
    if (operand.texts == nullptr) return;
    operand.codes = ComparedCodes(operand.texts->dictionary, node.comparator, program_.patterns[node.operand]);
  }

  void PrepareElement(const Node& node, Operand& operand) const {
    operand.sets = table_.sets(node.fact);
    if (operand.sets == nullptr) return;
    operand.codes = ComparedCodes(operand.sets->dictionary, Comparator::kEqual, program_.patterns[node.operand]);
  }

  void PrepareSearch(const Search& search, SearchOperand& operand) const {
    const SearchedFacts& where = program_.searched;
    const std::array<std::optional<facts::FactId>, 2> facts = {where.name, where.owner};
    for (std::size_t i = 0; i < facts.size(); ++i) {
      if (!facts[i].has_value()) continue;
      operand.texts[i] = table_.texts(*facts[i]);
      if (operand.texts[i] == nullptr) continue;
      operand.codes[i] = MatchingCodes(operand.texts[i]->dictionary, [&](const std::string& text) {
        return ContainsIgnoringCase(text, search.lower);
      });
    }
    if (where.tags.has_value()) operand.tags = table_.sets(*where.tags);
    if (operand.tags != nullptr) operand.tag = operand.tags->dictionary.Find(search.text);
  }

  void Evaluate(std::uint32_t at, const Range& range, Block& out) const {
    const Node& node = program_.nodes[at];
    switch (node.kind) {
      case NodeKind::kEverything: return Fill(out, ~Word{0}, 0);
      case NodeKind::kAnd: return Combine(at, range, out, true);
      case NodeKind::kOr: return Combine(at, range, out, false);
      case NodeKind::kNot: Evaluate(at + 1, range, out); return std::swap(out.yes, out.no);
      case NodeKind::kNumber:
      case NodeKind::kClock: return Numbers(node, operands_[at], range, out);
      case NodeKind::kText: return Texts(operands_[at], range, out);
      case NodeKind::kElement:
      case NodeKind::kAny: return Sets(node, operands_[at], range, out);
      case NodeKind::kKnown: return Known(operands_[at], range, out);
      case NodeKind::kSearch: return Searched(searches_[node.operand], range, out);
      case NodeKind::kSegment: return Segment(operands_[at], range, out);
    }
  }

  static void Fill(Block& out, Word yes, Word no) {
    out.yes.fill(yes);
    out.no.fill(no);
  }

  // AND over the children, or OR. Stops when no child can change a row of the block any more.
  void Combine(std::uint32_t at, const Range& range, Block& out, bool all) const {
    Fill(out, all ? ~Word{0} : 0, all ? 0 : ~Word{0});
    Block child_block;
    for (std::uint32_t child = at + 1; child < program_.nodes[at].end; child = program_.nodes[child].end) {
      Evaluate(child, range, child_block);
      Word undecided = 0;
      for (std::size_t w = 0; w < range.words; ++w) {
        out.yes[w] = all ? out.yes[w] & child_block.yes[w] : out.yes[w] | child_block.yes[w];
        out.no[w] = all ? out.no[w] | child_block.no[w] : out.no[w] & child_block.no[w];
        undecided |= all ? ~out.no[w] : ~out.yes[w];
      }
      if (undecided == 0) return;
    }
  }

  // Splits the rows that are known by `out.yes`, which says what they would be.
  static void Split(const Word* known, const Range& range, Block& out) {
    for (std::size_t w = 0; w < range.words; ++w) {
      out.no[w] = known[w] & ~out.yes[w];
      out.yes[w] &= known[w];
    }
  }

  static void Numbers(const Node& node, const Operand& operand, const Range& range, Block& out) {
    if (operand.numbers == nullptr) return Fill(out, 0, 0);
    const double* values = operand.numbers->values.data() + range.first_row();
    WithComparator(node.comparator, [&](auto compare) {
      PackBits(range.rows, out.yes.data(), [&](std::size_t i) { return compare(values[i], operand.threshold); });
    });
    Split(operand.numbers->known.words().data() + range.first_word, range, out);
  }

  static void Texts(const Operand& operand, const Range& range, Block& out) {
    if (operand.texts == nullptr) return Fill(out, 0, 0);
    const std::uint32_t* codes = operand.texts->codes.data() + range.first_row();
    std::array<Word, kWordsPerBlock> known;
    PackBits(range.rows, known.data(), [&](std::size_t i) { return codes[i] != 0; });
    PackBits(range.rows, out.yes.data(), [&](std::size_t i) { return operand.codes.Test(codes[i]); });
    Split(known.data(), range, out);
  }

  static void Sets(const Node& node, const Operand& operand, const Range& range, Block& out) {
    if (operand.sets == nullptr) return Fill(out, 0, 0);
    const std::vector<std::uint32_t>* rows = operand.sets->codes.data() + range.first_row();
    PackBits(range.rows, out.yes.data(), [&](std::size_t i) {
      if (node.kind == NodeKind::kAny) return !rows[i].empty();
      return std::any_of(rows[i].begin(), rows[i].end(), [&](std::uint32_t code) { return operand.codes.Test(code); });
    });
    Split(operand.sets->known.words().data() + range.first_word, range, out);
  }

  static void Known(const Operand& operand, const Range& range, Block& out) {
    Fill(out, 0, ~Word{0});
    const Bitmap* known = operand.numbers != nullptr ? &operand.numbers->known
                          : operand.sets != nullptr  ? &operand.sets->known
                                                     : nullptr;
    if (known != nullptr) {
      std::copy_n(known->words().data() + range.first_word, range.words, out.yes.data());
    } else if (operand.texts != nullptr) {
      const std::uint32_t* codes = operand.texts->codes.data() + range.first_row();
      PackBits(range.rows, out.yes.data(), [&](std::size_t i) { return codes[i] != 0; });
    }
    Complement(range, out);
  }

  static void Complement(const Range& range, Block& out) {
    for (std::size_t w = 0; w < range.words; ++w) out.no[w] = ~out.yes[w];
  }

  static void Searched(const SearchOperand& operand, const Range& range, Block& out) {
    PackBits(range.rows, out.yes.data(), [&](std::size_t i) {
      const std::size_t row = range.first_row() + i;
      for (std::size_t k = 0; k < operand.texts.size(); ++k) {
        if (operand.texts[k] != nullptr && operand.codes[k].Test(operand.texts[k]->codes[row])) return true;
      }
      if (operand.tags == nullptr || operand.tag == 0) return false;
      const auto& codes = operand.tags->codes[row];
      return std::binary_search(codes.begin(), codes.end(), operand.tag);
    });
    Complement(range, out);
  }

  static void Segment(const Operand& operand, const Range& range, Block& out) {
    Fill(out, 0, 0);
    if (operand.members == nullptr) return;
    const auto& words = operand.members->words();
    for (std::size_t w = 0; w < range.words && range.first_word + w < words.size(); ++w) {
      out.yes[w] = words[range.first_word + w];
    }
    Complement(range, out);
  }

  const Program& program_;
  const facts::FactTable& table_;
  const EvaluationContext& context_;
  std::vector<Operand> operands_;        // by node
  std::vector<SearchOperand> searches_;  // by search
};

}  // namespace

Bitmap EvaluateColumns(const Program& program, const facts::FactTable& table, const EvaluationContext& context) {
  return ColumnEvaluation(program, table, context).Run(0, table.row_count());
}

Bitmap EvaluateColumns(const Program& program, const facts::FactTable& table, const EvaluationContext& context,
                       facts::RowId first, facts::RowId end) {
  return ColumnEvaluation(program, table, context).Run(first, end);
}

}  // namespace perennial::filter
