"""Simulates several hosts on one machine: one network namespace per host, and one that connects them for this process."""

import ctypes
import os
import pathlib
import subprocess

from support.etl import tool

CLONE_NEWNET = 0x40000000


class Unavailable(Exception):
    """Namespaces cannot be created here, for the reason in the message."""


def _ip(*words):
    done = subprocess.run([tool("ip"), *map(str, words)], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise Unavailable(f"ip {' '.join(map(str, words))}: {done.stderr.strip()}")


class Network:
    """`hosts` namespaces connected to a bridge in another one, the hub, which the calling thread and its children enter.
    All share the file system, including unix sockets."""

    def __init__(self, hosts):
        self.hub = f"etl{os.getpid()}"
        self.names = [f"{self.hub}n{i + 1}" for i in range(hosts)]
        self.addresses = [f"10.99.0.{i + 1}" for i in range(hosts + 1)]
        self.before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            if os.getuid() != 0:
                raise Unavailable("only root makes network namespaces")
            self._make()
        except (Unavailable, FileNotFoundError) as error:
            self.close()
            raise Unavailable(str(error)) from None

    def _make(self):
        _ip("netns", "add", self.hub)
        _ip("-n", self.hub, "link", "set", "lo", "up")
        _ip("-n", self.hub, "link", "add", "bridge0", "type", "bridge")
        _ip("-n", self.hub, "address", "add", f"{self.addresses[0]}/24", "dev", "bridge0")
        _ip("-n", self.hub, "link", "set", "bridge0", "up")
        for i, name in enumerate(self.names):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", self.hub, "link", "add", f"port{i}", "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("-n", self.hub, "link", "set", f"port{i}", "master", "bridge0", "up")
            _ip("-n", name, "address", "add", f"{self.addresses[i + 1]}/24", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")
        self._enter(os.open(f"/run/netns/{self.hub}", os.O_RDONLY))

    @staticmethod
    def _enter(descriptor):
        libc = ctypes.CDLL(None, use_errno=True)
        failed = libc.setns(descriptor, CLONE_NEWNET)
        code = ctypes.get_errno()
        os.close(descriptor)
        if failed:
            raise Unavailable(f"setns: {os.strerror(code)}")

    def namespace(self, host):
        return pathlib.Path("/run/netns") / self.names[host]

    def cut_off(self, host):
        _ip("-n", self.names[host], "link", "set", "eth0", "down")

    def heal(self, host):
        _ip("-n", self.names[host], "link", "set", "eth0", "up")

    def close(self):
        """No process may be left in the namespaces."""
        self._enter(self.before)
        for name in (*self.names, self.hub):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)
