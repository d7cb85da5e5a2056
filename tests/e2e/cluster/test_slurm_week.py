"""A whole week, 168 hours, on a three-node Slurm with a node that crashes midway. It takes minutes, so run it manually:
`ETL_SLURM_WEEK=40000 python3 -m unittest -v e2e.cluster.test_slurm_week` (the number is rows per hour)."""

import datetime
import os
import pathlib
import time
import unittest

from e2e.cluster import test_slurm
from oracle import oracle
from support import etl
from support.case import UTC, hour_files, ledger
from support.database_lock import Lock, waiting

ROWS = int(os.environ.get("ETL_SLURM_WEEK") or 0)
HOURS = 168
NOW = datetime.datetime(2024, 3, 16, tzinfo=UTC)
START = NOW - datetime.timedelta(days=15)


class Week(test_slurm.SlurmCase):
    def setUp(self):
        if ROWS == 0:
            etl.skip_aloud(self, "takes minutes: set ETL_SLURM_WEEK to the rows of an hour")
        super().setUp()
        self.base = hour_files(ROWS, HOURS, START, traps=True)
        self.pipeline = etl.REPOSITORY / "pipelines/wikipedia_week_postgres.toml"

    def test_a_node_crashes_in_the_middle(self):
        began = time.monotonic()
        with self.submit("--wait", "--now", f"{NOW:%Y-%m-%dT%H:%M:%SZ}", "--set", f"pageviews.base_url=file://{self.base}",
                         "--set", "pageviews.connections=6", "--set", "run.max_rejects=1000000", tasks=24) as running:
            etl.wait_for(lambda: "etl_ledger" in self.database.tables() and len(ledger(self.database)) > HOURS // 3,
                         "a third of the week")
            lock = Lock(self.database)
            self.addCleanup(lock.release)
            etl.wait_for(lambda: waiting(self.database) == 6, "two writers on every node")
            done = len(ledger(self.database))
            self.cluster.crash("n3")
            lock.release()
            result = running.wait(600)
        self.assertEqual(etl.OK, result.code, str(result))
        self.assert_summary(result, total=HOURS, done=HOURS, skipped=0)
        keep = oracle.codes("fr")
        self.assert_table(self.database, self.base, keep=keep, start=START)
        self.assert_ledger(self.database, self.base, keep=keep, start=START)
        tasks = self.cluster.tasks(result.json["run_id"].partition("-")[2])
        restarted = [task for task, (_, _, restarts) in tasks.items() if restarts > 0]
        self.assertTrue(restarted, tasks)
        rows = result.json["rows"]
        print(f"\n{HOURS} hours, {rows['read']:,} rows read, {rows['written']:,} written, "
              f"{sum(path.stat().st_size for path in pathlib.Path(self.base).rglob('*.gz')) / 1e6:.0f} MB; n3 crashed after "
              f"{done} hours, {len(restarted)} of {len(tasks)} tasks restarted; {time.monotonic() - began:.0f} s in all")


if __name__ == "__main__":
    unittest.main()
