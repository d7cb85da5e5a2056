"""A network partition on a real Slurm whose nodes are separate hosts, in network namespaces."""

import unittest

from e2e.cluster import test_slurm
from support import etl, netns
from support.database_lock import waiting


class Partitioned(test_slurm.SlurmCase):
    def network(self):
        try:
            self.hosts = netns.Network(3)
        except netns.Unavailable as error:
            etl.skip_aloud(self, f"no network namespaces here: {error}")
        self.addCleanup(self.hosts.close)
        return self.hosts

    def test_two_complete_runs_of_one_task(self):
        """A node that the controller cannot reach keeps working while another node gets its task."""
        lock = self.prepared()
        with self.submit("--wait") as running:
            etl.wait_for(lambda: waiting(self.database) == 3, "three writers")
            self.hosts.cut_off(1)
            etl.wait_for(lambda: waiting(self.database) == 4, "the lost task's second run")
            lock.release()
            result = running.wait(100)
        self.assertEqual(etl.OK, result.code, str(result))
        self.assert_summary(result, done=test_slurm.HOURS - 1, skipped=1)
        restarts = {task: restarts for task, (_, _, restarts) in
                    self.cluster.tasks(result.json["run_id"].partition("-")[2]).items()}
        task, = [task for task, count in restarts.items() if count > 0]
        log = self.folder / f"job1/task-{task}.log"
        etl.wait_for(lambda: log.read_text().count('pipeline "cluster": ok') == 2, f"two complete runs in {log}")
        self.assertIn("restart 0", log.read_text())
        self.assertIn("restart 1", log.read_text())
        self.assert_whole()
        self.hosts.heal(1)
        etl.wait_for(lambda: self.cluster.idle() == set(self.cluster.nodes), "the node's return")
        self.assert_whole()


if __name__ == "__main__":
    unittest.main()
