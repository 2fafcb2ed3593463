#include "cli/portfolio_names.h"

#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace perennial::cli {
namespace {

constexpr std::array<absl::string_view, 64> kFirst = {
    "Alder",   "Amber",   "Aspen",  "Atlas",    "Aurora",  "Beacon",  "Birch",   "Bluebird", "Boreal",   "Bright",
    "Canyon",  "Cedar",   "Cobalt", "Copper",   "Coral",   "Crest",   "Delta",   "Drift",    "Ember",    "Fable",
    "Falcon",  "Fern",    "Fjord",  "Flint",    "Garnet",  "Glacier", "Granite", "Harbor",   "Haven",    "Hazel",
    "Helio",   "Horizon", "Indigo", "Iris",     "Juniper", "Kestrel", "Lantern", "Larch",    "Linden",   "Lumen",
    "Maple",   "Marble",  "Meadow", "Meridian", "Mosaic",  "Nimbus",  "Nova",    "Oak",      "Onyx",     "Opal",
    "Orchard", "Pebble",  "Pine",   "Prairie",  "Quartz",  "Raven",   "Sable",   "Sierra",   "Solstice", "Spruce",
    "Summit",  "Tidal",   "Willow", "Zephyr"};
constexpr std::array<absl::string_view, 32> kSecond = {
    "bridge", "brook", "craft", "dale",   "field", "forge",  "gate", "grove", "hill", "house", "lake",
    "lane",   "light", "line",  "loom",   "mark",  "mill",   "mont", "path",  "peak", "point", "port",
    "ridge",  "rock",  "shore", "spring", "stone", "stream", "vale", "view",  "ward", "works"};
constexpr std::array<absl::string_view, 16> kThird = {
    "Analytics", "Books",    "Clinics",   "Energy", "Foods",    "Freight", "Group",   "Health",
    "Labs",      "Learning", "Logistics", "Media",  "Robotics", "Studios", "Systems", "Travel"};
constexpr int kNames = 64 * 32 * 16;

constexpr std::array<absl::string_view, kIndustries> kIndustryNames = {
    "software", "healthcare", "education", "retail", "manufacturing", "finance", "logistics", "media"};
constexpr std::array<absl::string_view, kCountries> kCountryCodes = {"US", "GB", "DE", "FR", "CA", "AU", "NL", "SE"};
constexpr std::array<absl::string_view, kAcquisitions> kAcquisitionNames = {"organic", "sales", "partner", "ads",
                                                                            "event"};
constexpr std::array<absl::string_view, kTopics> kTopicNames = {"how_to", "bug",         "integration", "billing",
                                                                "login",  "performance", "data_quality"};
constexpr std::array<absl::string_view, 12> kOwners = {"mara.lind",  "jonas.falk", "elif.arslan", "noor.haddad",
                                                       "tomas.vega", "ida.berg",   "ruben.maes",  "yuki.mori",
                                                       "anna.kova",  "leo.brandt", "priya.nair",  "sam.okoro"};

}  // namespace

std::string CompanyName(std::uint64_t seed, int index) {
  // An odd step visits every one of the 2^15 names before the first comes again.
  const auto position = static_cast<std::uint32_t>((seed * 7919 + static_cast<std::uint64_t>(index) * 12347) % kNames);
  const std::string name =
      absl::StrCat(kFirst[position % 64], kSecond[position / 64 % 32], " ", kThird[position / 2048]);
  return index < kNames ? name : absl::StrCat(name, " ", index / kNames + 1);
}

std::string IdOfName(absl::string_view name) {
  std::string id = absl::AsciiStrToLower(name);
  for (char& c : id) {
    if (c == ' ') c = '-';
  }
  return id;
}

absl::string_view IndustryName(int index) { return kIndustryNames[static_cast<std::size_t>(index)]; }
absl::string_view CountryCode(int index) { return kCountryCodes[static_cast<std::size_t>(index)]; }
absl::string_view AcquisitionName(int index) { return kAcquisitionNames[static_cast<std::size_t>(index)]; }
absl::string_view TopicName(int index) { return kTopicNames[static_cast<std::size_t>(index)]; }

std::string OwnerAddress(int index) {
  const absl::string_view name = kOwners[static_cast<std::size_t>(index) % kOwners.size()];
  const std::size_t round = static_cast<std::size_t>(index) / kOwners.size();
  return absl::StrCat(name, round == 0 ? "" : absl::StrCat(round + 1), "@success.example");
}

}  // namespace perennial::cli
