"""Pages, help texts and messages avoid phrases that readers stumble over; each has a plain replacement."""

import re
import unittest

from docs import markdown
from docs.test_docs import command_lines
from support import etl

# (pattern, what to write instead). Patterns match across line breaks and ignore case.
PHRASES = [
    (r"how far the whole is", "Show progress over all runs and tasks"),
    (r"\bunit(e|es|ing) (the|what)\b", "Merge ...; safe to repeat"),
    (r"again to go on\b", "run it again to resume; safe to repeat"),
    (r"keep(s)? the rules\b", "follow the plugin ABI"),
    (r"\b(make|makes) none\b", "without running them"),
    (r"default: this\b", "default: now"),
    (r"\bthere (is|are): ", "available: "),
    (r"(?<!there\s)(?<!that\s)\bis no (?!longer\b|more\b|such\b|need\b)", "is not a ..."),
    (r"has not the\b", "is not a valid ...; does not have the ..."),
    (r"may have (\d+|\{\}) (bytes|characters)", "is N bytes; the limit is 4 MiB"),
    (r"no byte came", "no data for 60 s"),
    (r"(?<![\d.,])1\x20(attempts|rows|partitions|files|tasks|tests|sinks|stages|problems|seconds)\b", "the singular after 1"),
    (r"\bputs those in\b", "publishes the committed ones"),
    (r"\bliving run\b", "active run; live run"),
    (r"\busing it then fails", "Returns -1 if the text is not a number"),
    (r"\bwhoever\b", "anyone who; the subject's name"),
    (r"\bhad enough\b.{0,40}\bwhat they wanted", "Ctrl-C ends --watch normally, but exits 130"),
    (r"is any time\b", "means no limit"),
    (r"run as they are\b", "ready-to-run"),
    (r"\bmend(s|ed|ing)?\b", "fix, repair"),
    (r"(?<!_)\b(in hand|has in hand|have in hand)\b", "in progress"),
    (r"\bwhat becomes of\b", "the name of the result"),
    (r"(?<!label\(\")\bsubcommands?\b", "verb"),  # the key of a label of CLI11
    (r"\bdraft of a pipeline\b", "pipeline scaffold"),
]
COMPILED = [(re.compile(pattern.replace(" ", r"\s+"), re.IGNORECASE), instead) for pattern, instead in PHRASES]



def findings(name, text):
    """Lines such as "README.md:12: "is no text": is not a ..." for every phrase in a text."""
    found = []
    for pattern, instead in COMPILED:
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(f'{name}:{line}: "{" ".join(match[0].split())}": write {instead}')
    return found


def unwrapped(text):
    """Source text in which a comment or a string of several lines reads as continuous text."""
    text = re.sub(r"\n[ \t]*//[/!]?<?[ \t]*", "\n", text)
    return re.sub(r'"[ \t]*\n[ \t]*"', "\n", text)


def sources(*folders):
    for folder in folders:
        for path in sorted((etl.REPOSITORY / folder).rglob("*")):
            if path.suffix in (".cc", ".hpp", ".h", ".c", ".toml", ".in", ".cmake") or path.name == "CMakeLists.txt":
                yield path


class Words(unittest.TestCase):
    maxDiff = None

    def assert_plain(self, found):
        self.assertEqual([], found, "\n" + "\n".join(found))

    def test_pages(self):
        self.assert_plain([each for page in markdown.pages() for each in
                           findings(page.path.relative_to(etl.REPOSITORY), page.path.read_text())])

    def test_help(self):
        lines = [(), *command_lines()]
        self.assert_plain([each for words in lines for each in
                           findings(" ".join(("etl", *words, "--help")), etl.run(*words, "--help").out)])

    def test_help_of_scripts(self):
        scripts = [path for path in (etl.REPOSITORY / "tools").rglob("*") if path.suffix in (".sh", ".py")]
        self.assert_plain([each for path in sorted(scripts) for each in
                           findings(path.relative_to(etl.REPOSITORY), path.read_text())])

    def test_descriptions_of_stages(self):
        stages = etl.run("plugins", "--format", "json").json["stages"]
        self.assert_plain([each for stage in stages for each in
                           findings(f"etl describe {stage['name']}", etl.run("describe", stage["name"]).out)])

    def test_messages_and_comments(self):
        self.assert_plain([each for path in sources("core", "plugins", "pipelines", "docs/examples") for each in
                           findings(path.relative_to(etl.REPOSITORY), unwrapped(path.read_text()))])


class Check(unittest.TestCase):
    """The check finds what it should, and leaves plain English alone."""

    def test_phrases_are_found(self):
        for text in ('hint: there is: "a", "b"', '"x" is no time', "after 1 attempts", "run\nas they are", "how\nto mend it",
                     "partitions it has in hand", "Subcommands:", "may have 4194304 bytes, not 5"):
            self.assertEqual(1, len(findings("text", text)), text)

    def test_plain_text_passes(self):
        for text in ('available: "a", "b"', "there is no column", "is no longer planned", "after 11 attempts", "0.1 rows",
                     "recommended", "`in_hand`", "1 row"):
            self.assertEqual([], findings("text", text), text)


if __name__ == "__main__":
    unittest.main()
