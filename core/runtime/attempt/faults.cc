#include "core/runtime/attempt/faults.hpp"

#include "core/runtime/base/suggest.hpp"
#include "core/runtime/base/units.hpp"

#include <etl/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <thread>

namespace etl::runtime {
namespace {

constexpr std::array<std::string_view, fault_points> names = {
    "source.open", "source.opened", "source.batch", "sink.commit", "sink.committed"};

Error wrong(const std::string& text, const std::string& why) {
  return Error::config(
      fmt::format("--fault {}: {}; write POINT[@N]=kill, =error or =delay:TIME", text, why));
}

}  // namespace

FaultPlan::FaultPlan(const std::vector<std::string>& faults) {
  for (const std::string& text : faults) faults_.push_back(parse(text));
}

FaultPlan::Fault FaultPlan::parse(const std::string& text) {
  Fault fault;
  fault.text = text;
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) throw wrong(text, "\"=\" is missing");
  const std::size_t at = std::min(text.find('@'), equals);
  const std::string point = text.substr(0, at);
  const auto found = std::find(names.begin(), names.end(), point);
  if (found == names.end()) {
    throw wrong(text, fmt::format("unknown point \"{}\", {}", point,
                                  did_you_mean(point, {names.begin(), names.end()})));
  }
  fault.point = static_cast<FaultPoint>(found - names.begin());
  if (at < equals) {
    const std::string count = text.substr(at + 1, equals - at - 1);
    fault.at = whole_number(count).value_or(0);
    if (fault.at == 0 && count != "*") throw wrong(text, "N must be a number from 1, or *");
  }
  const std::string action = text.substr(equals + 1);
  if (action == "kill") {
    fault.action = Action::kill;
  } else if (action == "error") {
    fault.action = Action::error;
  } else if (action.starts_with("delay:")) {
    fault.action = Action::delay;
    const auto delay = parse_duration(action.substr(6));
    if (!delay) throw wrong(text, "the delay must be a duration such as \"500ms\"");
    fault.delay = *delay;
  } else {
    throw wrong(text, fmt::format("unknown action \"{}\"", action));
  }
  return fault;
}

void FaultPlan::pass(FaultPoint point) {
  if (faults_.empty()) return;
  const std::int64_t times = (*counters_)[static_cast<std::size_t>(point)].fetch_add(1) + 1;
  for (const Fault& fault : faults_) {
    if (fault.point != point || (fault.at != 0 && fault.at != times)) continue;
    if (fault.action == Action::delay) std::this_thread::sleep_for(fault.delay);
    if (fault.action == Action::kill) std::raise(SIGKILL);
    if (fault.action == Action::error) throw Error::transient("injected fault " + fault.text);
  }
}

}  // namespace etl::runtime
