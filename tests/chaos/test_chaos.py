"""The chaos tests notice a wrong table, ledger or summary."""

import unittest

from support import etl
from support import postgres
from chaos.episode import Episode, Mismatch


class Chaos(unittest.TestCase):
    sink = "sqlite"

    def setUp(self):
        self.episode = Episode(7, (self.sink,), ("threads",), postgres.shared())
        self.addCleanup(self.episode.remove)
        self.world = self.episode.world
        self.world.web.start()
        self.result = etl.run("run", self.world.path, "--format", "json")
        self.assertEqual(etl.OK, self.result.code, str(self.result))
        self.episode.check(self.result)

    def assert_noticed(self, sql, text):
        self.world.database.execute(sql)
        with self.assertRaisesRegex(Mismatch, text):
            self.episode.check(self.result)

    def one_row(self):
        return "(SELECT min({0}) FROM pageviews)".format("rowid" if self.sink == "sqlite" else "ctid")

    def where(self):
        return f"WHERE {'rowid' if self.sink == 'sqlite' else 'ctid'} = {self.one_row()}"

    def test_a_lost_row(self):
        self.assert_noticed(f"DELETE FROM pageviews {self.where()}", "missing: 1")

    def test_a_row_too_many(self):
        self.assert_noticed(f"INSERT INTO pageviews SELECT * FROM pageviews {self.where()}", "too many: 1")

    def test_a_changed_row(self):
        self.assert_noticed(f"UPDATE pageviews SET views = views + 1 {self.where()}", "missing: 1")

    def test_rows_of_a_partition_that_is_not_done(self):
        partition = sorted(self.world.expected)[0]
        self.assert_noticed(f"UPDATE etl_ledger SET state = 'failed' WHERE partition = '{partition}'", "too many")

    def test_a_wrong_count_in_the_ledger(self):
        self.assert_noticed("UPDATE etl_ledger SET rows_rejected = rows_rejected + 1", "the ledger says")

    def test_a_summary_that_is_not_the_ledgers(self):
        self.assert_noticed("UPDATE etl_ledger SET run_id = 'another'", "the summary says")


class ChaosPostgres(Chaos):
    sink = "postgres"


if __name__ == "__main__":
    unittest.main()
