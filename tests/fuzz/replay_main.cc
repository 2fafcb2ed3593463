// Drives a fuzz target where there is no libFuzzer: runs every file of the given folders, then changes of them at random
// until -max_total_time seconds are over. Other flags are taken and ignored. The sanitizers end the process when
// something is wrong.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::size_t kMostBytes = 4200;

void Run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

std::string Changed(const std::vector<std::string>& inputs, std::mt19937_64& random) {
  std::string out = inputs[random() % inputs.size()];
  for (std::uint64_t edits = random() % 8 + 1; edits > 0; --edits) {
    const std::size_t at = out.empty() ? 0 : random() % (out.size() + 1);
    const std::string& other = inputs[random() % inputs.size()];
    switch (random() % 4) {
      case 0: out.insert(at, 1, static_cast<char>(random())); break;
      case 1: out.erase(at, random() % 8); break;
      case 2:
        if (at < out.size()) out[at] = static_cast<char>(random());
        break;
      default: {
        const std::size_t from = other.empty() ? 0 : random() % other.size();
        out.insert(at, other, from, random() % 32);
      }
    }
  }
  out.resize(std::min(out.size(), kMostBytes));
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string limit = "-max_total_time=";
  std::chrono::seconds time{20};
  std::vector<std::string> inputs = {""};
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.starts_with(limit)) time = std::chrono::seconds(std::atoi(argument.c_str() + limit.size()));
    if (argument.starts_with("-")) continue;
    for (const auto& file : std::filesystem::directory_iterator(argument)) {
      std::ifstream in(file.path(), std::ios::binary);
      inputs.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    }
  }
  for (const std::string& input : inputs) Run(input);
  std::mt19937_64 random(std::random_device{}());
  std::uint64_t runs = 0;
  for (const auto end = std::chrono::steady_clock::now() + time; std::chrono::steady_clock::now() < end; ++runs) {
    Run(Changed(inputs, random));
  }
  std::printf("ran %zu inputs and %llu changes of them\n", inputs.size(), static_cast<unsigned long long>(runs));
  return 0;
}
