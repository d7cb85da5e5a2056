#include "plugins/common/compression/gzip_file.hpp"

#include "tests/plugins/common/support.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zlib.h>

#include <cstdlib>
#include <random>
#include <string>

namespace compression {
namespace {

using namespace std::string_literals;
using test::gzip;

struct Outcome {
  bool good = false;
  std::string text;
  std::string error;
};

Outcome read_all(const std::filesystem::path& path, Decoder decoder,
                 std::size_t chunk = GzipFile::default_chunk, std::size_t block = 10'000) {
  Outcome outcome;
  try {
    GzipFile file(path, decoder, chunk);
    std::string block_text(block, '\0');
    while (const std::size_t size = file.read(block_text)) outcome.text.append(block_text, 0, size);
    outcome.good = true;
  } catch (const GzipError& error) {
    outcome.error = error.what();
  }
  return outcome;
}

void flip(std::string& bytes, std::size_t at, unsigned bit) {
  bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1U << bit));
}

std::string random_text(unsigned seed, std::size_t size) {
  std::mt19937 random(seed);
  std::string text;
  while (text.size() < size) {
    text += "fr Page_" + std::to_string(random() % 10'000) + " " + std::to_string(random() % 20) +
            " 0\n";
  }
  return text;
}

class Inflate : public ::testing::TestWithParam<Decoder> {
 protected:
  void SetUp() override {
    if (!has_decoder(GetParam())) GTEST_SKIP() << "this build has no isa-l";
  }
  Outcome read(std::string_view bytes) { return read_all(folder_.file("x.gz", bytes), GetParam()); }

  etl_test::TemporaryFolder folder_;
};

TEST_P(Inflate, OneMember) {
  const std::string text = random_text(1, 3'000'000);
  const auto path = folder_.file("x.gz", gzip(text));
  EXPECT_EQ(read_all(path, GetParam()).text, text);
  EXPECT_EQ(read_all(path, GetParam(), GzipFile::default_chunk, 1 << 20).text, text);
}

TEST_P(Inflate, TextThatDoesNotCompress) {
  std::mt19937 random(3);
  std::string text(500'000, '\0');
  for (char& c : text) c = static_cast<char>(random());
  EXPECT_EQ(read(gzip(text)).text, text);
}

TEST_P(Inflate, SmallPiecesOfInputAndOutput) {
  std::string bytes, text;
  for (unsigned i = 0; i < 40; ++i) {  // members end at every offset of a block
    const std::string part = random_text(i, std::size_t{i} * 7);
    bytes += gzip(part);
    text += part;
  }
  const auto path = folder_.file("x.gz", bytes);
  for (std::size_t chunk = 1; chunk < 40; ++chunk) {
    for (const std::size_t block : std::initializer_list<std::size_t>{1, 2, 3, 100, 100'000}) {
      const Outcome outcome = read_all(path, GetParam(), chunk, block);
      ASSERT_EQ(outcome.error, "") << chunk << " " << block;
      ASSERT_EQ(outcome.text, text) << chunk << " " << block;
    }
  }
}

TEST_P(Inflate, ManyMembers) {
  const std::string one = random_text(1, 100'000), two = random_text(2, 50);
  EXPECT_EQ(read(gzip(one) + gzip(two)).text, one + two);
  EXPECT_EQ(read(gzip("") + gzip(two) + gzip("") + gzip(one)).text, two + one);
}

TEST_P(Inflate, NothingInIt) {
  EXPECT_TRUE(read(gzip("")).good);
  EXPECT_EQ(read(gzip("")).text, "");
  EXPECT_EQ(read("").error, "empty file");
}

TEST_P(Inflate, PaddingIsNoGarbage) {
  EXPECT_EQ(read(gzip("a") + std::string(1000, '\0')).text, "a");
  EXPECT_TRUE(read(gzip("a") + std::string(300'000, '\0')).good);
  EXPECT_EQ(read(gzip("a") + "\0\0"s + gzip("b")).text, "ab");
  EXPECT_EQ(read(gzip("a") + "x").error, "garbage after member 1");
  EXPECT_EQ(read(gzip("a") + gzip("b") + "\0\0x"s).error, "garbage after member 2");
  EXPECT_EQ(read(gzip("a") + "\x1f").error, "ends in the header of member 2");
}

TEST_P(Inflate, ContentThatIsNotGzipIsShown) {
  EXPECT_EQ(read("<!DOCTYPE html>\n<title>404").error,
            R"(not gzip: starts with "<!DOCTYPE html>\x0A<title>404")");
  EXPECT_EQ(read("x").error, R"(not gzip: starts with "x")");
  EXPECT_EQ(read("\x1f\x8c\xff").error, R"(not gzip: starts with "\x1F\x8C\xFF")");
  EXPECT_EQ(read(std::string(100, 'a')).error,
            "not gzip: starts with \"" + std::string(40, 'a') + "\"");
}

TEST_P(Inflate, EveryHeaderField) {
  const std::string plain = gzip("hello");
  const auto with = [&](unsigned flags, const std::string& fields) {
    std::string header = plain.substr(0, 10);
    header[3] = static_cast<char>(flags);
    header += fields;
    if ((flags & 2U) != 0) {
      const auto crc =
          crc32(0, reinterpret_cast<const Bytef*>(header.data()), static_cast<uInt>(header.size()));
      header += {static_cast<char>(crc), static_cast<char>(crc >> 8)};
    }
    return header + plain.substr(10);
  };
  EXPECT_EQ(read(with(1, "")).text, "hello");
  EXPECT_EQ(read(with(4, "\5\0extra"s)).text, "hello");
  EXPECT_EQ(read(with(8, "name\0"s)).text, "hello");
  EXPECT_EQ(read(with(16, std::string(200'000, 'c') + '\0')).text, "hello");
  EXPECT_EQ(read(with(2, "")).text, "hello");
  EXPECT_EQ(read(with(31, "\1\0xn\0c\0"s)).text, "hello");
  std::string wrong = with(2, "");
  flip(wrong, 10, 0);
  EXPECT_EQ(read(wrong).error, "wrong CRC in the header of member 1");
  EXPECT_EQ(read(with(32, "")).error, "reserved flags in the header of member 1");
  std::string method = plain;
  method[2] = 7;
  EXPECT_EQ(read(method).error, "unknown compression method in the header of member 1");
}

TEST_P(Inflate, CrcAndLengthAreChecked) {
  const std::string good = gzip(random_text(4, 1000));
  for (std::size_t i = 1; i <= 8; ++i) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string bytes = good;
      flip(bytes, bytes.size() - i, bit);
      EXPECT_EQ(read(bytes).error, i <= 4 ? "wrong length of member 1" : "wrong CRC of member 1");
    }
  }
  std::string second = gzip("a") + gzip("b");
  flip(second, second.size() - 8, 0);
  EXPECT_EQ(read(second).error, "wrong CRC of member 2");
}

TEST_P(Inflate, CutAnywhereIsAnError) {
  const std::string text = random_text(5, 400);
  const std::string bytes = gzip(text) + gzip(text);
  const std::size_t whole = gzip(text).size();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Outcome outcome = read(bytes.substr(0, size));
    if (size == whole) {
      EXPECT_EQ(outcome.text, text);  // undetectable
    } else {
      EXPECT_FALSE(outcome.good) << size;
      EXPECT_FALSE(outcome.error.empty()) << size;
    }
  }
  EXPECT_EQ(read(bytes.substr(0, 9)).error, "ends in the header of member 1");
  EXPECT_EQ(read(bytes.substr(0, 60)).error, "ends in the middle of member 1");
  EXPECT_EQ(read(bytes.substr(0, whole - 1)).error, "ends in the trailer of member 1");
}

/// One block of BGZF: a member whose extra field has its size. `before` are other subfields.
std::string bgzf_block(std::string_view text, std::string_view before = "") {
  const std::string member = gzip(text);
  std::string field = std::string(before) + "BC\x02\0"s;
  const std::size_t size = member.size() + 2 + field.size() + 2;
  field += {static_cast<char>((size - 1) & 0xFFU), static_cast<char>((size - 1) >> 8U)};
  std::string block = member.substr(0, 3) + "\x04" + member.substr(4, 6);
  block += {static_cast<char>(field.size()), '\0'};
  return block + field + member.substr(10);
}

TEST_P(Inflate, BgzfEndsWithAnEmptyBlock) {
  const std::string end = bgzf_block("");
  EXPECT_EQ(read(bgzf_block("a") + bgzf_block("b") + end).text, "ab");
  EXPECT_EQ(read(bgzf_block("a", "XY\x03\0abc"s) + end).text, "a");
  EXPECT_EQ(read(end).text, "");
  EXPECT_EQ(read(bgzf_block("a") + end + bgzf_block("b") + end).text, "ab") << "files joined";
  EXPECT_EQ(read(bgzf_block("a") + gzip("b")).text, "ab") << "not all of it is BGZF";
}

TEST_P(Inflate, BgzfCutBetweenTwoBlocksIsAnError) {
  const std::string blocks = bgzf_block("a") + bgzf_block("b");
  EXPECT_EQ(read(blocks).error, "cut after member 2: the end marker of BGZF is missing");
  EXPECT_EQ(read(bgzf_block("a", "XY\x03\0abc"s)).error,
            "cut after member 1: the end marker of BGZF is missing");
  EXPECT_EQ(read(gzip("a") + bgzf_block("b") + std::string(10, '\0')).error,
            "cut after member 2: the end marker of BGZF is missing");
}

TEST_P(Inflate, OtherExtraFieldsMeanNothing) {
  for (const std::string& field :
       {"BC\x01\0a"s, "CB\x02\0ab"s, "BC\x02"s, "XY\xFF\xFF"s, ""s, "XY\x02\0BC\x02\0"s}) {
    std::string bytes = gzip("a");
    bytes[3] = '\x04';
    const std::string size = {static_cast<char>(field.size()), '\0'};
    EXPECT_EQ(read(bytes.substr(0, 10) + size + field + bytes.substr(10)).text, "a") << field;
  }
}

TEST_P(Inflate, AgreesWithPythonOnDamagedFiles) {
  std::mt19937 random(6);
  std::vector<std::string> arguments = {"gzip"};
  for (unsigned i = 0; i < 400; ++i) {
    std::string bytes =
        gzip(random_text(i, random() % 3000)) + (i % 3 == 0 ? gzip(random_text(i, 100)) : "");
    if (i % 5 != 0) {  // not the flags: Python ignores reserved ones
      std::size_t at = random() % bytes.size();
      if (at == 3) at = 10;
      flip(bytes, at, random() % 8);
    }
    arguments.push_back(folder_.file("damaged" + std::to_string(i), bytes).string());
  }
  const auto expected = test::reference(arguments);
  ASSERT_EQ(expected.size() + 1, arguments.size());
  int bad = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const Outcome outcome = read_all(arguments[i + 1], GetParam());
    const auto crc =
        crc32_z(0, reinterpret_cast<const Bytef*>(outcome.text.data()), outcome.text.size());
    const std::string seen =
        outcome.good ? "good " + std::to_string(outcome.text.size()) + " " + std::to_string(crc)
                     : "bad";
    EXPECT_EQ(seen, expected[i]) << arguments[i + 1] << " " << outcome.error;
    if (!outcome.good) ++bad;
  }
  EXPECT_GT(bad, 200);
}

TEST_P(Inflate, FilesThatCannotBeReadAreNamed) {
  const auto open = [&](const std::filesystem::path& path) {
    return test::thrown_by([&] { (void)read_all(path, GetParam()); });
  };
  const test::Thrown absent = open(folder_.path() / "absent.gz");
  EXPECT_EQ(absent.code, ETL_MISSING);
  EXPECT_NE(absent.message.find("absent.gz: No such file"), std::string::npos) << absent.message;
  const test::Thrown directory = open(folder_.path());
  EXPECT_EQ(directory.code, ETL_PERMANENT);
  EXPECT_EQ(directory.message, folder_.path().string() + ": not a regular file");
  // Without a writer: opening it must not wait for one.
  const std::filesystem::path pipe = folder_.path() / "pipe.gz";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const test::Thrown no_file = open(pipe);
  EXPECT_EQ(no_file.code, ETL_PERMANENT);
  EXPECT_EQ(no_file.message, pipe.string() + ": not a regular file");
}

INSTANTIATE_TEST_SUITE_P(Decoders, Inflate, ::testing::Values(Decoder::zlib, Decoder::isal),
                         [](const auto& each) {
                           return each.param == Decoder::zlib ? "zlib" : "isal";
                         });

TEST(Decoder, EnvironmentTurnsIsalOff) {
  const char* before = std::getenv("ETL_NO_ISAL");
  const std::string saved = before == nullptr ? "" : before;
  ::setenv("ETL_NO_ISAL", "1", 1);
  EXPECT_EQ(default_decoder(), Decoder::zlib);
  ::unsetenv("ETL_NO_ISAL");
  EXPECT_EQ(default_decoder(), has_decoder(Decoder::isal) ? Decoder::isal : Decoder::zlib);
  if (before != nullptr) ::setenv("ETL_NO_ISAL", saved.c_str(), 1);
}

}  // namespace
}  // namespace compression
