"""Memory depends on batches in flight, not on how much there is to do."""

import unittest

from support.case import EtlCase, Sqlite, hour_files

MIB = 1 << 20
LIMIT = 32 * MIB
# Beside the batches in flight: the libraries, the database's page cache, the decoders' blocks, and a
# batch in the making for every thread.
OVERHEAD = 72 * MIB


class Memory(EtlCase):
    def peak(self, base, hours, name):
        database = Sqlite(self.folder, name)
        pipeline = self.main_job(base, database, hours, run={"workers": 2, "memory_limit": "32MiB"})
        del pipeline["filters"]  # every row travels
        pipeline["sinks"]["db"]["input"] = "pageviews"
        return self.run_pipeline(pipeline).json["peak_memory_bytes"]

    def test_number_of_partitions(self):
        # 24 partitions hold more than the limit, so that both runs have filled their queues.
        base = hour_files(50000, 72)
        few, many = self.peak(base, 24, "few.db"), self.peak(base, 72, "many.db")
        self.assertLess(few, LIMIT + OVERHEAD)
        self.assertLess(many, LIMIT + OVERHEAD)
        self.assertLess(many, 1.5 * few)

    def test_size_of_a_partition(self):
        # 120 MB of text in two files: a reader that held one whole would show.
        self.assertLess(self.peak(hour_files(2000000, 2), 2, "large.db"), LIMIT + OVERHEAD)


if __name__ == "__main__":
    unittest.main()
