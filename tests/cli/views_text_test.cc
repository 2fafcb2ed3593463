// Text, bars and tables: what is seen, column by column.
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "cli/bars.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/tiles.h"
#include "cli/utf8.h"

namespace perennial::cli {
namespace {

TEST(Utf8, WidthCountsColumnsNotBytes) {
  EXPECT_EQ(DisplayWidth("abc"), 3);
  EXPECT_EQ(DisplayWidth("Müller"), 6);
  EXPECT_EQ(DisplayWidth("株式会社"), 8);
  EXPECT_EQ(DisplayWidth("e\u0301"), 1) << "a combining mark takes no column";
  EXPECT_EQ(DisplayWidth("🚀"), 2);
}

TEST(Utf8, TruncationNeverSplitsACharacterAndFits) {
  EXPECT_EQ(TruncateText("Northwind", 9), "Northwind");
  EXPECT_EQ(TruncateText("Northwind", 5), "Nort…");
  EXPECT_EQ(TruncateText("Müller & Söhne", 4), "Mül…");
  EXPECT_EQ(TruncateText("株式会社", 4), "株…") << "a wide character that would need half a column is left off";
  EXPECT_EQ(TruncateText("Acme Corp", 6), "Acme…") << "no space before the ellipsis";
  EXPECT_EQ(TruncateText("Acme", 0), "");
}

TEST(Utf8, WhatCouldSteerTheTerminalIsReplaced) {
  EXPECT_EQ(CleanText("a\x1b[31mb\nc\td"), "a\uFFFD[31mb\uFFFDc\uFFFDd");
  EXPECT_EQ(CleanText("\u009b31m"), "\uFFFD31m") << "the one-byte form of the escape";
  EXPECT_EQ(CleanText("a\u202Ecba"), "a\uFFFDcba") << "reversed text";
  EXPECT_EQ(CleanText("bad \xff\xc0\xaf end"), "bad \uFFFD\uFFFD\uFFFD end");
  EXPECT_EQ(CleanText("cut \xE2\x82"), "cut \uFFFD\uFFFD");
  EXPECT_EQ(CleanText("fine – 株 🚀"), "fine – 株 🚀");
}

TEST(Text, EscapeCodesAppearOnlyWithColours) {
  Text line("red", Style::kRed);
  line.Add(" plain ").Add("bold", Style::kBold);
  EXPECT_EQ(line.Render(false), "red plain bold");
  EXPECT_EQ(line.Render(true), "\x1b[31mred\x1b[0m plain \x1b[1mbold\x1b[0m");
  EXPECT_EQ(line.width(), 14);
}

TEST(Text, TrailingSpacesAreLeftOut) {
  Text line("a");
  line.PadTo(10);
  EXPECT_EQ(line.Render(false), "a");
  EXPECT_EQ(Text("12").AlignedRight(5).Render(false), "   12");
}

TEST(Text, TruncationKeepsStylesAndFitsExactly) {
  Text line("abc", Style::kRed);
  line.Add("def", Style::kBold);
  EXPECT_EQ(line.Truncated(6).Render(false), "abcdef");
  EXPECT_EQ(line.Truncated(5).Render(true), "\x1b[31mabc\x1b[0m\x1b[1md…\x1b[0m");
  EXPECT_EQ(line.Truncated(3).Render(false), "ab…");
  EXPECT_EQ(line.Truncated(2).Render(false), "a…");
}

TEST(Text, WrapsAtWordsAndCutsWhatIsLongerThanALine) {
  EXPECT_EQ(Render(Wrap("one two  three\nfour", 11, 2), false), "  one two\n  three\n  four\n");
  EXPECT_EQ(Render(Wrap("incomprehensibilities", 10, 0), false), "incompreh…\n");
  EXPECT_TRUE(Wrap("", 10, 0).empty());
}

TEST(Text, PagesStandSideBySide) {
  EXPECT_EQ(Render(SideBySide({"a", "bbbbbb"}, 4, 2, {"X", "Y", "Z"}), false), "a     X\nbbb…  Y\n      Z\n");
}

TEST(Bars, HaveEighthsOfAColumn) {
  const auto bar = [](double share) { return Bar(share, 4, Style::kPlain).Render(false); };
  EXPECT_EQ(bar(0), "");
  EXPECT_EQ(bar(1.0 / 32), "▏");
  EXPECT_EQ(bar(0.5), "██");
  EXPECT_EQ(bar(0.6), "██▍");
  EXPECT_EQ(bar(1), "████");
}

TEST(Bars, ClampWhatIsNoShareAndShowTheLeastOfSomething) {
  EXPECT_EQ(Bar(1e-9, 4, Style::kPlain).Render(false), "▏");
  EXPECT_EQ(Bar(7, 4, Style::kPlain).Render(false), "████");
  EXPECT_EQ(Bar(-1, 4, Style::kPlain).Render(false), "");
  EXPECT_EQ(Bar(std::nan(""), 4, Style::kPlain).Render(false), "");
  EXPECT_EQ(Bar(0.5, 4, Style::kPlain).width(), 4) << "padded";
}

TEST(Bars, TracksShowTheWhole) { EXPECT_EQ(Bar(0.3, 5, Style::kRed, true).Render(false), "█▌···"); }

TEST(Bars, StackedPartsFillTheWidthAndAllShow) {
  const auto stacked = [](std::vector<double> values, int width) {
    const char* shades[] = {"a", "b", "c"};
    std::vector<BarPart> parts;
    for (const double value : values) parts.push_back({value, Style::kPlain, shades[parts.size()]});
    return StackedBar(parts, width).Render(false);
  };
  EXPECT_EQ(stacked({1, 1, 2}, 8), "aabbcccc");
  EXPECT_EQ(stacked({1, 1, 1}, 10), "aaaabbbccc") << "rounding leaves a column, which goes to the longest";
  EXPECT_EQ(stacked({1, 1000000, 0}, 6), "abbbbb");
  EXPECT_EQ(stacked({0, 0, 0}, 6), "");
}

TEST(Bars, SparklinesScaleBetweenLowAndHighAndMarkUnknown) {
  EXPECT_EQ(Sparkline({0.0, 50.0, std::nullopt, 100.0}, 0, 100, Style::kPlain).Render(false), "▁▅·█");
  EXPECT_EQ(Sparkline({7.0}, 7, 7, Style::kPlain).Render(false), "▅");
}

TEST(Table, GivesTheRestToTheFlexibleColumn) {
  Table table({{"name", Align::kLeft, true}, {"n", Align::kRight}});
  table.AddRow({"Acme", "5"});
  table.AddRow({"Müller", "1,200"});
  EXPECT_EQ(Render(table.Render(20), false),
            "  name             n\n"
            "  Acme             5\n"
            "  Müller       1,200\n");
}

TEST(Table, CutsFlexibleColumnsWhenItIsTooWideAndNothingElse) {
  Table table({{"", Align::kLeft, true, 4}, {"", Align::kRight}});
  table.AddRow({"A very long name", "1234567"});
  table.AddLine("a line of its own");
  EXPECT_EQ(Render(table.Render(16), false),
            "  A ve…  1234567\n"
            "  a line of its…\n");
}

TEST(Table, IsRatherTooWideThanWrong) {
  Table table({{"", Align::kLeft, true, 4}, {"", Align::kRight}});
  table.AddRow({"Acme Corporation", "1234567"});
  EXPECT_EQ(Render(table.Render(8, 0), false), "Acm…  1234567\n");
}

TEST(Tiles, StandInColumnsOfOneWidth) {
  EXPECT_EQ(Render(Tiles({{"MRR", "USD 5"}, {"ARR", "USD 60"}}, 22), false),
            "  MRR       ARR\n"
            "  USD 5     USD 60\n");
}

TEST(SectionHead, RulesBetweenTitleAndNote) {
  EXPECT_EQ(SectionHead("Flags", "3 in all", 20).Render(false), "Flags ───── 3 in all");
  EXPECT_EQ(SectionHead("Flags", "", 12).Render(false), "Flags ──────");
}

}  // namespace
}  // namespace perennial::cli
