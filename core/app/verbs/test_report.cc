#include "core/app/verbs/test_report.hpp"

#include "core/runtime/base/text.hpp"
#include "core/runtime/base/utf8.hpp"

#include <etl/error.hpp>

#include <fmt/format.h>
#include <pugixml.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace etl::app {
namespace {

using Status = TestResult::Status;

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

std::ptrdiff_t count(const std::vector<TestResult>& results, Status status) {
  return std::ranges::count(results, status, &TestResult::status);
}

/// How a status is shown, by Status.
constexpr std::array<const char*, 3> words = {"ok", "FAILED", "skipped"};
constexpr std::array<const char*, 3> colours = {"\033[32m", "\033[31m", "\033[33m"};

/// Replaces characters that XML 1.0 does not allow (https://www.w3.org/TR/xml/#charsets).
std::string for_xml(std::string_view text) { return runtime::printable(text, "\n"); }

void add_case(pugi::xml_node suite, const TestResult& result) {
  pugi::xml_node node = suite.append_child("testcase");
  node.append_attribute("classname") = for_xml(result.suite).c_str();
  node.append_attribute("name") = for_xml(result.name).c_str();
  node.append_attribute("time") = fmt::format("{:.3f}", seconds(result.took)).c_str();
  if (result.status == Status::passed) return;
  const bool failed = result.status == Status::failed;
  pugi::xml_node why = node.append_child(failed ? "failure" : "skipped");
  const std::string message = for_xml(result.message);
  why.append_attribute("message") = message.substr(0, message.find('\n')).c_str();
  if (failed) why.text() = message.c_str();
}

void add_suite(pugi::xml_node all, const std::vector<TestResult>& results) {
  pugi::xml_node suite = all.append_child("testsuite");
  std::chrono::nanoseconds took{};
  for (const TestResult& each : results) took += each.took;
  suite.append_attribute("name") = for_xml(results.front().suite).c_str();
  suite.append_attribute("tests") = results.size();
  suite.append_attribute("failures") = count(results, Status::failed);
  suite.append_attribute("errors") = 0;
  suite.append_attribute("skipped") = count(results, Status::skipped);
  suite.append_attribute("time") = fmt::format("{:.3f}", seconds(took)).c_str();
  for (const TestResult& each : results) add_case(suite, each);
}

std::vector<std::vector<TestResult>> by_suite(const std::vector<TestResult>& results) {
  std::vector<std::vector<TestResult>> suites;
  for (const TestResult& each : results) {
    const auto found = std::ranges::find_if(
        suites, [&](const auto& suite) { return suite.front().suite == each.suite; });
    if (found == suites.end()) suites.push_back({each});
    else found->push_back(each);
  }
  return suites;
}

}  // namespace

std::string to_text(const std::vector<TestResult>& results, bool colour) {
  std::string out;
  for (const TestResult& each : results) {
    const auto index = static_cast<std::size_t>(each.status);
    const std::string status = fmt::format("{:<7}", words.at(index));
    out += colour ? colours.at(index) + status + "\033[0m" : status;
    out += fmt::format(" {}: {}\n", each.suite, each.name);
    if (each.status != Status::passed)
      out += "    " + runtime::replaced(each.message, "\n", "\n    ") + "\n";
  }
  const std::ptrdiff_t failed = count(results, Status::failed);
  const std::ptrdiff_t skipped = count(results, Status::skipped);
  out +=
      fmt::format("{} passed, {} failed, {} skipped\n",
                  static_cast<std::ptrdiff_t>(results.size()) - failed - skipped, failed, skipped);
  return out;
}

void write_junit(const std::filesystem::path& file, const std::string& name,
                 const std::vector<TestResult>& results) {
  pugi::xml_document document;
  pugi::xml_node all = document.append_child("testsuites");
  all.append_attribute("name") = for_xml(name).c_str();
  all.append_attribute("tests") = results.size();
  all.append_attribute("failures") = count(results, Status::failed);
  for (const auto& suite : by_suite(results)) add_suite(all, suite);
  errno = 0;
  if (!document.save_file(file.c_str(), "  ")) {
    throw Error::permanent(fmt::format("cannot write {}: {}", file.string(),
                                       errno != 0 ? std::strerror(errno) : "unknown reason"));
  }
}

bool all_passed(const std::vector<TestResult>& results) {
  return count(results, Status::failed) == 0;
}

}  // namespace etl::app
