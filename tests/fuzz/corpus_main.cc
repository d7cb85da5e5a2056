// Feeds every file of the folders given to the fuzz target, so that what once broke it stays mended
// with any compiler.
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
      // Named first: a finding ends the process.
      std::printf("%s\n", path.c_str());
      std::fflush(stdout);
      std::ifstream file(path, std::ios::binary);
      const std::string bytes((std::istreambuf_iterator<char>(file)), {});
      fuzz::require(!file.bad(), "the file cannot be read");
      // A copy of exactly its size, so that AddressSanitizer sees a read behind its end.
      const std::vector<std::uint8_t> input(bytes.begin(), bytes.end());
      LLVMFuzzerTestOneInput(input.data(), input.size());
      ++count;
    }
  }
  fuzz::require(count > 0, "the corpus is empty");
  return 0;
}
