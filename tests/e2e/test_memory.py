"""Memory depends on batches in flight, not on the amount of data."""

import unittest

from support.case import EtlCase, Postgres, Sqlite, hour_files

MIB = 1 << 20
LIMIT = 32 * MIB
# In addition to batches in flight: libraries, the database's page cache, the decoders' blocks, and one
# unfinished batch per thread.
OVERHEAD = 72 * MIB


class Memory(EtlCase):
    def load_every_row(self, base, database, hours, limit):
        pipeline = self.main_job(base, database, hours, run={"workers": 2, "memory_limit": limit})
        del pipeline["filters"]
        pipeline["sinks"]["db"]["input"] = "pageviews"
        return self.run_pipeline(pipeline).json

    def peak(self, base, hours, name):
        return self.load_every_row(base, Sqlite(self.folder, name), hours, "32MiB")["peak_memory_bytes"]

    def test_number_of_partitions(self):
        # 24 partitions exceed the limit, so both runs fill their queues.
        base = hour_files(50000, 72)
        few, many = self.peak(base, 24, "few.db"), self.peak(base, 72, "many.db")
        self.assertLess(few, LIMIT + OVERHEAD)
        self.assertLess(many, LIMIT + OVERHEAD)
        self.assertLess(many, 1.5 * few)

    def test_size_of_a_partition(self):
        # 120 MB of text in two files: holding a complete file would exceed the bound.
        self.assertLess(self.peak(hour_files(2000000, 2), 2, "large.db"), LIMIT + OVERHEAD)

    def test_two_hundred_partitions_under_twice_the_limit(self):
        base = hour_files(15000, 200)  # about 130 MiB of rows
        for database in (Sqlite(self.folder), Postgres()):
            with self.subTest(database.sink()["plugin"]):
                summary = self.load_every_row(base, database, 200, "64MiB")
                self.assertEqual(200, summary["partitions"]["done"])
                self.assertEqual(15000 * 200, summary["rows"]["written"])
                self.assertLess(summary["peak_memory_bytes"], 128 * MIB)
                for name, stage in summary["stages"].items():
                    self.assertGreater(stage["peak_memory_bytes"], 0, name)
                    self.assertLess(stage["peak_memory_bytes"], 128 * MIB, name)


if __name__ == "__main__":
    unittest.main()
