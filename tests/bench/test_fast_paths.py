"""Runs end-to-end tests with each optimization turned off."""

import unittest

from e2e import test_cases, test_main_job
from support import etl


class WithoutFastPaths:
    """zlib instead of isa-l, no vector instructions, no predicate pushdown."""

    SLOW = {"ETL_NO_ISAL": "1", "ETL_NO_AVX2": "1"}

    def run_pipeline(self, pipeline, *arguments, env=None, **options):
        return super().run_pipeline(pipeline, "--set", "run.pushdown=false", *arguments,
                                    env={**(env or {}), **self.SLOW}, **options)


class Cases(WithoutFastPaths, test_cases.Cases):
    pass


class IntoSqlite(WithoutFastPaths, test_main_job.MainJobSqlite):
    pass


class IntoPostgres(WithoutFastPaths, test_main_job.MainJobPostgres):
    pass


class EachAlone(test_main_job.EtlCase):
    """Turns off one optimization at a time."""

    def test_the_same_rows_and_counts(self):
        base = test_main_job.hour_files(5000, 2, traps=True, members=3)
        ways = {"none": ((), {}), "isa-l": ((), {"ETL_NO_ISAL": "1"}), "avx2": ((), {"ETL_NO_AVX2": "1"}),
                "pushdown": (("--set", "run.pushdown=false"), {})}
        counts = set()
        for off, (arguments, env) in ways.items():
            with self.subTest(off=off):
                database = test_main_job.Sqlite(self.folder, f"{off}.db")
                result = self.run_pipeline(self.main_job(base, database, 2), *arguments, env=env)
                self.assertEqual(etl.OK, result.code)
                self.assert_table(database, base, hours=2)
                self.assert_ledger(database, base, hours=2)
                counts.add(str(result.json["rows"]))
        self.assertEqual(1, len(counts), counts)


if __name__ == "__main__":
    unittest.main()
