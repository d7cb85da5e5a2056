"""Reads the repository's Markdown files: blocks of code, links, headings."""

import dataclasses
import pathlib
import re

from support import etl

FENCE = re.compile(r"^```(\S*)\s*$")
MARK = re.compile(r"^<!--\s*(.*?)\s*-->$")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`[^`]*`")


@dataclasses.dataclass
class Block:
    """A fenced block. `mark` is the HTML comment in the line before it, if there is one."""

    path: pathlib.Path
    line: int
    language: str
    mark: str
    text: str

    def __str__(self):
        return f"{self.path.relative_to(etl.REPOSITORY)}:{self.line}"


class Page:
    def __init__(self, path):
        self.path = path
        self.blocks = []
        self.prose = []  # (line number, text) of every line outside blocks
        lines = path.read_text(encoding="utf-8").splitlines()
        start = None
        for number, line in enumerate(lines, 1):
            fence = FENCE.match(line)
            if start is None and fence:
                mark = MARK.match(lines[number - 2]) if number > 1 else None
                start, language, found = number, fence[1], mark[1] if mark else ""
            elif start is not None and line == "```":
                text = "".join(one + "\n" for one in lines[start:number - 1])
                self.blocks.append(Block(path, start, language, found, text))
                start = None
            elif start is None:
                self.prose.append((number, line))
        if start is not None:
            raise AssertionError(f"{path}:{start}: the block has no end")

    def of(self, *languages):
        return [block for block in self.blocks if block.language in languages]

    def links(self):
        """(line number, target) of every link."""
        return [(number, target) for number, line in self.prose for target in LINK.findall(CODE.sub("", line))]

    def anchors(self):
        """The anchors of this page's headings, as GitHub generates them."""
        names = set()
        for _, line in self.prose:
            if line.startswith("#"):
                heading = re.sub(r"[`*]", "", line.lstrip("#").strip()).lower()
                names.add(re.sub(r"[^\w\- ]", "", heading).replace(" ", "-"))
        return names


def pages():
    """README.md, all of docs/ and the notes next to the plugins."""
    root = etl.REPOSITORY
    found = [root / "README.md", *(root / "docs").rglob("*.md"), *(root / "plugins").glob("*/*.md")]
    return [Page(path) for path in sorted(found)]
