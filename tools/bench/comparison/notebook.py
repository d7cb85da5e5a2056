"""The notebook's way: unzip an hour, keep the lines of a language in a text file, read it with pandas,
append it to a table.

    notebook.py DATABASE CODE FOLDER FILE...
"""

import datetime
import gzip
import os
import sqlite3
import sys

import pandas


def load(connection, code, folder, path):
    name = os.path.join(folder, os.path.basename(path)[:25])
    with gzip.open(path) as packed, open(name, "wb") as plain:
        plain.write(packed.read())
    kept = f"{name}.{code}"
    with open(name, encoding="utf-8", newline="\n") as lines, open(kept, "w", encoding="utf-8") as out:
        for line in lines:
            if line.startswith(code + " "):
                out.write(line)
    frame = pandas.read_csv(kept, sep=" ", header=None, names=["domain_code", "title", "views", "size"],
                            quoting=3, keep_default_na=False, encoding="utf-8")
    label = datetime.datetime.strptime(os.path.basename(path)[:25], "pageviews-%Y%m%d-%H0000")
    frame["hour"] = str(label - datetime.timedelta(hours=1))
    frame[["hour", "domain_code", "title", "views"]].to_sql("pageviews", connection, if_exists="append", index=False)
    os.remove(name)
    os.remove(kept)


def main():
    database, code, folder, *paths = sys.argv[1:]
    connection = sqlite3.connect(database)
    for path in paths:
        load(connection, code, folder, path)
    connection.commit()
    connection.close()


main()
