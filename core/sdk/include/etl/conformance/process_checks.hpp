/// \file
/// Checks of sinks that take several processes: two that load the same, and one that is killed at
/// every point of a load. This process does not call the plugin itself, so that each starts afresh.
#pragma once

#include <etl/conformance/sink.hpp>

namespace etl {
inline namespace v1 {
namespace conformance {
namespace detail {

/// Where a process is killed while it loads a partition.
enum class Point {
  opened,         ///< open() has returned
  first_write,    ///< the first write() has returned
  inside_write,   ///< within write(), when the sink releases the batch
  before_commit,  ///< every write() has returned
  inside_commit,  ///< some time after commit() was called
  committed       ///< commit() has returned
};

constexpr std::chrono::minutes child_limit{2};

/// Runs `body` in a process of its own; what fails there fails here.
inline std::string in_child(const std::function<void(const Say&)>& body) {
  ChildEnd end = run_in_child(
      [&](const Say& say) {
        try {
          body(say);
        } catch (const Skip& skip) {
          say(std::string("\nskip ") + skip.what());
        }
      },
      child_limit);
  if (end.how == ChildEnd::How::threw) throw Failure(end.error);
  require(end.how == ChildEnd::How::returned, "the process that loads " + end.text());
  const std::size_t skip = end.answer.find("\nskip ");
  if (skip != std::string::npos) throw Skip(end.answer.substr(skip + 6));
  return end.answer;
}

[[noreturn]] inline void die() {
  ::raise(SIGKILL);
  ::_exit(1);
}

/// Kills this process a while after it was made, unless it has gone by then.
inline void die_after(std::chrono::microseconds delay) {
  std::thread([delay] {
    std::this_thread::sleep_for(delay);
    die();
  }).detach();
}

/// Loads the partition "two" and dies at `point`.
inline void load_and_die(const SinkSession& session, Point point, std::chrono::microseconds delay) {
  const Input input = session.input("two");
  SinkRun run(session, input.partition());
  run.require_open();
  if (point == Point::opened) die();
  std::vector<Batch> batches = input.batches(sink_rows, {100});
  for (std::size_t i = 0; i < batches.size(); ++i) {
    const bool here = point == Point::inside_write && i == batches.size() / 2;
    // As write() counts them, for the ledger's sake.
    std::vector<Batch> one;
    one.push_back(std::move(batches[i]));
    const Result written =
        here ? run.write(std::move(one.front()), [] { die(); }) : run.write(std::move(one));
    require(written.code == ETL_OK, "write() failed: " + written.text());
    if (here || point == Point::first_write) die();
  }
  if (point == Point::before_commit) die();
  if (point == Point::inside_commit) die_after(delay);
  const Result committed = run.commit();
  require(committed.code == ETL_OK, "commit() failed: " + committed.text());
  die();
}

/// Whether the ledger has the partition "two" as done.
inline bool is_done(const SinkSession& session) {
  const Strings ledger = session.ledger();
  return std::ranges::find(ledger, "two done " + std::to_string(sink_rows)) != ledger.end();
}

/// What a run does that comes after a killed one.
inline void resume(const SinkSession& session, Point point, const std::string& title) {
  session.prepare();
  if (!session.transactional()) return load(session, {.partition = "two"});
  const bool done = is_done(session);
  require(!done || point >= Point::inside_commit,
          title + ", the ledger says that its partition is done");
  require(done || point != Point::committed, title + ", the ledger does not know its partition");
  const Result loaded = try_load(session, {.partition = "two"});
  if (done) {
    require(loaded.code == ETL_CONFLICT,
            title + ", its partition, which is done, was loaded again");
  } else {
    require(loaded.code == ETL_OK, title + ", its partition cannot be loaded: " + loaded.text());
  }
}

/// The target as the rows and the ledger that it holds.
inline std::string text_of(const Held& all) {
  std::string text = all.rows.ok ? "" : "the command `dump` failed\n";
  for (const std::string& line : all.ledger) text += line + "\n";
  return text + all.rows.text;
}

inline void kill_at(const Probe& probe, Point point, const std::string& title,
                    std::chrono::microseconds delay = {}) {
  const std::string expected = in_child([&](const Say& say) {
    say(text_of(clean(probe, {{.partition = "one"}, {.partition = "two"}})));
  });
  const Place place = probe.place();
  in_child([&](const Say&) {
    const SinkSession session(probe, place);
    session.prepare();
    load(session, {.partition = "one"});
  });
  const ChildEnd end = run_in_child(
      [&](const Say&) {
        const SinkSession session(probe, place);
        session.prepare();
        load_and_die(session, point, delay);
      },
      child_limit);
  require(end.how == ChildEnd::How::killed && end.number == SIGKILL,
          "the process that was to be killed " + end.text());
  const std::string found = in_child([&](const Say& say) {
    const SinkSession session(probe, place);
    resume(session, point, title);
    say(text_of(held(probe, place, session)));
  });
  require(found == expected, title +
                                 " and resumed, the target is not that of a run without a kill: " +
                                 difference(lines(expected), lines(found)));
}

inline void check_kill_opened(const Probe& probe) {
  kill_at(probe, Point::opened, "killed after open()");
}
inline void check_kill_first(const Probe& probe) {
  kill_at(probe, Point::first_write, "killed after the first write()");
}
inline void check_kill_inside(const Probe& probe) {
  kill_at(probe, Point::inside_write, "killed within write()");
}
inline void check_kill_before(const Probe& probe) {
  kill_at(probe, Point::before_commit, "killed before commit()");
}
inline void check_kill_commit(const Probe& probe) {
  for (const int delay : {0, 100, 300, 1000, 3000, 10'000}) {
    kill_at(probe, Point::inside_commit, "killed within commit()",
            std::chrono::microseconds(delay));
  }
}
inline void check_kill_after(const Probe& probe) {
  kill_at(probe, Point::committed, "killed after commit()");
}

/// Loads the same partition in two processes at once.
inline void check_sink_race(const Probe& probe) {
  if ((probe.stage().flags & ETL_STAGE_TRANSACTIONAL) == 0) throw Skip("the sink keeps no ledger");
  const std::string expected = in_child([&](const Say& say) { say(text_of(clean(probe, {{}}))); });
  const Place place = probe.place();
  in_child([&](const Say&) { SinkSession(probe, place).prepare(); });
  std::string results[2];
  const auto loader = [&](std::string& result) {
    return [&] {
      result = in_child(
          [&](const Say& say) { say(code_text(try_load(SinkSession(probe, place), {}).code)); });
    };
  };
  at_once({loader(results[0]), loader(results[1])});
  std::ranges::sort(results);
  require(results[0] == "ETL_CONFLICT" && results[1] == "ETL_OK",
          "two processes loaded the same partition and got " + results[0] + " and " + results[1] +
              "; one has to commit, the other to get ETL_CONFLICT");
  const std::string found = in_child(
      [&](const Say& say) { say(text_of(held(probe, place, SinkSession(probe, place)))); });
  require(found == expected, "loaded by two processes at once, the target holds other rows: " +
                                 difference(lines(expected), lines(found)));
}

}  // namespace detail

inline constexpr Check process_checks[] = {
    {"sink.race", "Of two processes that load one partition, one commits.", sinks, "sink.conflict",
     &detail::check_sink_race},
    {"kill.open", "Killed after open(), a later run makes up for it.", sinks, "sink.rollback",
     &detail::check_kill_opened},
    {"kill.first_write", "Killed after the first write(), a later run makes up for it.", sinks,
     "sink.rollback", &detail::check_kill_first},
    {"kill.write", "Killed within write(), a later run makes up for it.", sinks, "sink.rollback",
     &detail::check_kill_inside},
    {"kill.before_commit", "Killed before commit(), a later run makes up for it.", sinks,
     "sink.rollback", &detail::check_kill_before},
    {"kill.commit", "Killed within commit(), the partition is there whole or not at all.", sinks,
     "sink.rollback", &detail::check_kill_commit},
    {"kill.committed", "Killed after commit(), the partition is done.", sinks, "sink.rollback",
     &detail::check_kill_after},
};

}  // namespace conformance
}  // namespace v1
}  // namespace etl
