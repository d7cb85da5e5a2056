"""taplo, the TOML tool and language server used by editors, from npm. Installed once per build folder."""

import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

from support import etl

PACKAGES = ["@taplo/cli@0.7.0", "@taplo/lsp@0.8.0"]
SERVER = pathlib.Path(__file__).with_name("taplo_server.js")


def skip(reason):
    """etl.skip_aloud() for the running test."""
    print(f"SKIPPED what takes taplo: {reason}", file=sys.stderr)
    raise unittest.SkipTest(reason)


@functools.cache
def modules():
    """The folder node_modules. Skips the test, with the reason, if npm cannot install the packages."""
    if shutil.which("npm") is None:
        skip("there is no npm to install taplo with (apt-get install npm)")
    folder = etl.binary().parents[1] / "npm"
    stamp = folder / ".installed"
    if not stamp.exists() or stamp.read_text().split() != PACKAGES:
        folder.mkdir(exist_ok=True)
        done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", folder, *PACKAGES],
                              capture_output=True, text=True, timeout=240)
        if done.returncode != 0:
            skip(f"npm cannot install {' '.join(PACKAGES)}: {done.stderr.strip()[-300:]}")
        stamp.write_text("\n".join(PACKAGES))
    return folder / "node_modules"


def lint(*files, cwd=None):
    """{file: [message, ...]} from `taplo lint`; each message starts with its line and column."""
    done = subprocess.run([modules() / ".bin/taplo", "lint", *map(str, files)], capture_output=True, text=True, cwd=cwd,
                          env=etl.environment())
    output = done.stdout + done.stderr
    found = {str(file): [] for file in files}
    for message, path, line, column in re.findall(r"^error: (.*)\n +┌─ (.*?):(\d+):(\d+)$", output, re.M):
        found[path].append(f"{line}:{column}: {message}")
    # A failure of taplo itself (such as a schema it does not find) is not a verdict.
    failed = {file for file, messages in found.items() if messages}
    said = set(re.findall(r"invalid file error=.*? path=\"(.*?)\"", output))
    if failed != said or (done.returncode == 0) != (not failed) or "panicked" in output:
        raise AssertionError(f"taplo lint ended with {done.returncode}:\n{output[-4000:]}")
    return found


def editor(file):
    """Completions and explanations of the language server: {"completion": {line: [...]}, "hover": {line: text}}
    for the lines that end with the comments `# complete` and `# hover`."""
    done = subprocess.run(["node", SERVER, file], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "NODE_PATH": str(modules()), "RUST_LOG": "off"})
    if done.returncode != 0:
        raise AssertionError(f"the language server ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout)
