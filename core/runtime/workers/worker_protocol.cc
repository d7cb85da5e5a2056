#include "core/runtime/workers/worker_protocol.hpp"

#include <nlohmann/json.hpp>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <span>

// A message is the CBOR of [type, fields]: CBOR, because strings may hold any bytes. Both ends are
// the same program, so a type is its index in the variant, and a field is known by its name here.

using nlohmann::json;
using Time = std::chrono::sys_time<std::chrono::microseconds>;

template <>
struct nlohmann::adl_serializer<Time> {
  static void to_json(json& to, const Time& time) { to = time.time_since_epoch().count(); }
  static void from_json(const json& from, Time& time) {
    time = Time(std::chrono::microseconds(from.get<std::int64_t>()));
  }
};

template <>
struct nlohmann::adl_serializer<std::chrono::nanoseconds> {
  static void to_json(json& to, const std::chrono::nanoseconds& time) { to = time.count(); }
  static void from_json(const json& from, std::chrono::nanoseconds& time) {
    time = std::chrono::nanoseconds(from.get<std::int64_t>());
  }
};

template <>
struct nlohmann::adl_serializer<etl::Partition> {
  static void to_json(json& to, const etl::Partition& partition) {
    to = {{"id", partition.id}, {"uri", partition.uri}, {"bytes", partition.bytes}};
    if (partition.scope.column.empty()) return;
    to["scope"] = partition.scope.column;
    std::visit([&](const auto& value) { to["value"] = value; }, partition.scope.value);
  }
  static void from_json(const json& from, etl::Partition& partition) {
    partition = {from["id"], from["uri"], from["bytes"], {}};
    if (!from.contains("scope")) return;
    partition.scope.column = from["scope"];
    if (from["value"].is_string()) partition.scope.value = from["value"].get<std::string>();
    else partition.scope.value = from["value"].get<std::int64_t>();
  }
};

template <>
struct nlohmann::adl_serializer<std::optional<etl::runtime::StageError>> {
  using StageError = etl::runtime::StageError;
  static void to_json(json& to, const std::optional<StageError>& error) {
    if (!error) return;
    to = {{"code", static_cast<int>(error->code())},
          {"cause", error->cause()},
          {"kind", error->origin().kind ? json(*error->origin().kind) : json()},
          {"name", error->origin().name},
          {"retry_after", error->retry_after().count()}};
  }
  static void from_json(const json& from, std::optional<StageError>& error) {
    if (from.is_null()) return;
    etl::Error plain(static_cast<etl::Code>(from["code"].get<int>()),
                     from["cause"].get<std::string>());
    etl::runtime::Origin origin{from["name"]};
    if (!from["kind"].is_null()) origin.kind = from["kind"].get<etl::runtime::Kind>();
    error = StageError(std::move(plain).retry_after(std::chrono::milliseconds(from["retry_after"])),
                       std::move(origin));
  }
};

namespace etl::runtime {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RowCounts, read, added, filtered, rejected, written)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(StageCounts, rows_in, rows_out, rejected, busy)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RunIdentity, pipeline, run_id)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(WorkerSetup, number, workers, pipeline, set, plugins, hashes,
                                   now, task, run, memory_limit, reload, faults, log_level)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(AttemptRequest, job, source, partition, sinks, number,
                                   started_at, spool, replaces_rejects)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(SinkOutcome, kind, error, rows, attempt)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(AttemptResult, outcomes, stages, peaks, downloaded, decoded,
                                   rejects)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(FinishPartition, source, id)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CancelAttempts, reason)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(WorkerRefused, reason, transient)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(WorkerLogLine, level, stage, text)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(PartitionAwaited, job)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(AttemptBegun, job)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(PartitionRead, job)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(AttemptDone, job, result, resident_bytes)
inline void to_json(json& to, const EndWorker& /*message*/) { to = json::object(); }
inline void from_json(const json& /*from*/, EndWorker& /*message*/) {}

namespace {

/// A message travels in packets, because a socket limits their size. Each holds a byte that says
/// whether more follow, and at most this much of the message.
constexpr std::size_t max_part = std::size_t{64} << 10;

template <class Variant, std::size_t Index = 0>
Variant decode(std::size_t type, const json& fields) {
  if constexpr (Index < std::variant_size_v<Variant>) {
    if (type != Index) return decode<Variant, Index + 1>(type, fields);
    return fields.get<std::variant_alternative_t<Index, Variant>>();
  }
  throw Error(Code::internal, "unknown message between runner and worker");
}

}  // namespace

template <class Sent, class Received>
bool MessageChannel<Sent, Received>::send(const Sent& message) const {
  json encoded = json::array({message.index()});
  std::visit([&](const auto& fields) { encoded.push_back(json(fields)); }, message);
  const std::vector<std::uint8_t> bytes = json::to_cbor(encoded);
  std::vector<std::uint8_t> packet;
  for (std::span<const std::uint8_t> rest = bytes; !rest.empty();) {
    const auto part = rest.first(std::min(rest.size(), max_part));
    rest = rest.subspan(part.size());
    packet.assign(1, rest.empty() ? 0 : 1);
    packet.insert(packet.end(), part.begin(), part.end());
    ssize_t sent = -1;
    do {
      sent = ::send(socket_.get(), packet.data(), packet.size(), MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent != static_cast<ssize_t>(packet.size())) return false;
  }
  return true;
}

template <class Sent, class Received>
std::optional<Received> MessageChannel<Sent, Received>::receive() const {
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint8_t> packet(1 + max_part);
  do {
    ssize_t size = -1;
    do {
      size = ::recv(socket_.get(), packet.data(), packet.size(), 0);
      // ECONNRESET: the other end died with something unread. Linux reports it once, before the
      // messages that the other end had sent, which can still be received.
    } while (size < 0 && (errno == EINTR || errno == ECONNRESET));
    if (size <= 0) return std::nullopt;
    bytes.insert(bytes.end(), packet.begin() + 1, packet.begin() + size);
  } while (packet.front() != 0);
  const json encoded = json::from_cbor(bytes);
  return decode<Received>(encoded[0], encoded[1]);
}

template class MessageChannel<WorkerOrder, WorkerReport>;
template class MessageChannel<WorkerReport, WorkerOrder>;

}  // namespace etl::runtime
