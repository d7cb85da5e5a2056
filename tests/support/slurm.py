"""The test's own real Slurm: munge, a controller and some nodes on loopback, in one folder."""

import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from support.etl import tool, wait_for

CONFIGURATION = """\
ClusterName=etltest
SlurmctldHost={host}({addresses[0]})
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/run/munge.sock,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd.%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
MailProg=/bin/true
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
ReturnToService=2
SlurmdTimeout=5
MessageTimeout=5
KillWait=2
MinJobAge=600
{settings}
{nodes}
PartitionName=etl Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class Unavailable(Exception):
    """Slurm cannot be started here, for the reason in the message."""


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _alive(pid):
    """True if a process runs; a zombie does not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _parent(pid):
    try:
        return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _command(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def kill_all(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


class Slurm:
    """`with Slurm() as cluster:`. Commands find it by cluster.environment."""

    def __init__(self, nodes=3, cpus=2, settings="", network=None):
        """`settings`: additional lines of slurm.conf. `network`: a Network, if the nodes are not on loopback."""
        self.network = network
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="etlslurm"))
        self.nodes = [f"n{i + 1}" for i in range(nodes)]
        self.configuration = self.folder / "slurm.conf"
        self.environment = {"SLURM_CONF": str(self.configuration)}
        try:
            self.programs = {name: tool(name) for name in
                             ("munged", "slurmctld", "slurmd", "sinfo", "squeue", "sbatch", "scancel", "scontrol")}
        except FileNotFoundError as error:
            raise Unavailable(str(error)) from None
        ports = _free_ports(nodes + 1)
        host = socket.gethostname().partition(".")[0]
        addresses = network.addresses if network else ["127.0.0.1"] * (nodes + 1)
        lines = [f"NodeName={name} NodeHostname={host} NodeAddr={addresses[i + 1]} Port={ports[i + 1]} CPUs={cpus} "
                 "RealMemory=2000" for i, name in enumerate(self.nodes)]
        self.configuration.write_text(CONFIGURATION.format(
            host=host, user=pwd.getpwuid(os.getuid()).pw_name, folder=self.folder, ports=ports, nodes="\n".join(lines),
            addresses=addresses, settings=settings))

    def _run(self, program, *arguments):
        done = subprocess.run([self.programs[program], *map(str, arguments)], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, env={**os.environ, **self.environment}, timeout=60)
        if done.returncode != 0:
            raise RuntimeError(f"{program} {arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    def start(self):
        for name in ("state", "log", "run", "spool"):
            (self.folder / name).mkdir()
        self.folder.chmod(0o755)
        (self.folder / "log").chmod(0o700)
        key = self.folder / "key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        force = ["--force"] if os.getuid() == 0 else []
        try:
            self._run("munged", *force, f"--key-file={key}", f"--socket={self.folder}/run/munge.sock",
                      f"--pid-file={self.folder}/run/munged.pid", f"--log-file={self.folder}/log/munged.log",
                      f"--seed-file={self.folder}/log/seed")
            self.start_controller("-c")
            for node in self.nodes:
                self.start_node(node)
            wait_for(lambda: self.idle() == set(self.nodes), "all nodes idle", 15)
        except (RuntimeError, AssertionError, subprocess.TimeoutExpired) as error:
            logs = "".join(f"\n{path.name}: " + path.read_text(errors="replace")[-600:]
                           for path in (self.folder / "log").glob("*.log"))
            self.stop()
            raise Unavailable(f"{error}{logs}") from None
        return self

    def start_controller(self, *arguments):
        self._run("slurmctld", *arguments)

    def start_node(self, node):
        (self.folder / "spool" / node).mkdir(exist_ok=True)
        if self.network is None:
            self._run("slurmd", "-N", node)
            return
        namespace = self.network.namespace(self.nodes.index(node))
        done = subprocess.run([tool("nsenter"), f"--net={namespace}", self.programs["slurmd"], "-N", node],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
                              env={**os.environ, **self.environment})
        if done.returncode != 0:
            raise RuntimeError(f"slurmd -N {node}: {done.stdout}{done.stderr}")

    def pid(self, name):
        """Of `munged`, `slurmctld` or `slurmd.NODE`."""
        try:
            return int((self.folder / "run" / f"{name}.pid").read_text())
        except (OSError, ValueError):
            return None

    def idle(self):
        return set(self._run("sinfo", "-h", "-N", "-t", "idle", "-o", "%N").split())

    def tasks(self, job):
        """{task: (state, node, restarts)} of a job array."""
        lines = self._run("squeue", "-h", "-r", "-t", "all", "-j", job, "-O", "ArrayTaskID:20,State:20,NodeList:20,RestartCnt:10")
        found = {}
        for line in lines.splitlines():
            fields = [line[:20].strip(), line[20:40].strip(), line[40:60].strip(), line[60:].strip()]
            found[int(fields[0])] = (fields[1], fields[2], int(fields[3] or 0))
        return found

    def cancel(self, job):
        self._run("scancel", job)

    def kill(self, pid):
        """Sends SIGKILL to a single process."""
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not _alive(pid), f"the end of process {pid}", 10)

    def steps(self, node):
        """All processes of a node's jobs, including their slurmstepd."""
        found = set()
        for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
            pid = int(path.parent.name)
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:
                continue
            if {f"SLURM_CONF={self.configuration}".encode(), f"SLURMD_NODENAME={node}".encode()} <= set(words):
                found.add(pid)
                keeper = _parent(pid)
                if _command(keeper).startswith("slurmstepd"):
                    found.add(keeper)
        return found

    def crash(self, node):
        """Kills the node's daemon and everything it runs."""
        kill_all({self.pid(f"slurmd.{node}"), *self.steps(node)})

    def stop(self):
        pids = [self.pid(name) for name in ("slurmctld", *[f"slurmd.{node}" for node in self.nodes], "munged")]
        kill_all({*filter(None, pids), *[pid for node in self.nodes for pid in self.steps(node)]})
        end = time.monotonic() + 10
        while any(map(_alive, filter(None, pids))) and time.monotonic() < end:
            time.sleep(0.05)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
