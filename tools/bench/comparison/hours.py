"""Hour files to load, generated once and kept."""

import datetime
import pathlib
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
# Files from before Spark contain no quoting, so every program reads the same titles.
START = datetime.datetime(2016, 9, 1, tzinfo=datetime.timezone.utc)


class Hours:
    """`count` hour files of `rows` rows each, in their own folder."""

    def __init__(self, folder, rows, count):
        self.folder, self.rows, self.count = pathlib.Path(folder) / f"rows-{rows}", rows, count
        labels = [START + datetime.timedelta(hours=i + 1) for i in range(count)]
        self.files = [self.folder / f"{label:%Y/%Y-%m}" / f"pageviews-{label:%Y%m%d-%H}0000.gz" for label in labels]

    def make(self):
        if all(path.exists() for path in self.files):
            return self
        print(f"making {self.count} hours of {self.rows:,} rows", file=sys.stderr)
        subprocess.run([sys.executable, REPOSITORY / "tools/make_hours.py", "--out", self.folder, "--start",
                        START.isoformat(), "--hours", str(self.count), "--rows", str(self.rows), "--keep"],
                       check=True, stdout=subprocess.DEVNULL)
        return self

    def first(self, count):
        return Hours(self.folder.parent, self.rows, count)

    @property
    def all_rows(self):
        return self.rows * self.count

    def __str__(self):
        hours = "one hour" if self.count == 1 else f"{self.count} hours"
        rows = f"{self.rows / 1e6:g} M" if self.rows >= 100000 else f"{self.rows / 1e3:g} k"
        return f"{hours} of {rows} rows"
