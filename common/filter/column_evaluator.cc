#include "common/filter/column_evaluator.h"

#include <algorithm>
#include <array>
#include <system_error>
#include <thread>

#include "common/filter/block_kernels.h"
#include "common/filter/column_plan.h"

namespace perennial::filter {
namespace {

using facts::Bitmap;
using Kind = PlanNode::Kind;

constexpr std::size_t kRowsPerWord = 64;
// How many words of rows are looked at before the next. A column of numbers takes 16 KiB of a small block: those that a
// hundred filters read fit in a second-level cache. A few filters need no cache, and run faster through memory in large
// blocks.
constexpr std::size_t kWordsPerBlock = 32;
constexpr std::size_t kWordsPerLargeBlock = 256;
constexpr std::size_t kFewNodes = 32;

// Memory is slower than one processor: a great table is shared among several.
constexpr std::size_t kWordsWorthAThread = 4096;
constexpr unsigned kMostThreads = 4;

bool HasElement(const std::vector<std::uint32_t>& set, const Bitmap& wanted) {
  return std::any_of(set.begin(), set.end(), [&](std::uint32_t code) { return wanted.Test(code); });
}

bool IsFound(const PlanNode& node, std::size_t row) {
  for (std::size_t i = 0; i < node.searched.size(); ++i) {
    if (node.searched[i] != nullptr && node.found[i].Test(node.searched[i]->codes[row])) return true;
  }
  if (node.sets == nullptr || node.code == 0) return false;
  const auto& codes = node.sets->codes[row];
  return std::binary_search(codes.begin(), codes.end(), node.code);
}

// Runs a plan over one block after another. A node is worked out when it is first asked for in a block.
class BlockRun {
 public:
  explicit BlockRun(const std::vector<PlanNode>& nodes)
      : nodes_(nodes),
        block_words_(nodes.size() <= kFewNodes ? kWordsPerLargeBlock : kWordsPerBlock),
        words_(nodes.size() * block_words_),
        done_in_(nodes.size()) {}

  // The most words of rows that a block may have.
  [[nodiscard]] std::size_t block_words() const { return block_words_; }

  // The `rows` rows from `first_word` on are asked about next.
  void Start(std::size_t first_word, std::size_t rows) {
    ++block_;
    first_word_ = first_word;
    first_row_ = first_word * kRowsPerWord;
    rows_ = rows;
    count_ = (rows + kRowsPerWord - 1) / kRowsPerWord;
  }

  // A bit for each row of the block that the node selects. Bits past the rows mean nothing.
  const Word* Get(std::uint32_t at) {
    Word* const out = words_.data() + at * block_words_;
    if (done_in_[at] == block_) return out;
    done_in_[at] = block_;
    const PlanNode& node = nodes_[at];
    switch (node.kind) {
      case Kind::kAll: std::fill_n(out, count_, ~Word{0}); break;
      case Kind::kNone: std::fill_n(out, count_, Word{0}); break;
      case Kind::kAnd: And(node, out); break;
      case Kind::kOr: Or(node, out); break;
      case Kind::kNumbers: Numbers(node, out); break;
      case Kind::kCode: FindCode(node.texts->codes.data() + first_row_, node.code, rows_, out); break;
      case Kind::kOtherCode: FindOtherCodes(node.texts->codes.data() + first_row_, node.code, rows_, out); break;
      case Kind::kCodes: FindCodes(node.texts->codes.data() + first_row_, node.codes, rows_, out); break;
      case Kind::kElements:
      case Kind::kNoElements: Elements(node, out); break;
      case Kind::kBits:
      case Kind::kNotBits: Bits(node, out); break;
      case Kind::kFound:
      case Kind::kNotFound:
        SetEach(out, [&](std::size_t row) { return IsFound(node, row) == (node.kind == Kind::kFound); });
        break;
    }
    return out;
  }

 private:
  // Sets the bits of the rows that `test(row of the table)`.
  template <class Test>
  void SetEach(Word* out, Test test) const {
    std::fill_n(out, count_, Word{0});
    for (std::size_t i = 0; i < rows_; ++i) out[i / kRowsPerWord] |= Word{test(first_row_ + i)} << (i % kRowsPerWord);
  }

  // Stops when nothing is left to select.
  void And(const PlanNode& node, Word* out) {
    std::copy_n(Get(node.children[0]), count_, out);
    for (std::size_t i = 1; i < node.children.size(); ++i) {
      if (std::all_of(out, out + count_, [](Word word) { return word == 0; })) return;
      const Word* const child = Get(node.children[i]);
      for (std::size_t w = 0; w < count_; ++w) out[w] &= child[w];
    }
  }

  void Or(const PlanNode& node, Word* out) {
    std::copy_n(Get(node.children[0]), count_, out);
    for (std::size_t i = 1; i < node.children.size(); ++i) {
      const Word* const child = Get(node.children[i]);
      for (std::size_t w = 0; w < count_; ++w) out[w] |= child[w];
    }
  }

  // Narrow columns are unpacked into a piece that the first cache holds.
  void Numbers(const PlanNode& node, Word* out) const {
    const Word* const known = node.numbers->known.words().data() + first_word_;
    const facts::NumberValues& values = node.numbers->values;
    if (values.width() == sizeof(double)) {
      CompareNumbers(node.comparator, values.Read(first_row_, rows_, nullptr), known, node.bound, rows_, out);
      return;
    }
    constexpr std::size_t kWords = 8;
    std::array<double, kWords * kRowsPerWord> piece;
    for (std::size_t word = 0; word < count_; word += kWords) {
      const std::size_t row = word * kRowsPerWord;
      const std::size_t rows = std::min(rows_ - row, piece.size());
      CompareNumbers(node.comparator, values.Read(first_row_ + row, rows, piece.data()), known + word, node.bound, rows,
                     out + word);
    }
  }

  void Elements(const PlanNode& node, Word* out) const {
    const bool wanted = node.kind == Kind::kElements;
    SetEach(out, [&](std::size_t row) { return HasElement(node.sets->codes[row], node.codes) == wanted; });
    const Word* const known = node.sets->known.words().data() + first_word_;
    for (std::size_t w = 0; w < count_; ++w) out[w] &= known[w];
  }

  void Bits(const PlanNode& node, Word* out) const {
    const std::vector<Word>& words = node.bits->words();
    const std::size_t there = words.size() > first_word_ ? std::min(count_, words.size() - first_word_) : 0;
    std::copy_n(words.data() + first_word_, there, out);
    std::fill(out + there, out + count_, Word{0});
    if (node.kind == Kind::kBits) return;
    for (std::size_t w = 0; w < count_; ++w) out[w] = ~out[w];
  }

  const std::vector<PlanNode>& nodes_;
  const std::size_t block_words_;
  std::vector<Word> words_;             // so many for each node
  std::vector<std::uint32_t> done_in_;  // number of the block
  std::uint32_t block_ = 0;
  std::size_t first_word_ = 0;
  std::size_t first_row_ = 0;
  std::size_t rows_ = 0;
  std::size_t count_ = 0;  // words of the block
};

// Evaluates the words of rows [begin, end), counted from the word `from`, of all results.
void EvaluateWords(const ColumnPlan& plan, const std::vector<std::uint32_t>& roots, const facts::FactTable& table,
                   std::size_t from, std::size_t begin, std::size_t end, std::vector<Bitmap>& selected) {
  BlockRun run(plan.nodes());
  const Word* const live = table.live_rows().words().data() + from;
  for (std::size_t first = begin; first < end; first += run.block_words()) {
    const std::size_t words = std::min(run.block_words(), end - first);
    if (std::all_of(live + first, live + first + words, [](Word word) { return word == 0; })) continue;
    const std::size_t first_row = (from + first) * kRowsPerWord;
    run.Start(from + first, std::min(words * kRowsPerWord, table.row_count() - first_row));
    for (std::size_t i = 0; i < roots.size(); ++i) {
      const Word* const yes = run.Get(roots[i]);
      Word* const out = selected[i].words().data() + first;
      for (std::size_t w = 0; w < words; ++w) out[w] = yes[w] & live[first + w];
    }
  }
}

}  // namespace

std::vector<Bitmap> EvaluateColumns(const std::vector<const Program*>& programs, const facts::FactTable& table,
                                    const EvaluationContext& context, std::size_t from, std::size_t end) {
  ColumnPlan plan(table, context);
  std::vector<std::uint32_t> roots;
  for (const Program* program : programs) roots.push_back(plan.Add(*program));
  std::vector<Bitmap> selected(programs.size(), Bitmap(end - from));
  const std::size_t words = (end - from + kRowsPerWord - 1) / kRowsPerWord;
  const std::size_t processors = std::clamp(std::thread::hardware_concurrency(), 1U, kMostThreads);
  const std::size_t threads = std::clamp<std::size_t>(words / kWordsWorthAThread, 1, processors);
  const auto share = [&](std::size_t i) {
    EvaluateWords(plan, roots, table, from / kRowsPerWord, words * i / threads, words * (i + 1) / threads, selected);
  };
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < threads; ++i) {
    try {
      others.emplace_back(share, i);
    } catch (const std::system_error&) {
      share(i);  // the system has no thread to give
    }
  }
  share(0);
  for (std::thread& other : others) other.join();
  // Bits past the end belong to other rows.
  if (const std::size_t rest = (end - from) % kRowsPerWord; rest != 0) {
    for (Bitmap& rows : selected) rows.words().back() &= (Word{1} << rest) - 1;
  }
  return selected;
}

}  // namespace perennial::filter
