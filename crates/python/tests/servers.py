"""Servers for tests: one that answers ranges, a proxy that fails on demand, nginx, and moto's S3."""

import contextlib
import hashlib
import http.client
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Clients open many connections at once.
    request_queue_size = 256

    def handle_error(self, request, client_address):
        """Clients may go when they please."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body in one packet each would wait for one another.
    disable_nagle_algorithm = True

    def log_message(self, *arguments):
        pass

    def answer(self, status, headers, body=b"", length=None):
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextlib.contextmanager
def serving(handler, **attributes):
    """Runs a server on a port of its own, and yields it."""
    server = _Server(("127.0.0.1", 0), type("Handler", (handler,), attributes))
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class RangeServer(_Handler):
    """Serves `files`, bytes by path, with ranges, ETags and conditions.

    Those in `/private` are for `user` with the password `PASS:WORD`, and those in `/secret` for nobody.
    """

    files: dict

    def do_GET(self):
        path = urllib.request.unquote(self.path.partition("?")[0])
        if path.startswith("/secret/"):
            return self.answer(403, {}, b"<Code>AccessDenied</Code>")
        if path.startswith("/private/") and self.headers.get("Authorization") != "Basic dXNlcjpQQVNTOldPUkQ=":
            return self.answer(401, {"WWW-Authenticate": "Basic"})
        if path not in self.files:
            return self.answer(404, {}, b"nothing here")
        body = self.files[path]
        tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        headers = {"ETag": tag, "Accept-Ranges": "bytes", "Last-Modified": "Sat, 28 Nov 2026 10:00:00 GMT"}
        if self.headers.get("If-Match", tag) != tag:
            return self.answer(412, headers)
        found = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if found is None:
            return self.answer(200, headers, body, len(body))
        start, end = found.groups()
        start, end = (int(start), min(int(end or 10**18) + 1, len(body))) if start else (max(len(body) - int(end), 0), len(body))
        if start >= len(body):
            return self.answer(416, {**headers, "Content-Range": f"bytes */{len(body)}"})
        return self.answer(206, {**headers, "Content-Range": f"bytes {start}-{end - 1}/{len(body)}"}, body[start:end])

    do_HEAD = do_GET


class Faults:
    """What a proxy does wrong: each fault spoils one request for a file's bytes, the next one; `always` all of them."""

    def __init__(self):
        self.next, self.always, self.seen, self.lock = [], None, [], threading.Lock()
        # The most requests that were answered at the same time.
        self.now = self.most = 0
        self.ignores_conditions = False

    def take(self, request):
        with self.lock:
            self.seen.append(request)
            return self.next.pop(0) if self.next else self.always


class FaultProxy(_Handler):
    """Passes requests on to the server at `host`, and spoils answers as `faults` says.

    Faults are `("delay", seconds)`, `("status", number)`, `("reset", bytes)` and `("cut", bytes)`, after which the connection breaks
    or closes, `("short",)`, for an answer that lacks its last byte and says so, `("shifted",)`, for one of another place, `("lost",)`,
    for one that is lost after the request was carried out, and `("hang",)`.
    """

    host: str
    faults: Faults

    def do_GET(self):
        fault = self.faults.take((self.command, self.path, self.headers.get("Range"))) or ("none",)
        with self.faults.lock:
            self.faults.now += 1
            self.faults.most = max(self.faults.most, self.faults.now)
        self.is_counted = True
        try:
            self.spoil(*fault)
        finally:
            self.leave()

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

    def leave(self):
        """Counts the request as answered: a client that has the answer may make the next one at once."""
        with self.faults.lock:
            self.faults.now -= self.is_counted
        self.is_counted = False

    def spoil(self, fault, number=0):
        if fault == "delay":
            time.sleep(number)
        if fault == "hang":
            time.sleep(20)
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if fault == "status":
            return self.answer(number, {}, b"<Error><Code>SlowDown</Code></Error>" if number == 503 else b"")
        status, headers, body = self.passed_on(content, shifted=fault == "shifted")
        if fault == "lost":
            return self.end(reset=True)
        if fault == "short" and "Content-Range" in headers:
            end = int(re.search(r"-(\d+)/", headers["Content-Range"])[1])
            headers["Content-Range"] = headers["Content-Range"].replace(f"-{end}/", f"-{end - 1}/")
            body = body[:-1]
        if fault in ("reset", "cut"):
            length, body = len(body), body[:number]
            if number:
                self.answer(status, headers, body, length)
                self.wfile.flush()
            return self.end(reset=fault == "reset")
        self.answer(status, headers, body, None if self.command != "HEAD" else headers.pop("length", None))

    def end(self, reset):
        """Closes the connection, or breaks it."""
        self.leave()
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        else:
            self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def passed_on(self, content, shifted):
        # The host is that of the client's signature.
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        if self.faults.ignores_conditions:
            headers = {name: value for name, value in headers.items() if name.lower() not in ("if-match", "if-none-match")}
        if shifted and (found := re.fullmatch(r"bytes=(\d+)-(\d+)", headers.get("range", headers.get("Range", "")))):
            start, end = int(found[1]), int(found[2])
            headers.pop("range", None)
            headers["Range"] = f"bytes={start + 1}-{end + 1}"
        connection = http.client.HTTPConnection(self.host, timeout=10)
        try:
            connection.request(self.command, self.path, content, headers)
            reply = connection.getresponse()
            body = reply.read()
            kept = {name.title(): value for name, value in reply.getheaders()}
            kept.pop("Connection", None), kept.pop("Transfer-Encoding", None)
            length = kept.pop("Content-Length", None)
            if self.command == "HEAD":
                kept["length"] = length
            return reply.status, kept, body
        finally:
            connection.close()

    def answer(self, status, headers, body=b"", length=None):
        self.leave()
        length = headers.pop("length", length)
        super().answer(status, headers, body, length)


@contextlib.contextmanager
def faulty(url):
    """Runs a proxy before a server, and yields its URL and its faults."""
    faults = Faults()
    with serving(FaultProxy, host=url.partition("://")[2].partition("/")[0], faults=faults) as server:
        yield server.url, faults


def free_port():
    """Returns a port at which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def _process(command, port, log):
    """Runs a server that listens at a port, until it is no longer needed."""
    with open(log, "wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        end = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"{command[0]} does not listen: {Path(log).read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def nginx(folder):
    """Serves a folder's files, and yields the URL; skips the test if nginx is not installed."""
    program = shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))
    if program is None or sys.platform == "win32":
        pytest.skip("nginx is not installed")
    port, own = free_port(), Path(folder) / ".nginx"
    own.mkdir()
    paths = " ".join(f"{kind}_temp_path {own};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (own / "conf").write_text(
        f"daemon off; master_process off; pid {own}/pid; error_log {own}/log; events {{ }}\n"
        f"http {{ access_log off; {paths} server {{ listen 127.0.0.1:{port}; root {folder}; "
        "location /secret { deny all; } } }\n"
    )
    with _process([program, "-p", str(own), "-c", str(own / "conf"), "-e", str(own / "log")], port, own / "out") as url:
        yield url


@contextlib.contextmanager
def moto(folder):
    """Runs moto's S3 and yields its URL; skips the test if `BITNPZ_MOTO` names no `moto_server`."""
    program = os.environ.get("BITNPZ_MOTO") or shutil.which("moto_server")
    if program is None:
        pytest.skip("moto is not installed: BITNPZ_MOTO names its moto_server")
    port = free_port()
    with _process([program, "-H", "127.0.0.1", "-p", str(port)], port, Path(folder) / "moto.log") as url:
        yield url


#: The S3 server of the tests: moto, or the one whose program `BITNPZ_S3` names.
S3_SERVER = Path(os.environ.get("BITNPZ_S3", "moto")).stem


@contextlib.contextmanager
def s3(folder):
    """Runs an S3 server that has a bucket, and yields its URL."""
    if S3_SERVER == "moto":
        with moto(folder) as url:
            connection = http.client.HTTPConnection(url.partition("://")[2])
            try:
                connection.request("PUT", "/bucket")
                assert connection.getresponse().status == 200
            finally:
                connection.close()
            yield url
        return
    port, data, host = free_port(), Path(folder) / "data", "127.0.0.1"
    (data / "bucket").mkdir(parents=True)
    arguments = {
        "s3s-fs": ["--host", host, "--port", str(port), "--access-key", _USER, "--secret-key", _PASSWORD, str(data)],
        "s3rver": ["-a", host, "-p", str(port), "--no-vhost-buckets", "-d", str(data), "--configure-bucket", "bucket"],
    }
    with _process([os.environ["BITNPZ_S3"], *arguments[S3_SERVER]], port, Path(folder) / "s3.log") as url:
        yield url


#: Those of s3rver cannot be set.
_USER, _PASSWORD = ("S3RVER", "S3RVER") if S3_SERVER == "s3rver" else ("SECRETKEYID", "SECRETKEY")


def use_s3(url, setenv):
    """Sets the variables with which stores find an S3 server."""
    for name, value in (
        ("ACCESS_KEY_ID", _USER),
        ("SECRET_ACCESS_KEY", _PASSWORD),
        ("REGION", "us-east-1"),
        ("ENDPOINT_URL", url),
        ("ALLOW_HTTP", "true"),
    ):
        setenv(f"AWS_{name}", value)
