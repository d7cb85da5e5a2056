"""`etl graph`: text, Mermaid, Graphviz and JSON show the same stages and the columns between them."""

import html
import json
import os
import re
import subprocess
import unittest

from support import etl
from support.case import EtlCase

# Column names that would break out of a quoted label.
AWKWARD = ['a"b', "c\\d", "<e>&#f;", "g\nh", "i]--j"]
PLUGIN = """
#include <etl/plugin.hpp>
struct Awkward {
  static constexpr auto name = "awkward";
  static constexpr auto summary = "Columns with awkward names.";
  static constexpr auto options = etl::options();
  Awkward(const etl::Options&, const etl::Context&) {}
  etl::Schema schema() const {
    return {{R"(a"b)", etl::Type::int64}, {R"(c\\d)", etl::Type::utf8, true}, {"<e>&#f;", etl::Type::boolean},
            {"g\\nh", etl::Type::float64}, {"i]--j", etl::Type::timestamp_us}};
  }
  std::vector<etl::Partition> plan() const { return {}; }
  struct Reader { std::optional<etl::Batch> next() { return std::nullopt; } };
  Reader read(const etl::Partition&, const etl::Predicate&, const etl::Task&) const { return {}; }
};
ETL_PLUGIN("awkward", "1.0.0", Awkward);
"""

DIAMOND = """
name = "two \\"ways\\""
[sources.views]
plugin = "wikipedia_pageviews"
start = 2024-03-01
hours = 1
contact = "reader@example.org"
columns = ["hour", "title", "domain_code"]
[filters.one]
plugin = "language"
input = "views"
languages = ["fr"]
[filters.other]
plugin = "language"
input = "views"
languages = ["de"]
[sinks.db]
plugin = "sqlite"
input = ["one", "other"]
path = "x.db"
table = "t"
"""
COLUMNS = [("hour", "timestamp[s]"), ("title", "utf8"), ("domain_code", "utf8")]
STAGES = [("views", "source", "wikipedia_pageviews"), ("one", "filter", "language"), ("other", "filter", "language"),
          ("db", "sink", "sqlite")]
EDGES = [("views", "one"), ("views", "other"), ("one", "db"), ("other", "db")]


def entities(text):
    """Mermaid's entities are HTML's with # for &."""
    return html.unescape(re.sub(r"#(\w+);", lambda found: f"&{found[1]};" if not found[1].isdigit() else f"&#{found[1]};", text))


class GraphVerb(EtlCase):
    def graph(self, text, form, *arguments):
        path = self.folder / "pipeline.toml"
        path.write_text(text)
        result = etl.run("graph", path, "--format", form, *arguments)
        self.assertEqual(etl.OK, result.code, str(result))
        return result

    def awkward(self, form):
        (self.folder / "awkward.cc").write_text(PLUGIN)
        subprocess.run([os.environ.get("CXX") or "g++", "-std=c++20", "-shared", "-fPIC", "-fvisibility=hidden",
                        "-I", etl.REPOSITORY / "core/sdk/include", self.folder / "awkward.cc", "-o", self.folder / "awkward.so"],
                       check=True)
        (self.folder / "awkward.so").chmod(0o644)
        text = ('name = "awkward"\n[sources.a]\nplugin = "awkward"\n'
                '[sinks.db]\nplugin = "sqlite"\ninput = "a"\npath = "x.db"\ntable = "t"\n')
        return self.graph(text, form, "--plugin-dir", self.folder)

    def test_json(self):
        document = self.graph(DIAMOND, "json").json
        self.assertEqual('two "ways"', document["pipeline"])
        self.assertEqual(STAGES, [(stage["name"], stage["kind"], stage["plugin"]) for stage in document["stages"]])
        self.assertEqual(EDGES, [(edge["from"], edge["to"]) for edge in document["edges"]])
        for edge in document["edges"]:
            self.assertEqual(COLUMNS, [(column["name"], column["type"]) for column in edge["columns"]])

    def test_text(self):
        columns = ", ".join(map(" ".join, COLUMNS))
        self.assertEqual(f"source views (wikipedia_pageviews)\n  -> one: {columns}\n  -> other: {columns}\n\n"
                         f"filter one (language)\n  -> db: {columns}\n\n"
                         f"filter other (language)\n  -> db: {columns}\n\n"
                         "sink db (sqlite)\n", self.graph(DIAMOND, "text").out)

    def drawn(self, out):
        """Nodes and edges as Graphviz itself reads them."""
        done = subprocess.run([etl.tool("dot"), "-Tdot_json"], input=out, capture_output=True, text=True, check=True)
        self.assertEqual("", done.stderr)
        document = json.loads(done.stdout)
        labels = {node["_gvid"]: node["label"] for node in document["objects"]}
        return document["name"], labels, [(edge["tail"], edge["head"], edge["label"]) for edge in document["edges"]]

    def test_dot(self):
        name, labels, edges = self.drawn(self.graph(DIAMOND, "dot").out)
        self.assertEqual('two "ways"', name.replace('\\"', '"'))
        self.assertEqual([f"{stage}\\n{plugin}" for stage, _, plugin in STAGES], list(labels.values()))
        columns = "".join(" ".join(column) + "\\l" for column in COLUMNS)
        self.assertEqual({(one, other, columns) for one, other in EDGES},
                         {(labels[tail].split("\\n")[0], labels[head].split("\\n")[0], label) for tail, head, label in edges})

    def mermaid(self, out):
        first, *rest = out.splitlines()
        self.assertEqual("flowchart LR", first)
        nodes, edges = {}, []
        for line in rest:
            node = re.fullmatch(r'  (n\d+)(\(\[|\[\(|\[)"([^"]*)"(\]\)|\)\]|\])', line)
            edge = re.fullmatch(r'  (n\d+) -- "([^"]*)" --> (n\d+)', line)
            self.assertTrue(node or edge, line)
            if node:
                nodes[node[1]] = entities(node[3]).split("<br/>")
            else:
                edges.append((nodes[edge[1]][0], nodes[edge[3]][0], [entities(part) for part in edge[2].split("<br/>")]))
        return nodes, edges

    def test_mermaid(self):
        nodes, edges = self.mermaid(self.graph(DIAMOND, "mermaid").out)
        self.assertEqual([[stage, plugin] for stage, _, plugin in STAGES], list(nodes.values()))
        self.assertEqual({(*edge, " / ".join(map(" ".join, COLUMNS))) for edge in EDGES},
                         {(one, other, " / ".join(columns)) for one, other, columns in edges})

    def test_awkward_names(self):
        shown = [name.replace("\n", " ") for name in AWKWARD]
        types = ["int64", "utf8?", "bool", "double", "timestamp[us]"]
        expected = [f"{name} {kind}" for name, kind in zip(shown, types)]
        out = self.awkward("dot").out
        _, _, edges = self.drawn(out)
        label, = [label for _, _, label in edges]
        plain = re.sub(r'\\(["\\])', r"\1", label.replace("\\l", "\n")) if '\\"' in label else label.replace("\\\\", "\\").replace("\\l", "\n")
        self.assertEqual(expected, plain.splitlines())
        _, edges = self.mermaid(self.awkward("mermaid").out)
        self.assertEqual(expected, edges[0][2])
        self.assertEqual(AWKWARD, [column["name"] for column in self.awkward("json").json["edges"][0]["columns"]])
        self.assertIn(", ".join(expected), self.awkward("text").out)

    def test_mistakes(self):
        path = self.folder / "pipeline.toml"
        path.write_text(DIAMOND.replace('input = "views"', 'input = "vievs"'))
        result = etl.run("graph", path)
        self.assertEqual(etl.CONFIG, result.code, str(result))
        self.assertIn('did you mean "views"?', result.err)
        self.assertEqual("", result.out)

    def test_set(self):
        document = self.graph(DIAMOND, "json", "--set", 'views.columns=["domain_code"]').json
        self.assertEqual([["domain_code"]] * 4, [[column["name"] for column in edge["columns"]] for edge in document["edges"]])


if __name__ == "__main__":
    unittest.main()
