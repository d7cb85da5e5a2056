"""The example that `etl describe` prints for each stage is TOML, has every option, and matches the option table."""

import os
import re
import tomllib
import unittest

from support import etl
from support.folders import temporary_folder

# Values that the option table cannot supply, and options of which at least one is required.
NEEDED = {"wikipedia_pageviews": {"start": '"-8h"', "hours": "1", "contact": '"reader@example.org"'},
          "language": {"languages": '["fr"]', "column": '"word"'},
          "postgres": {"dsn": '"host=127.0.0.1 port=1"'},
          "starting_with": {"column": '"word"'},
          "text_length": {"column": '"word"'}}
SOURCE = '[sources.words]\nplugin = "word_files"\nfolder = "folder"\n'
SINK = '[sinks.files]\nplugin = "sqlite"\npath = "x.db"\ntable = "t"\ninput = "..."\n'
OPTION = re.compile(r"^(# )?(\w+) = (.*)$", re.M)


class Snippets(unittest.TestCase):
    def setUp(self):
        self.folder = temporary_folder(self.addCleanup)
        (self.folder / "folder").mkdir()
        examples = os.environ.get("ETL_EXAMPLES") or etl.binary().parents[1] / "docs/examples"
        self.env = {"ETL_PLUGIN_PATH": examples}
        self.stages = etl.run("plugins", "--format", "json", env=self.env).json["stages"]
        self.assertGreaterEqual(len(self.stages), 9)

    def pipeline(self, stage, text):
        """A complete pipeline around the example of one stage."""
        name = stage["name"]
        before, behind = {"source": ("", name), "filter": ("words", name), "sink": ("words", "")}[stage["kind"]]
        parts = [part.replace('"..."', f'"{place}"') for part, place in
                 ((SOURCE if before else "", ""), (text, before), (SINK if behind else "", behind))]
        return 'name = "x"\n' + "\n".join(parts)

    def filled(self, stage, text, uncomment):
        """The example with required values, and with all defaults if `uncomment` is set."""
        needed = NEEDED.get(stage["name"], {})
        defaults = {option["name"] for option in stage["options"] if option["default"] is not None}

        def line(match):
            comment, name, value = match.groups()
            if name in needed:
                return f"{name} = {needed[name]}"
            return f"{name} = {value}" if not comment or uncomment and name in defaults else match[0]
        return OPTION.sub(line, text)

    def test_every_option_is_there_once(self):
        for stage in self.stages:
            with self.subTest(stage["name"]):
                lines = {name: (bool(comment), value) for comment, name, value in OPTION.findall(stage["example"])}
                self.assertEqual({"plugin", *(["input"] if stage["kind"] != "source" else [])} |
                                 {option["name"] for option in stage["options"]}, set(lines))
                for option in stage["options"]:
                    commented, value = lines[option["name"]]
                    self.assertNotEqual(option["required"], commented)
                    if option["default"] is not None:
                        self.assertEqual(option["default"], value)

    def test_it_is_toml_also_with_every_comment_taken_off(self):
        for stage in self.stages:
            with self.subTest(stage["name"]):
                for text in (stage["example"], stage["example"].replace("# ", "")):
                    document = tomllib.loads(text)
                    self.assertEqual(stage["name"], document[stage["kind"] + "s"][stage["name"]]["plugin"])

    def test_as_it_is_it_fits_the_option_table(self):
        """Checks types, names, bounds and allowed values, also of commented options."""
        (self.folder / "codes_file").write_text("fr\n")  # read when the options are checked
        for stage in self.stages:
            for text in (stage["example"], stage["example"].replace("# ", "")):
                with self.subTest(stage["name"], text=text):
                    path = self.folder / "p.toml"
                    path.write_text(self.pipeline(stage, text))
                    found = etl.run("validate", path, "--format", "json", env=self.env).json["files"][0]["diagnostics"]
                    wrong = [each["message"] for each in found if re.search(r"option \"|key \"|expected|must be", each["message"])]
                    self.assertEqual([], wrong)

    def test_with_what_is_needed_it_is_valid(self):
        for stage in self.stages:
            for uncomment in (False, True):
                with self.subTest(stage["name"], uncomment=uncomment):
                    path = self.folder / "p.toml"
                    path.write_text(self.pipeline(stage, self.filled(stage, stage["example"], uncomment)))
                    result = etl.run("validate", path, env=self.env)
                    self.assertEqual(etl.OK, result.code, f"{path.read_text()}\n{result}")

    def test_every_form_has_it(self):
        for stage in self.stages:
            for form in ("text", "markdown"):
                self.assertIn(stage["example"], etl.run("describe", stage["name"], "--format", form, env=self.env).out)


if __name__ == "__main__":
    unittest.main()
