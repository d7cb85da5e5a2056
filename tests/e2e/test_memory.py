"""Memory depends on batches in flight, not on how much there is to do."""

import unittest

from support.case import EtlCase, Sqlite, hour_files

MIB = 1 << 20
# Allocators and page caches of the databases make the figure jump by some MiB from run to run.
SLACK = 24 * MIB


class Memory(EtlCase):
    def peak(self, base, hours, name):
        database = Sqlite(self.folder, name)
        pipeline = self.main_job(base, database, hours, run={"workers": 2, "memory_limit": "32MiB"})
        del pipeline["filters"]  # every row travels
        pipeline["sinks"]["db"]["input"] = "pageviews"
        return self.run_pipeline(pipeline).json["peak_memory_bytes"]

    def test_number_of_partitions(self):
        base = hour_files(50000, 16)
        few, many = self.peak(base, 2, "few.db"), self.peak(base, 16, "many.db")
        self.assertLess(many, 1.5 * few + SLACK)

    def test_size_of_a_partition(self):
        small = self.peak(hour_files(100000, 2), 2, "small.db")
        # 120 MB of text in two files: a reader that held one whole would show.
        large = self.peak(hour_files(2000000, 2), 2, "large.db")
        self.assertLess(large, 1.5 * small + SLACK)


if __name__ == "__main__":
    unittest.main()
