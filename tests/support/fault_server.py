#!/usr/bin/env python3
"""An HTTP file server that misbehaves on request, for tests of downloads.

As a program (prints ``PORT n`` and serves until SIGTERM, SIGINT or, with --until-eof, the end of its
standard input):

    fault_server.py FOLDER [--script FILE.json] [--tls CERT KEY] [--until-eof]

As a class, inside a test's own process:

    with FaultServer(folder, script={"rules": [{"path": "/a.gz", "times": 2, "status": 503}]}) as server:
        fetch(server.url + "/a.gz")
        assert len(server.log()["requests"]) == 3

Without a script it is a well-behaved static server for FOLDER: Content-Length, a strong ETag computed
from the content, Last-Modified, ranges with If-Range, keep-alive. A script changes that:

    {"rules": [RULE, ...]}       the first rule that matches a request determines the response

Conditions of a RULE (all given ones must hold):
    path             prefix of the path; default "/", every path
    nth              only the n-th request for that exact path, counted from 1
    request          only the n-th request of all, counted from 1
    times            only the first N requests that match the conditions above
Responses (all optional; they combine):
    status           this status instead of the file, with `body` (default: the status and its name)
    headers          {name: value} to add to the response, or to replace the server's own header;
                     null removes the header
    body             text to send instead of the file
    file             serve this file of FOLDER instead of the one named by the path
    html             true: send an HTML page with status 200 instead of the file
    redirect         Location to send, with status 302 unless `status` is given
    etag             this ETag instead of the content's own; null = none
    last_modified    this Last-Modified instead of the file's own; null = none
    ranges           false: ignore Range and do not offer it
    if_range         false: ignore If-Range, so that a Range always applies
    content_range    this Content-Range instead of the correct one
    content_length   this Content-Length, correct or not; null = none: the body ends with the connection
    chunked          true: Transfer-Encoding: chunked
    delay            seconds to wait before the response
    pause            seconds to wait between its headers and its body
    cut              close the connection after this many bytes of the body
    reset            the same with a TCP reset; 0 resets before the status line
    stall            stop sending after this many bytes of the body, with the connection open, until
                     the client disconnects or the server stops
    hold             stop sending after this many bytes of the body, until POST /__release__
    rate             bytes of body per second

Control: POST /__script__ (the JSON above; also forgets the counts of requests), POST /__release__ (continues
what is held, and holds nothing any more), POST /__reset__ (forgets script and log), GET /__log__:

    {"requests": [{"number", "method", "path", "headers" (names in lower case), "time", "connection",
                   "in_progress" (requests in progress when this one arrived, including itself),
                   "status", "etag", "sent" (bytes of body), "done"}],
     "connections": total number, "max_open": maximum open at once,
     "max_in_progress": maximum number of requests in progress at once}

Control requests and their connections are not counted. Standard library only.
"""

import argparse
import datetime
import email.utils
import hashlib
import http
import http.server
import json
import os
import re
import signal
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time
import urllib.parse

_PIECE = 16 * 1024
_HTML = b"<!DOCTYPE html>\n<html><body><h1>This is a page, not a file</h1></body></html>\n"


_CONDITIONS = {"path", "nth", "request", "times"}
_EFFECTS = {
    "status", "headers", "body", "file", "html", "redirect", "etag", "last_modified", "ranges",
    "if_range", "content_range", "content_length", "chunked", "delay", "pause", "cut", "reset", "stall",
    "hold", "rate",
}


def check_script(script):
    """Raises ValueError if `script` is invalid: a misspelt rule would test nothing."""
    if not isinstance(script, dict) or set(script) - {"rules"}:
        raise ValueError('a script is {"rules": [...]}')
    rules = script.get("rules", [])
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise ValueError("rules are a list of objects")
    for rule in rules:
        unknown = set(rule) - _CONDITIONS - _EFFECTS
        if unknown:
            raise ValueError("unknown in a rule: %s" % ", ".join(sorted(unknown)))


class _Cut(Exception):
    """The script ends the connection here."""

    def __init__(self, reset):
        super().__init__("cut")
        self.reset = reset


class _Record:
    """State of the server: requests, connections, number of uses of each rule. Thread-safe."""

    def __init__(self):
        self._lock = threading.Lock()
        self.reset({})

    def reset(self, script):
        """Forgets every request and installs `script`."""
        check_script(script)
        with self._lock:
            self._rules = list(script.get("rules", []))
            self._used = [0] * len(self._rules)
            self._by_path = {}
            self._requests = []
            self._in_progress = 0
            self._max_in_progress = 0
            self._connections = 0
            self._open = set()
            self._max_open = 0

    def rescript(self, script):
        """Keeps the log, replaces the rules, counts requests from 1 again for `nth` and `times`."""
        check_script(script)
        with self._lock:
            self._rules = list(script.get("rules", []))
            self._used = [0] * len(self._rules)
            self._by_path = {}

    def begin(self, method, path, headers, connection):
        """Records a request; returns its log entry and the rule that matches it."""
        with self._lock:
            if connection not in self._open:
                self._open.add(connection)
                self._connections += 1
                self._max_open = max(self._max_open, len(self._open))
            self._in_progress += 1
            self._max_in_progress = max(self._max_in_progress, self._in_progress)
            self._by_path[path] = self._by_path.get(path, 0) + 1
            entry = {
                "number": len(self._requests) + 1,
                "method": method,
                "path": path,
                "headers": headers,
                "time": time.time(),
                "connection": connection,
                "in_progress": self._in_progress,
                "status": None,
                "etag": None,
                "sent": 0,
                "done": False,
                "counted": True,
            }
            self._requests.append(entry)
            return entry, self._match(entry)

    def ending(self, entry):
        """Called before the last bytes of a response are sent, since the client may send its next request right away."""
        with self._lock:
            if entry.pop("counted", False) and any(entry is known for known in self._requests):
                self._in_progress -= 1

    def end(self, entry):
        """The request has been answered or abandoned."""
        self.ending(entry)
        with self._lock:
            entry["done"] = True

    def closed(self, connection):
        """The connection has been closed."""
        with self._lock:
            self._open.discard(connection)

    def log(self):
        """The JSON of GET /__log__."""
        with self._lock:
            return {
                "requests": [{key: value for key, value in entry.items() if key != "counted"}
                             for entry in self._requests],
                "connections": self._connections,
                "max_open": self._max_open,
                "max_in_progress": self._max_in_progress,
            }

    def used(self):
        """Number of requests that each rule has answered."""
        with self._lock:
            return list(self._used)

    def _match(self, entry):
        for number, rule in enumerate(self._rules):
            if not entry["path"].startswith(rule.get("path", "/")):
                continue
            if rule.get("nth", self._by_path[entry["path"]]) != self._by_path[entry["path"]]:
                continue
            if rule.get("request", entry["number"]) != entry["number"]:
                continue
            if self._used[number] >= rule.get("times", sys.maxsize):
                continue
            self._used[number] += 1
            return rule
        return {}


class _Answer:
    """Status, headers and body of a response: those of a correct server, modified by a rule."""

    def __init__(self, status, body, headers):
        self.status = status
        self.body = body
        self.headers = headers

    def bend(self, rule):
        """Applies the rule's headers and length."""
        if "content_range" in rule and self.status == 206:
            self.headers["Content-Range"] = rule["content_range"]
        if rule.get("chunked"):
            self.headers.pop("Content-Length", None)
            self.headers["Transfer-Encoding"] = "chunked"
        elif "content_length" in rule:
            self.headers["Content-Length"] = rule["content_length"]
            if rule["content_length"] != len(self.body):
                self.headers["Connection"] = "close"
        for name, value in rule.get("headers", {}).items():
            for known in [known for known in self.headers if known.lower() == name.lower()]:
                del self.headers[known]
            self.headers[name] = value
        return self


def _plain(status, body, kind="text/plain"):
    return _Answer(status, body, {"Content-Type": kind, "Content-Length": len(body)})


def _range_start(header, size):
    """(first, last) of a `bytes=` range with one interval, None if there is no usable range, or
    (size, size) if it cannot be satisfied."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", header or "")
    if not found or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if first == "":
        return max(0, size - int(last)), size - 1
    if int(first) >= size:
        return size, size
    return int(first), min(int(last), size - 1) if last else size - 1


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    # -- connection ---------------------------------------------------------------------------

    def setup(self):
        self._connection_number = self.server.next_connection()
        if self.server.tls is not None:  # here, so that a failed handshake ends only one thread
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self):
        self.server.record.closed(self._connection_number)
        try:
            super().finish()
            self.connection.close()
        except OSError:
            pass

    def log_message(self, *_):
        """Logs nothing to stderr; /__log__ returns the log."""

    # -- requests -----------------------------------------------------------------------------

    def do_GET(self):
        if self.path == "/__log__":
            self._control(self.server.record.log())
        else:
            self._answer_request()

    def do_HEAD(self):
        self._answer_request()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/__script__":
            try:
                self.server.record.rescript(json.loads(body))
            except ValueError as error:
                self.send_error(400, str(error))
                return
        elif self.path == "/__release__":
            self.server.released.set()
        elif self.path == "/__reset__":
            self.server.record.reset({})
        else:
            self.send_error(405)
            return
        self._control({"ok": True})

    def _control(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def _answer_request(self):
        headers = {name.lower(): value for name, value in self.headers.items()}
        entry, rule = self.server.record.begin(self.command, self.path, headers, self._connection_number)
        try:
            if rule.get("delay"):
                self.server.stopping.wait(rule["delay"])
            if rule.get("reset") == 0:
                raise _Cut(reset=True)
            answer = self._compose(rule).bend(rule)
            entry["status"] = answer.status
            entry["etag"] = answer.headers.get("ETag")
            self._send(answer, rule, entry)
        except _Cut as cut:
            self._hang_up(cut.reset)
        except OSError:  # the client has disconnected
            self.close_connection = True
        finally:
            self.server.record.end(entry)

    def _compose(self, rule):
        if "redirect" in rule:
            answer = _plain(rule.get("status", 302), b"moved\n")
            answer.headers["Location"] = rule["redirect"]
            return answer
        if rule.get("html"):
            return _plain(200, _HTML, "text/html; charset=utf-8")
        if "status" in rule or "body" in rule:
            status = rule.get("status", 200)
            text = rule.get("body")
            if text is None:
                text = "%d %s\n" % (status, http.HTTPStatus(status).phrase)
            return _plain(status, text.encode())
        path = self.server.locate(rule.get("file", self.path))
        if path is None:
            return _plain(404, b"no such file\n")
        return self._compose_file(path, rule)

    def _compose_file(self, path, rule):
        with open(path, "rb") as file:
            content = file.read()
        modified = email.utils.formatdate(os.path.getmtime(path), usegmt=True)
        headers = {
            "Content-Type": "application/gzip",
            "ETag": rule.get("etag", '"%s"' % hashlib.sha256(content).hexdigest()[:16]),
            "Last-Modified": rule.get("last_modified", modified),
            "Accept-Ranges": "bytes",
            "Content-Length": len(content),
        }
        if rule.get("ranges", True) is False:
            del headers["Accept-Ranges"]
            return _Answer(200, content, headers)
        wanted = _range_start(self.headers.get("Range"), len(content))
        condition = self.headers.get("If-Range")
        if condition is not None and rule.get("if_range", True):
            if condition not in (headers["ETag"], headers["Last-Modified"]):
                wanted = None
        if wanted is None:
            return _Answer(200, content, headers)
        first, last = wanted
        if first >= len(content):
            answer = _plain(416, b"")
            answer.headers["Content-Range"] = "bytes */%d" % len(content)
            return answer
        headers["Content-Range"] = "bytes %d-%d/%d" % (first, last, len(content))
        headers["Content-Length"] = last + 1 - first
        return _Answer(206, content[first : last + 1], headers)

    # -- sending ------------------------------------------------------------------------------

    def _send(self, answer, rule, entry):
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if value is not None:
                self.send_header(name, str(value))
        if answer.headers.get("Content-Length") is None and not rule.get("chunked"):
            self.send_header("Connection", "close")
            self.close_connection = True
        if self.command == "HEAD" or answer.status == 304 or not answer.body:
            self.server.record.ending(entry)
        self.end_headers()
        if self.command == "HEAD" or answer.status == 304:
            return
        if rule.get("pause"):
            self.server.stopping.wait(rule["pause"])
        stops = [(rule[kind], kind) for kind in ("cut", "reset", "stall") if kind in rule]
        limit, kind = min(stops) if stops else (None, None)
        body, held = answer.body[:limit], rule.get("hold", 0)
        self._send_body(body[:held], rule, entry, whole=False)
        if "hold" in rule:
            self.wfile.flush()
            self.server.released.wait()
        self._send_body(body[held:], rule, entry, whole=kind is None)
        if kind == "stall":
            self._wait_for_the_end()
        if kind is not None:
            raise _Cut(reset=kind == "reset")
        if rule.get("chunked"):
            self.wfile.write(b"0\r\n\r\n")

    def _send_body(self, body, rule, entry, whole):
        rate = rule.get("rate")
        size = max(1, min(_PIECE, rate // 20)) if rate else _PIECE
        for start in range(0, len(body), size):
            piece = body[start : start + size]
            if whole and start + size >= len(body):
                self.server.record.ending(entry)
            if rule.get("chunked"):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            else:
                self.wfile.write(piece)
            entry["sent"] += len(piece)
            if rate and self.server.stopping.wait(len(piece) / rate):
                raise _Cut(reset=False)

    def _wait_for_the_end(self):
        self.wfile.flush()
        self.connection.settimeout(0.05)
        while not self.server.stopping.is_set():
            try:
                if self.connection.recv(1024) == b"":
                    return
            except (TimeoutError, ssl.SSLWantReadError):
                continue

    def _hang_up(self, reset):
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        else:
            self.connection.shutdown(socket.SHUT_RDWR)


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, folder, record, tls):
        self.folder = os.path.realpath(folder)
        self.record = record
        self.tls = tls
        self.stopping = threading.Event()
        self.released = threading.Event()
        self._numbers = iter(range(1, sys.maxsize))
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self):
        """Skips the base class's lookup of the host name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def next_connection(self):
        return next(self._numbers)

    def locate(self, path):
        """The file at a path, or None if FOLDER has none."""
        name = urllib.parse.unquote(urllib.parse.urlsplit(path).path).lstrip("/")
        full = os.path.realpath(os.path.join(self.folder, name))
        inside = full.startswith(self.folder + os.sep)
        return full if inside and os.path.isfile(full) else None

    def handle_error(self, request, client_address):
        """Ignores broken connections, which this server exists to cause; reports other errors."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class FaultServer:
    """The server, run by a thread of this process. Use as a context manager, or start() and stop()."""

    def __init__(self, folder, script=None, tls=None):
        """`script` as the module's docstring has it; `tls` = (certificate file, key file)."""
        self._record = _Record()
        self._record.reset(script or {})
        context = None
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
        self._server = _Server(folder, self._record, context)
        self._scheme = "http" if tls is None else "https"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self):
        """The port on 127.0.0.1, chosen by the system."""
        return self._server.server_port

    @property
    def url(self):
        """Base URL, without a trailing slash."""
        return "%s://127.0.0.1:%d" % (self._scheme, self.port)

    def start(self):
        """Starts serving; returns the server."""
        self._thread.start()
        return self

    def stop(self):
        """Stops serving and cuts responses in progress. Returns once the port is closed."""
        self._server.stopping.set()
        self.release()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def script(self, script):
        """Replaces the rules and keeps the log."""
        self._record.rescript(script)

    def release(self):
        """Continues what is held; from now on nothing is held any more."""
        self._server.released.set()

    def reset(self):
        """Forgets rules and log."""
        self._record.reset({})

    def log(self):
        """The result of GET /__log__ as a dict."""
        return self._record.log()

    def used(self):
        """Number of requests that each rule of the script has answered, in the order of the rules."""
        return self._record.used()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def http_date(seconds_from_now):
    """An HTTP-date, for Retry-After and Last-Modified in scripts."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return email.utils.format_datetime(now + datetime.timedelta(seconds=seconds_from_now), usegmt=True)


def main():
    """The program: see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--script", help="JSON file")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    parser.add_argument("--until-eof", action="store_true", help="stop when standard input ends")
    arguments = parser.parse_args()
    script = {}
    if arguments.script:
        with open(arguments.script, encoding="utf-8") as file:
            script = json.load(file)
    # Wait for signals instead of handling them: a handler that sets an event deadlocks if it interrupts the
    # wait for that event. Block them before starting threads, which inherit the mask.
    asked_to_stop = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, asked_to_stop)
    with FaultServer(arguments.folder, script, arguments.tls) as server:
        print("PORT %d" % server.port, flush=True)
        if arguments.until_eof:
            reader = threading.Thread(
                target=lambda: (sys.stdin.buffer.read(), os.kill(os.getpid(), signal.SIGTERM)),
                daemon=True,
            )
            reader.start()
        signal.sigwait(asked_to_stop)


if __name__ == "__main__":
    main()
