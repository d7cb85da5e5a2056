"""Pipelines with more than one path: chains of filters, diamonds, several sources."""

import unittest

from oracle import oracle
from support.case import START, EtlCase, HOUR, Sqlite, hour_files, ledger


def both(*keeps):
    return lambda code: all(keep(code) for keep in keeps)


class Branching(EtlCase):
    def setUp(self):
        super().setUp()
        self.base = hour_files(10000, 3, traps=True)
        self.database = Sqlite(self.folder)

    def pipeline(self, filters, sink_input):
        pipeline = self.main_job(self.base, self.database)
        pipeline["filters"] = {name: {"plugin": "language", **options} for name, options in filters.items()}
        pipeline["sinks"]["db"]["input"] = sink_input
        return pipeline

    def test_a_chain_of_filters(self):
        filters = {"languages": {"input": "pageviews", "languages": ["fr", "de", "ja"]},
                   "no_japanese": {"input": "languages", "languages": ["fr", "de", "it"]},
                   "desktop": {"input": "no_japanese", "codes": ["fr", "de", "ja", "it", "fr.d"]}}
        self.run_pipeline(self.pipeline(filters, "desktop"))
        keep = oracle.codes("fr", "de", "fr.d")
        self.assert_table(self.database, self.base, keep=keep)
        self.assert_ledger(self.database, self.base, keep=keep)

    def test_a_filter_that_keeps_nothing(self):
        filters = {"one": {"input": "pageviews", "languages": ["fr"]}, "other": {"input": "one", "languages": ["de"]}}
        self.run_pipeline(self.pipeline(filters, "other"))
        self.assert_ledger(self.database, self.base, keep=lambda code: False)
        self.assertEqual([], list(self.database.rows()))

    def test_a_diamond(self):
        filters = {"french": {"input": "pageviews", "languages": ["fr"]},
                   "german": {"input": "pageviews", "languages": ["de"]},
                   "desktop": {"input": ["french", "german"], "codes": ["fr", "de"]}}
        found = []
        for workers in (1, 4):
            self.database = Sqlite(self.folder, f"{workers}.db")
            pipeline = self.pipeline(filters, "desktop")
            pipeline["run"]["workers"] = workers
            self.run_pipeline(pipeline)
            self.assert_table(self.database, self.base, keep=oracle.codes("fr", "de"))
            found.append(self.by_partition())
        # Paths that meet are joined in a fixed order.
        self.assertEqual(found[0], found[1])

    def by_partition(self):
        """Rows in the order they were written, partition by partition."""
        rows = self.database.query("SELECT hour, domain_code, title, views FROM pageviews ORDER BY rowid")
        return sorted(rows, key=lambda row: row[0])

    def test_rows_that_reach_the_sink_twice(self):
        filters = {"one": {"input": "pageviews", "codes": ["fr"]}, "other": {"input": "pageviews", "languages": ["fr"]}}
        self.run_pipeline(self.pipeline(filters, ["one", "other"]))
        expected = [row for keep in (oracle.codes("fr"), oracle.languages("fr"))
                    for row in oracle.expect(oracle.files(self.base), keep)]
        self.assert_rows(expected, self.database.rows())

    def test_two_sources_into_one_sink(self):
        other = hour_files(4000, 2, start=START + 24 * HOUR)
        pipeline = self.pipeline({"french": {"input": ["pageviews", "later"], "languages": ["fr"]}}, "french")
        pipeline["sources"]["later"] = self.source(other, 2, START + 24 * HOUR)
        result = self.run_pipeline(pipeline)
        self.assert_summary(result, total=5, done=5)
        paths = oracle.files(self.base) + oracle.files(other)
        self.assert_rows(oracle.expect(paths, oracle.languages("fr")), self.database.rows())
        self.assertEqual(5, len(ledger(self.database)))
        self.assert_summary(self.run_pipeline(pipeline), skipped=5, done=0)


if __name__ == "__main__":
    unittest.main()
