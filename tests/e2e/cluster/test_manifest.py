"""Validates the Kubernetes manifest against the published schema: the npm package kubernetes-models contains
validators generated from Kubernetes' OpenAPI document. It is not run on a cluster."""

import copy
import json
import subprocess
import unittest

from support import etl
from support.case import START, EtlCase, Postgres, hour_files, moment, toml
from support.folders import temporary_folder

PACKAGE = "kubernetes-models@5.1.0"
CHECK = """
import { Job } from "kubernetes-models/batch/v1";
import { ConfigMap } from "kubernetes-models/v1";

let text = "";
for await (const part of process.stdin) text += part;
for (const item of JSON.parse(text).items) {
  try {
    new { Job, ConfigMap }[item.kind](item).validate();
  } catch (error) {
    console.log(`${item.kind}: ${error.message}`);
    process.exitCode = 1;
  }
}
"""


class Manifest(EtlCase):
    @classmethod
    def setUpClass(cls):
        cls.npm = temporary_folder(cls.addClassCleanup)
        cls.unavailable = ""
        try:
            done = subprocess.run([etl.tool("npm"), "install", "--prefix", cls.npm, "--ignore-scripts", "--no-audit",
                                   "--no-fund", "--fetch-retries=0", PACKAGE], capture_output=True, text=True,
                                  stdin=subprocess.DEVNULL, timeout=120)
            cls.unavailable = done.stderr[-500:] if done.returncode != 0 else ""
        except (FileNotFoundError, subprocess.TimeoutExpired) as error:
            cls.unavailable = str(error)
        (cls.npm / "check.mjs").write_text(CHECK)

    def setUp(self):
        super().setUp()
        if self.unavailable:
            etl.skip_aloud(self, f"npm cannot fetch {PACKAGE}: {self.unavailable}")
        path = self.folder / "pipeline.toml"
        path.write_text(toml({
            "name": "Odd name: é 'x'", "run": {"workers": 3},
            "sources": {"pageviews": {"plugin": "wikipedia_pageviews", "start": moment(START), "hours": 3,
                                      "base_url": f"file://{hour_files(100, 3)}"}},
            "sinks": {"db": Postgres().sink(input="pageviews")}}))
        result = etl.run("submit", path, "--engine", "kubernetes", "--image", "example.org/etl:1", "--tasks", "3", "--dry-run",
                         cwd=self.folder)
        self.assertEqual(etl.OK, result.code, str(result))
        self.manifest = result.json

    def check(self, manifest):
        return subprocess.run([etl.tool("node"), self.npm / "check.mjs"], input=json.dumps(manifest), capture_output=True,
                              text=True, timeout=60)

    def test_it_fits(self):
        self.assertEqual(["ConfigMap", "Job"], [item["kind"] for item in self.manifest["items"]])
        done = self.check(self.manifest)
        self.assertEqual((0, ""), (done.returncode, done.stdout + done.stderr))

    def test_the_schema_refuses_what_does_not_fit(self):
        """Proves that the validator rejects an invalid manifest."""
        def spoiled(change):
            manifest = copy.deepcopy(self.manifest)
            change(manifest["items"][1]["spec"])
            return manifest
        for change, text in ((lambda spec: spec.update(completions="three"), "completions"),
                             (lambda spec: spec.pop("template"), "template"),
                             (lambda spec: spec["podFailurePolicy"]["rules"][0].pop("action"), "action"),
                             (lambda spec: spec["template"]["spec"]["containers"][0].pop("name"), "name")):
            done = self.check(spoiled(change))
            self.assertEqual(1, done.returncode, done.stdout + done.stderr)
            self.assertIn(text, done.stdout)


if __name__ == "__main__":
    unittest.main()
