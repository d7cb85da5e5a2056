"""Blocks every writer of a PostgreSQL table."""

import subprocess

from support import etl


class Lock:
    """Locks a table, so that every task waits in the middle of writing until it is released."""

    def __init__(self, database):
        self.session = subprocess.Popen([etl.tool("psql"), database.dsn, "-XqAt"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.session.stdin.write("BEGIN; LOCK TABLE pageviews IN EXCLUSIVE MODE; SELECT 'locked';\n")
        self.session.stdin.flush()
        assert self.session.stdout.readline() == "locked\n"

    def release(self):
        if self.session.poll() is None:
            self.session.communicate("COMMIT;\n")


def waiting(database):
    """Number of writers waiting for the table."""
    return int(database.query("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'pageviews'::regclass")[0][0])
