"""Tests completions in the shells themselves."""

import os
import pty
import re
import select
import subprocess
import time
import unittest

from dist.tree import TreeCase
from support import etl

STAGES = {"language", "postgres", "sqlite", "wikipedia_pageviews"}


class Shell(TreeCase):
    def setUp(self):
        super().setUp()
        self.env = etl.environment({"PATH": f"{self.prefix}/bin:{os.environ['PATH']}", "HOME": self.folder,
                                    "XDG_DATA_HOME": self.folder, "TERM": "dumb"})
        (self.folder / "one.toml").write_text("")
        (self.folder / "two.txt").write_text("")
        (self.folder / "folder").mkdir()

    def verbs(self):
        return set(re.findall(r"^  ([a-z]+) ", self.ok("etl", "--help").split("Verbs:")[1], re.M))

    def check(self, complete):
        self.assertEqual(self.verbs(), complete("etl "))
        self.assertEqual({"plan", "plugins", "preview"}, complete("etl p"))
        self.assertEqual({"plugin", "pipeline"}, complete("etl new "))
        self.assertEqual({"source", "filter", "sink"}, complete("etl new plugin x --kind "))
        self.assertEqual({"text", "mermaid", "dot", "json"}, complete("etl graph --format "))
        self.assertEqual({"text", "json"}, complete("etl run --format "))
        self.assertEqual({"--reload", "--report"}, complete("etl run --re"))
        self.assertEqual(STAGES, complete("etl describe "))
        self.assertEqual({"wikipedia_pageviews"}, complete("etl describe wiki"))
        self.assertIn("one.toml", complete("etl run "))
        self.assertNotIn("two.txt", complete("etl run "))
        self.assertEqual({"folder"}, complete("etl run --plugin-dir fol"))
        self.assertEqual(set(), complete("etl run --limit "))


class Bash(Shell):
    def complete(self, line):
        words = line.split(" ")
        script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _etl; printf "%s\\n" "${COMPREPLY[@]}"')
        path = self.prefix / "share/bash-completion/completions/etl"
        done = subprocess.run(["bash", "--norc", "-c", script, "bash", path, *words], cwd=self.folder, env=self.env,
                              capture_output=True, text=True, check=True)
        self.assertEqual("", done.stderr)
        return set(done.stdout.split())

    def test_completions(self):
        self.check(self.complete)

    def test_shellcheck_finds_nothing(self):
        path = self.prefix / "share/bash-completion/completions/etl"
        self.ok(etl.tool("shellcheck"), "--shell=bash", path)


class Fish(Shell):
    def complete(self, line):
        folder = self.prefix / "share/fish/vendor_completions.d"
        done = subprocess.run([etl.tool("fish"), "--no-config", "-c", f"source {folder}/etl.fish; complete -C {line!r}"],
                              cwd=self.folder, env=self.env, capture_output=True, text=True, check=True)
        self.assertEqual("", done.stderr)
        return {found.split("\t")[0].rstrip("/") for found in done.stdout.splitlines()}

    def test_completions(self):
        self.check(self.complete)


class Zsh(Shell):
    """zsh completes only in its line editor, so it runs in a terminal."""

    def setUp(self):
        super().setUp()
        self.process, self.terminal = self.start()
        self.addCleanup(os.close, self.terminal)
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)

    def start(self):
        ours, theirs = pty.openpty()
        process = subprocess.Popen([etl.tool("zsh"), "-f", "-i"], stdin=theirs, stdout=theirs, stderr=theirs,
                                   cwd=self.folder, env=self.env, start_new_session=True)
        os.close(theirs)
        return process, ours

    def send(self, text):
        os.write(self.terminal, text.encode())

    def until(self, text, timeout=60):
        """The terminal's output up to a given text."""
        seen, end = "", time.monotonic() + timeout
        while text not in seen:
            ready, _, _ = select.select([self.terminal], [], [], max(0, end - time.monotonic()))
            self.assertTrue(ready, f"zsh did not show {text!r} but {seen!r}")
            seen += os.read(self.terminal, 65536).decode(errors="replace")
        return seen

    def complete(self, line):
        """All completions that the completion system offers after a TAB."""
        self.send(f"\x15{line}\x18\x07")  # Ctrl-U, the line, then the widget bound below
        shown = self.until("<end>")
        return set(re.search(r"<begin>(.*)<end>", shown.replace("\r", " ").replace("\n", " "))[1].split())

    def test_completions(self):
        functions = self.prefix / "share/zsh/site-functions"
        (self.folder / "rc").write_text(f"""
fpath=({functions} $fpath)
PROMPT='' RPROMPT=''
unsetopt zle_bracketed_paste 2>/dev/null
autoload -U compinit && compinit -u -D
# Collects the completions instead of showing them.
typeset -ga offered
compadd() {{
  if [[ ${{@[1,(i)(-|--)]}} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return; fi
  local -a words
  builtin compadd -O words "$@"
  offered+=("${{words[@]}}")
  builtin compadd "$@"
}}
collect() {{ offered=(); _main_complete; compstate[insert]='' compstate[list]='' }}
zle -C collect complete-word collect
show() {{ zle collect; print -rn -- "<begin>${{(u)offered[*]}}<en""d>" }}
zle -N show
bindkey '^X^G' show
print -n rea; print dy
""")
        self.send("source ./rc\n")
        self.until("ready")
        self.check(self.complete)


if __name__ == "__main__":
    unittest.main()
