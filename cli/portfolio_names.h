#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace perennial::cli {

// The names in a generated portfolio. None is a real company or person.

// A company's name; different for every `index` of one seed.
std::string CompanyName(std::uint64_t seed, int index);
// "Northwind Labs" as "northwind-labs".
std::string IdOfName(absl::string_view name);

constexpr int kIndustries = 8;
constexpr int kCountries = 8;
constexpr int kAcquisitions = 5;
constexpr int kTopics = 7;
absl::string_view IndustryName(int index);
absl::string_view CountryCode(int index);
absl::string_view AcquisitionName(int index);
absl::string_view TopicName(int index);
// E-mail address of a success manager; any index.
std::string OwnerAddress(int index);

}  // namespace perennial::cli
