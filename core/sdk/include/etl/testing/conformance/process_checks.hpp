/// \file
/// Checks of sinks with several processes: two load the same partition, or one is killed at a point
/// of a load. The parent never calls the plugin, so that every process starts with fresh state.
#pragma once

#include <etl/testing/conformance/sink.hpp>

namespace etl::inline v1::conformance {
namespace detail {

/// The point of a load at which its process is killed.
enum class Point {
  opened,         ///< open() has returned
  first_write,    ///< the first write() has returned
  inside_write,   ///< inside write(), when the sink releases the batch
  before_commit,  ///< every write() has returned
  inside_commit,  ///< a short time after commit() was called
  committed       ///< commit() has returned
};

inline std::string title_of(Point point) {
  static constexpr const char* titles[] = {"after open()",    "after the first write()",
                                           "inside write()",  "before commit()",
                                           "inside commit()", "after commit()"};
  return std::string("killed ") + titles[static_cast<std::size_t>(point)];
}

constexpr std::chrono::minutes child_limit{2};

/// Runs `body` in a child process; a failure or skip there is one here.
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
  require(end.how == ChildEnd::How::returned, "the loading process " + end.text());
  const std::size_t skip = end.answer.find("\nskip ");
  if (skip != std::string::npos) throw Skip(end.answer.substr(skip + 6));
  return end.answer;
}

[[noreturn]] inline void die() {
  ::raise(SIGKILL);
  ::_exit(1);
}

/// Kills this process after a delay.
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
    // A vector, because that write() counts the rows for the ledger.
    std::vector<Batch> one;
    one.push_back(std::move(batches[i]));
    const Result written =
        here ? run.write(std::move(one.front()), [] { die(); }) : run.write(std::move(one));
    require_ok(written, "write()");
    if (here || point == Point::first_write) die();
  }
  if (point == Point::before_commit) die();
  if (point == Point::inside_commit) die_after(delay);
  require_ok(run.commit(), "commit()");
  die();
}

/// Whether the ledger has the partition "two" as done.
inline bool is_done(const SinkSession& session) {
  const Strings ledger = session.ledger();
  return std::ranges::find(ledger, "two done " + std::to_string(sink_rows)) != ledger.end();
}

/// Does what the next run does after one was killed.
inline void resume(const SinkSession& session, Point point, const std::string& title) {
  session.prepare();
  if (!session.transactional()) return load(session, {.partition = "two"});
  const bool done = is_done(session);
  require(!done || point >= Point::inside_commit, title + ", the ledger has its partition as done");
  require(done || point != Point::committed, title + ", the ledger lacks its partition");
  const Result loaded = try_load(session, {.partition = "two"});
  if (done) {
    require(loaded.code == ETL_CONFLICT, title + ", its done partition was loaded again");
  } else {
    require(loaded.code == ETL_OK, title + ", loading its partition failed: " + loaded.text());
  }
}

/// The contents of a target as text.
inline std::string text_of(const Held& all) {
  std::string text = all.rows.ok ? "" : "the command `dump` failed\n";
  for (const std::string& line : all.ledger) text += line + "\n";
  return text + all.rows.text;
}

inline void kill_at(const Probe& probe, Point point, std::chrono::microseconds delay = {}) {
  const std::string title = title_of(point);
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
          "the process to be killed " + end.text());
  const std::string found = in_child([&](const Say& say) {
    const SinkSession session(probe, place);
    resume(session, point, title);
    say(text_of(held(probe, session)));
  });
  require(found == expected,
          title + " and resumed, the target differs from that of a run without a kill: " +
              difference(lines(expected), lines(found)));
}

template <Point point>
void check_kill(const Probe& probe) {
  kill_at(probe, point);
}
inline void check_kill_commit(const Probe& probe) {
  for (const int delay : {0, 100, 300, 1000, 3000, 10'000}) {
    kill_at(probe, Point::inside_commit, std::chrono::microseconds(delay));
  }
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
              "; one must commit, the other must get ETL_CONFLICT");
  const std::string found =
      in_child([&](const Say& say) { say(text_of(held(probe, SinkSession(probe, place)))); });
  require(found == expected,
          "after two processes loaded one partition, the rows in the target differ: " +
              difference(lines(expected), lines(found)));
}

}  // namespace detail

inline constexpr Check process_checks[] = {
    {"sink.race", "Commits once if two processes load the same partition.", sinks, "sink.conflict",
     &detail::check_sink_race},
    {"kill.open", "Recovers in the next run if killed after open().", sinks, "sink.rollback",
     &detail::check_kill<detail::Point::opened>},
    {"kill.first_write", "Recovers in the next run if killed after the first write().", sinks,
     "sink.rollback", &detail::check_kill<detail::Point::first_write>},
    {"kill.write", "Recovers in the next run if killed inside write().", sinks, "sink.rollback",
     &detail::check_kill<detail::Point::inside_write>},
    {"kill.before_commit", "Recovers in the next run if killed before commit().", sinks,
     "sink.rollback", &detail::check_kill<detail::Point::before_commit>},
    {"kill.commit", "Has all or nothing of the partition if killed inside commit().", sinks,
     "sink.rollback", &detail::check_kill_commit},
    {"kill.committed", "Has the partition as done if killed after commit().", sinks,
     "sink.rollback", &detail::check_kill<detail::Point::committed>},
};

}  // namespace etl::inline v1::conformance
