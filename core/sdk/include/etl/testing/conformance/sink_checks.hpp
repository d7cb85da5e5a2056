/// \file
/// Checks of sinks, except those that need several processes (process_checks.hpp).
#pragma once

#include <etl/testing/conformance/sink.hpp>

namespace etl::inline v1::conformance {
namespace detail {

inline void check_sink_check(const Probe& probe) {
  const Place place = probe.place();
  const auto before = names_in(place.scratch);
  const SinkSession session(probe, place);  // which calls check() for the first time
  require(sink_takes(session.instance, session.schema()).code == ETL_OK,
          "check() accepted columns and then refused them");
  require(names_in(place.scratch) == before, "check() made files: it must not touch the target");
}

inline void check_sink_refuses(const Probe& probe) {
  const SinkSession session(probe);
  for (const InputColumn& column : session.columns) {
    for (const TypeInfo& other : type_table) {
      Schema changed({{column.field.name, other.type, true}});
      const Result result = sink_takes(session.instance, changed);
      const std::string title =
          "check() of a column \"" + column.field.name + "\" of type " + std::string(other.name);
      require(result.code == ETL_OK || result.code == ETL_CONFIG,
              title + " failed with " + result.text() + "; unsuitable columns are ETL_CONFIG");
      require(result.code == ETL_OK || !result.message().empty(),
              title + " failed without a message");
    }
  }
}

inline void check_sink_inspect(const Probe& probe) {
  const SinkSession session(probe);
  if (session.table().inspect == nullptr) throw Skip("the sink has no inspect()");
  struct Named {
    std::string name;
    int times = 0;
  };
  const auto look = [&](const std::string& when) {
    Named named;
    const auto target = [](void* ctx, etl_str name, etl_str) {
      static_cast<Named*>(ctx)->name = to_view(name);
      ++static_cast<Named*>(ctx)->times;
    };
    const OwnedSchema given = exported(session.schema());
    const Result result =
        call(session.table().inspect, session.instance.self(), given.get(), target, &named);
    require(result.code == ETL_OK, "inspect() " + when + " failed: " + result.text());
    require(named.times == 1 && !named.name.empty(), "inspect() must name the target exactly once");
    return named.name;
  };
  const Held before = held(probe, session);
  const auto files = names_in(session.place.scratch);
  const std::string name = look("before prepare()");
  require(names_in(session.place.scratch) == files,
          "inspect() made files: it must not change anything");
  require_held(before, held(probe, session), "after inspect()");
  session.prepare();
  require(look("after prepare()") == name, "inspect() names a different target after prepare()");
}

inline void check_sink_prepare(const Probe& probe) {
  const SinkSession session(probe);
  if (session.transactional()) {
    require(session.ledger().empty(), "committed() returns records before the target exists");
  }
  session.prepare();
  const Held before = held(probe, session);
  require(before.ledger.empty(), "prepare() wrote ledger records");
  load(session, {});
  const Held loaded = held(probe, session);
  session.prepare();
  require_held(loaded, held(probe, session), "after a second prepare()");
}

inline std::string shown(const LedgerRecord& record) {
  std::string text;
  for (const auto& column : ledger_columns) {
    const std::int64_t unit = column.kind == ColumnKind::time ? 1'000'000 : 1;  // whole seconds do
    text += column.kind == ColumnKind::text ? std::string(column.text(record))
                                            : std::to_string(column.integer(record) / unit);
    text += "|";
  }
  return text;
}

inline void check_sink_commit(const Probe& probe) {
  const SinkSession session(probe);
  require_visible(probe, session);
  session.prepare();
  load(session, {});
  const Shown rows = dumped(probe, session.place);
  require(rows.ok, "the command `dump` failed after a commit: " + rows.text);
  require(!can_see(probe) || !rows.text.empty(),
          "after a commit the command `dump` prints no rows");
  if (!session.transactional()) return;
  const auto records = session.committed();
  require(records.size() == 1,
          "after one commit, committed() returns " + std::to_string(records.size()) + " records");
  const std::string expected = shown(session.record_of("one", sink_rows));
  require(shown(records.front()) == expected, "committed() returned the ledger record " +
                                                  shown(records.front()) + " instead of " +
                                                  expected);
  require(session.committed("another pipeline").empty(),
          "committed() of another pipeline returns records");
  const SinkSession other(probe, session.place);
  require(other.ledger() == session.ledger(), "another instance sees a different ledger");
}

inline void check_sink_rollback(const Probe& probe) {
  const SinkSession session(probe);
  require_visible(probe, session);
  session.prepare();
  load(session, {.partition = "one"});
  const Held before = held(probe, session);
  for (const std::int64_t rows : {std::int64_t{0}, std::int64_t{10}, std::int64_t{50'000}}) {
    const Input input = session.input("two");
    SinkRun run(session, input.partition());
    run.require_open();
    require_ok(run.write(input.batches(rows, {1000})), "write()");
    run.close();
    require_held(before, held(probe, session),
                 "after " + std::to_string(rows) + " uncommitted rows");
  }
  load(session, {.partition = "two"});
}

inline void check_sink_conflict(const Probe& probe) {
  const SinkSession session(probe);
  if (!session.transactional()) throw Skip("the sink keeps no ledger");
  session.prepare();
  load(session, {});
  const Held before = held(probe, session);
  const Result again = try_load(session, {});
  require(again.code == ETL_CONFLICT, "a done partition was loaded again with " +
                                          (again ? "success" : again.text()) +
                                          "; expected ETL_CONFLICT");
  require_held(before, held(probe, session), "after a conflict");
}

inline void check_sink_record(const Probe& probe) {
  const SinkSession session(probe);
  if (!session.transactional()) throw Skip("the sink keeps no ledger");
  session.prepare();
  const auto keep = [&](const std::string& partition, State state) {
    require_ok(session.record(session.record_of(partition, 0, state)), "record()");
  };
  keep("one", State::failed);
  keep("two", State::missing);
  require(session.ledger() == Strings({"one failed 0", "two missing 0"}),
          "record() did not store the failed and the missing partition");
  for (const LedgerRecord& record : session.committed()) {
    require(record.error == "no 'luck'\nat all", "record() changed the error: " + record.error);
  }
  load(session, {.partition = "one", .rows = 10});
  require(session.ledger() == Strings({"one done 10", "two missing 0"}),
          "a commit did not replace the record of the failed attempt");
  keep("one", State::failed);
  require(session.ledger() == Strings({"one done 10", "two missing 0"}),
          "record() replaced a done record");
}

inline void check_sink_reload(const Probe& probe) {
  const SinkSession session(probe);
  require_dump(probe);
  session.prepare();
  load(session, {.partition = "one", .rows = 50});
  load(session, {.partition = "two", .rows = 20});
  const Result again = try_load(session, {.partition = "one", .rows = 30, .reload = true});
  if (again.code == ETL_CONFIG || again.code == ETL_PERMANENT) {
    throw Skip("the sink refuses a reload: " + again.message());
  }
  require_ok(again, "a reload");
  require_held(clean(probe, {{.partition = "two", .rows = 20}, {.partition = "one", .rows = 30}}),
               held(probe, session), "after a reload");
}

inline void check_sink_borders(const Probe& probe) {
  require_dump(probe);
  constexpr std::int64_t many = 10'000;
  const Held whole = clean(probe, {{.rows = many, .sizes = {many}}});
  require_held(whole, clean(probe, {{.rows = many, .sizes = {1}}}), "in batches of 1 row");
  require_held(whole, clean(probe, {{.rows = many, .sizes = {1, 7, 1000}}}),
               "in batches of various sizes");
}

inline void check_sink_empty(const Probe& probe) {
  const Held none = clean(probe, {{.rows = 0}});
  const SinkSession session(probe);
  session.prepare();
  const Input input = session.input("one");
  SinkRun run(session, input.partition());
  run.require_open();
  require_ok(run.write(input.batch(0, 0)), "write() of a batch without rows");
  require_ok(run.commit(), "commit() of no rows");
  run.close();
  require_held(none, held(probe, session), "after a batch without rows");
}

inline void check_sink_sliced(const Probe& probe) {
  require_dump(probe);
  const Held plain = clean(probe, {{}});
  require_held(plain, clean(probe, {{.layout = Layout::sliced}}), "of batches with an offset");
  require_held(plain, clean(probe, {{.layout = Layout::sliced_columns}}),
               "of columns with an offset");
}

inline void check_sink_huge(const Probe& probe) {
  constexpr std::int64_t huge = 100'000;
  require_held(clean(probe, {{.rows = huge, .sizes = {5000}}}),
               clean(probe, {{.rows = huge, .sizes = {huge}}}),
               "of one batch of " + std::to_string(huge) + " rows");
}

inline void check_sink_releases(const Probe& probe) {
  const SinkSession session(probe);
  session.prepare();
  const Input input = session.input("one");
  SinkRun left(session, input.partition());
  left.require_open();
  static_cast<void>(left.write(input.batches(sink_rows, {1, 100, 0})));
  left.close();
  left.require_released_once();
  SinkRun whole(session, session.input("two").partition());
  whole.require_open();
  static_cast<void>(whole.write(input.batches(sink_rows, {100})));
  require_ok(whole.commit(), "commit()");
  whole.close();
  whole.require_released_once();
}

inline void check_sink_writers(const Probe& probe) {
  const SinkSession session(probe);
  require_visible(probe, session);
  const std::uint32_t most = session.instance.stage().max_writers;
  if (most == 1) throw Skip("the sink allows one writer at a time");
  session.prepare();
  Strings names = {"one", "two", "three"};
  if (most == 2) names.pop_back();
  std::vector<std::function<void()>> loads;
  for (const std::string& name : names) {
    loads.push_back([&session, name] { load(session, {.partition = name, .sizes = {10}}); });
  }
  at_once(loads);
  std::vector<Load> one_by_one;
  for (const std::string& name : names) one_by_one.push_back({.partition = name});
  require_held(clean(probe, one_by_one), held(probe, session), "after concurrent writers");
}

inline void check_sink_instances(const Probe& probe) {
  const SinkSession first(probe);
  const SinkSession second(probe);
  require_visible(probe, first);
  first.prepare();
  second.prepare();
  at_once(
      {[&] { load(first, {.partition = "one"}); }, [&] { load(second, {.partition = "one"}); }});
  const Held expected = clean(probe, {{}});
  require_held(expected, held(probe, first), "beside another instance");
  require_held(expected, held(probe, second), "in another instance");
}

inline void check_sink_forget(const Probe& probe) {
  const SinkSession session(probe);
  if (!session.transactional() || session.table().forget == nullptr) {
    throw Skip("the sink has no forget()");
  }
  const auto forget = [&](const std::string& name, bool rows_too, std::int64_t& rows) {
    const Partition partition = session.input(name).partition();
    const etl_partition abi = to_abi(partition);
    const WriteRequest names = session.request(partition);
    const etl_forget_request request{sizeof(request),        rows_too ? 1U : 0U,
                                     to_abi(names.pipeline), to_abi(names.source),
                                     to_abi(names.sink),     &abi};
    const OwnedSchema given = exported(session.schema());
    return call(session.table().forget, session.instance.self(), &request, given.get(), &rows);
  };
  session.prepare();
  const Shown empty = dumped(probe, session.place);
  load(session, {.partition = "one", .rows = 50});
  const Held loaded = held(probe, session);
  std::int64_t rows = 0;
  require(forget("no such partition", false, rows).code == ETL_OK,
          "forget() of an unknown partition failed");
  const Result whole = forget("one", true, rows);
  if (whole.code == ETL_PERMANENT) {
    require_held(loaded, held(probe, session), "after a refused forget()");
    require(forget("one", false, rows).code == ETL_OK, "forget() failed");
    require(session.ledger().empty(), "forget() left the record");
    return;
  }
  require_ok(whole, "forget() with the rows");
  require(rows == 50, "forget() reports " + std::to_string(rows) + " deleted rows instead of 50");
  require_held({empty, {}}, held(probe, session), "after forget() with the rows");
  load(session, {.partition = "one", .rows = 50});
  require_held(loaded, held(probe, session), "loaded again after forget()");
}

inline void check_sink_memory(const Probe& probe) {
  SinkSession session(probe);
  session.prepare();
  load(session, {.rows = 10'000, .sizes = {1000}});
  session.instance.require_no_memory();
}

}  // namespace detail

inline constexpr Check sink_checks[] = {
    {"sink.check", "Checks columns without touching the target.", sinks, "options.create",
     &detail::check_sink_check},
    {"sink.commit", "Has the rows and their ledger record in the target after a commit.", sinks,
     "sink.check", &detail::check_sink_commit},
    {"sink.refuses", "Refuses unsuitable columns with ETL_CONFIG and a reason.", sinks,
     "sink.check", &detail::check_sink_refuses},
    {"sink.inspect", "Names its target without changing it.", sinks, "sink.check",
     &detail::check_sink_inspect},
    {"sink.prepare", "Can prepare a target twice, and keeps its contents.", sinks, "sink.commit",
     &detail::check_sink_prepare},
    {"sink.rollback", "Leaves nothing of an uncommitted partition.", sinks, "sink.prepare",
     &detail::check_sink_rollback},
    {"sink.conflict", "Refuses a done partition with ETL_CONFLICT.", sinks, "sink.prepare",
     &detail::check_sink_conflict},
    {"sink.record", "Records failures in the ledger, but never replaces a done record.", sinks,
     "sink.commit", &detail::check_sink_record},
    {"sink.reload", "Replaces the rows of a reloaded partition, and no others.", sinks,
     "sink.commit", &detail::check_sink_reload},
    {"sink.empty", "Commits a partition without rows.", sinks, "sink.commit",
     &detail::check_sink_empty},
    {"sink.borders", "Writes the same rows wherever batches begin and end.", sinks, "sink.commit",
     &detail::check_sink_borders},
    {"sink.sliced", "Respects the offsets of batches and columns.", sinks, "sink.commit",
     &detail::check_sink_sliced},
    {"sink.huge", "Accepts a huge batch.", sinks, "sink.borders", &detail::check_sink_huge},
    {"sink.releases", "Releases every batch exactly once.", sinks, "sink.commit",
     &detail::check_sink_releases},
    {"sink.writers", "Writes several partitions at once.", sinks, "sink.commit",
     &detail::check_sink_writers},
    {"sink.instances", "Writes two targets at once from two instances.", sinks, "sink.commit",
     &detail::check_sink_instances},
    {"sink.forget", "Removes a partition from the ledger, and its rows if it can.", sinks,
     "sink.commit", &detail::check_sink_forget},
    {"sink.memory", "Reports 0 bytes of memory once everything is closed.", sinks, "sink.commit",
     &detail::check_sink_memory},
};

}  // namespace etl::inline v1::conformance
