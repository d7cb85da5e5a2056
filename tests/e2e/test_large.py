"""Eight hours of a million rows: the main job at the size of its real input."""

import multiprocessing
import unittest

from oracle import oracle
from support.case import FRENCH, EtlCase, Postgres, Sqlite, hour_files


def _digest(path):
    digest = oracle.Digest(oracle.expect([path], FRENCH))
    return digest.count, digest.sum


class Large(EtlCase):
    @classmethod
    def setUpClass(cls):
        cls.base = hour_files(1000000, 8, traps=True)
        cls.expected = oracle.Digest()
        with multiprocessing.Pool(2) as pool:
            for count, total in pool.imap_unordered(_digest, oracle.files(cls.base)):
                cls.expected.count += count
                cls.expected.sum = (cls.expected.sum + total) % 2**128

    def check(self, database):
        result = self.run_pipeline(self.main_job(self.base, database, 8))
        self.assertEqual(self.expected, oracle.Digest(database.rows()))
        summary = self.assert_summary(result, total=8, done=8)
        self.assertGreater(summary["rows"]["read"], 8000000)
        self.assertEqual(summary["rows"]["read"], sum(summary["rows"][name]
                                                      for name in ("filtered", "rejected", "written")))

    def test_into_sqlite(self):
        self.check(Sqlite(self.folder))

    def test_into_postgres(self):
        self.check(Postgres())


if __name__ == "__main__":
    unittest.main()
