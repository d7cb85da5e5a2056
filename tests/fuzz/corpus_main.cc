// Runs the fuzz target on every file in the given folders: a regression test for any compiler.
#include "fuzz.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <vector>

int main(int argc, char** argv) {
  int count = 0;
  for (int i = 1; i < argc; ++i) {
    std::set<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) files.insert(entry);
    for (const std::filesystem::path& path : files) {
      // Print the name first: a finding ends the process.
      std::printf("%s\n", path.c_str());
      std::fflush(stdout);
      std::ifstream file(path, std::ios::binary);
      const std::string bytes((std::istreambuf_iterator<char>(file)), {});
      fuzz::require(!file.bad(), "the file cannot be read");
      // Copy to a buffer of the exact size, so that AddressSanitizer detects reads past its end.
      const std::vector<std::uint8_t> input(bytes.begin(), bytes.end());
      LLVMFuzzerTestOneInput(input.data(), input.size());
      ++count;
    }
  }
  fuzz::require(count > 0, "the corpus is empty");
  return 0;
}
