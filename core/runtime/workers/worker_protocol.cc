#include "core/runtime/workers/worker_protocol.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace etl::runtime {
namespace {

using nlohmann::json;
using std::chrono::nanoseconds;

/// No message is near it: texts are cut long before.
constexpr std::size_t longest_message = std::size_t{1} << 20;

json to_json(const RowCounts& rows) {
  return {rows.read, rows.added, rows.filtered, rows.rejected, rows.written};
}

RowCounts rows_from(const json& list) { return {list[0], list[1], list[2], list[3], list[4]}; }

json to_json(const StageError& error) {
  return {{"code", static_cast<int>(error.code())},
          {"cause", error.cause()},
          {"kind", error.origin().kind ? json(*error.origin().kind) : json()},
          {"name", error.origin().name},
          {"retry_after", error.retry_after().count()}};
}

StageError error_from(const json& object) {
  Error error(static_cast<Code>(object["code"].get<int>()), object["cause"].get<std::string>());
  Origin origin{object["name"]};
  if (!object["kind"].is_null()) origin.kind = object["kind"].get<Kind>();
  return {std::move(error).retry_after(std::chrono::milliseconds(object["retry_after"])),
          std::move(origin)};
}

json to_json(const Partition& partition) {
  json object = {{"id", partition.id}, {"uri", partition.uri}, {"bytes", partition.bytes}};
  if (partition.scope.column.empty()) return object;
  object["scope"] = partition.scope.column;
  std::visit([&](const auto& value) { object["value"] = value; }, partition.scope.value);
  return object;
}

Partition partition_from(const json& object) {
  Partition partition{object["id"], object["uri"], object["bytes"], {}};
  if (!object.contains("scope")) return partition;
  partition.scope.column = object["scope"];
  if (object["value"].is_string()) partition.scope.value = object["value"].get<std::string>();
  else partition.scope.value = object["value"].get<std::int64_t>();
  return partition;
}

std::vector<std::string> texts(const std::vector<std::filesystem::path>& paths) {
  std::vector<std::string> list;
  list.reserve(paths.size());
  for (const std::filesystem::path& path : paths) list.push_back(path.string());
  return list;
}

}  // namespace

WorkerChannel::WorkerChannel(WorkerChannel&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

WorkerChannel& WorkerChannel::operator=(WorkerChannel&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

WorkerChannel::~WorkerChannel() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool WorkerChannel::send(const json& message) const {
  const std::vector<std::uint8_t> bytes = json::to_cbor(message);  // takes any bytes in strings
  ssize_t sent = -1;
  do {
    sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(bytes.size());
}

std::optional<json> WorkerChannel::receive() const {
  std::vector<std::uint8_t> bytes(longest_message);
  ssize_t size = -1;
  do {
    size = ::recv(descriptor_, bytes.data(), bytes.size(), 0);
    // ECONNRESET: the other end died with something unread. Linux says so once, ahead of what it
    // had sent before, which is still to be had.
  } while (size < 0 && (errno == EINTR || errno == ECONNRESET));
  if (size <= 0) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(size));
  return json::from_cbor(bytes);
}

json to_json(const WorkerSetup& setup) {
  return {{"number", setup.number},
          {"workers", setup.workers},
          {"pipeline", setup.pipeline.string()},
          {"set", setup.set},
          {"plugins", texts(setup.plugins)},
          {"hashes", setup.hashes},
          {"now", setup.now.time_since_epoch().count()},
          {"task", setup.task},
          {"name", setup.run.pipeline},
          {"run_id", setup.run.run_id},
          {"memory_limit", setup.memory_limit},
          {"reload", setup.reload},
          {"faults", setup.faults},
          {"log_level", static_cast<std::uint32_t>(setup.log_level)}};
}

WorkerSetup setup_from(const json& object) {
  WorkerSetup setup;
  setup.number = object["number"];
  setup.workers = object["workers"];
  setup.pipeline = object["pipeline"].get<std::string>();
  setup.set = object["set"].get<std::vector<std::string>>();
  for (const json& plugin : object["plugins"])
    setup.plugins.emplace_back(plugin.get<std::string>());
  setup.hashes = object["hashes"].get<std::vector<std::string>>();
  setup.now = std::chrono::sys_time<std::chrono::microseconds>(
      std::chrono::microseconds(object["now"].get<std::int64_t>()));
  setup.task = object["task"];
  setup.run = {object["name"], object["run_id"]};
  setup.memory_limit = object["memory_limit"];
  setup.reload = object["reload"];
  setup.faults = object["faults"].get<std::vector<std::string>>();
  setup.log_level = static_cast<LogLevel>(object["log_level"].get<std::uint32_t>());
  return setup;
}

json to_json(const AttemptRequest& request) {
  return {{"job", request.job},
          {"source", request.source},
          {"partition", to_json(request.partition)},
          {"sinks", request.sinks},
          {"number", request.number},
          {"started_at", request.started_at},
          {"spool", request.spool},
          {"replaces_rejects", request.replaces_rejects}};
}

AttemptRequest request_from(const json& object) {
  AttemptRequest request;
  request.job = object["job"];
  request.source = object["source"];
  request.partition = partition_from(object["partition"]);
  request.sinks = object["sinks"].get<std::vector<NodeIndex>>();
  request.number = object["number"];
  request.started_at = object["started_at"];
  request.spool = object["spool"];
  request.replaces_rejects = object["replaces_rejects"];
  return request;
}

json to_json(const AttemptResult& result) {
  json outcomes = json::array();
  for (const auto& [sink, outcome] : result.outcomes) {
    json object = {{"sink", sink},
                   {"kind", static_cast<int>(outcome.kind)},
                   {"rows", to_json(outcome.rows)},
                   {"attempt", outcome.attempt}};
    if (outcome.error) object["error"] = to_json(*outcome.error);
    outcomes.push_back(std::move(object));
  }
  json stages = json::array();
  for (const StageCounts& stage : result.stages)
    stages.push_back({stage.rows_in, stage.rows_out, stage.rejected, stage.busy.count()});
  return {{"outcomes", outcomes},      {"stages", stages},
          {"peaks", result.peaks},     {"downloaded", result.downloaded},
          {"decoded", result.decoded}, {"rejects", result.rejects}};
}

AttemptResult result_from(const json& object) {
  AttemptResult result;
  for (const json& one : object["outcomes"]) {
    Outcome& outcome = result.outcomes[one["sink"]];
    outcome.kind = static_cast<Outcome::Kind>(one["kind"].get<int>());
    outcome.rows = rows_from(one["rows"]);
    outcome.attempt = one["attempt"];
    if (one.contains("error")) outcome.error = error_from(one["error"]);
  }
  for (const json& stage : object["stages"])
    result.stages.push_back({stage[0], stage[1], stage[2], nanoseconds(stage[3])});
  result.peaks = object["peaks"].get<std::vector<std::int64_t>>();
  result.downloaded = object["downloaded"];
  result.decoded = object["decoded"];
  result.rejects = object["rejects"];
  return result;
}

}  // namespace etl::runtime
