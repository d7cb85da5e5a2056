"""docs/reliability.md names existing tests, and every kind of fault in the chaos tests."""

import re
import unittest

from support import etl
from chaos.faults import ALL

PAGE = (etl.REPOSITORY / "docs/reliability.md").read_text()


class Reliability(unittest.TestCase):
    def test_python_tests_exist(self):
        names = set(re.findall(r"`(e2e\.[\w.]+)`", PAGE))
        self.assertGreater(len(names), 20)
        loader = unittest.TestLoader()
        for name in sorted(names):
            with self.subTest(name):
                found = loader.loadTestsFromName(name)
                self.assertGreater(found.countTestCases(), 0)
                self.assertEqual([], loader.errors)

    def test_cpp_tests_exist(self):
        sources = "".join(path.read_text() for path in (etl.REPOSITORY / "tests").rglob("*_test.cc"))
        known = {f"{suite}.{test}" for suite, test in re.findall(r"^TEST(?:_F|_P)?\((\w+), (\w+)\)", sources, re.M)}
        names = set(re.findall(r"`([A-Z]\w+\.[A-Z]\w+)`", PAGE))
        self.assertGreater(len(names), 10)
        self.assertEqual(set(), names - known)

    def test_kinds_of_faults(self):
        table = PAGE.split("## What happens when")[1].split("\n## ")[0]
        self.assertEqual(set(ALL), set(re.findall(r'"([^"]+)"', "".join(re.findall(r"^\|.*\|$", table, re.M)))))


if __name__ == "__main__":
    unittest.main()
