"""Archives at URLs, over real connections: right images or the right exception, whatever goes wrong."""

import os
import pathlib
import pickle
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
import servers

import bitnpz
from bitnpz import _requests
from bitnpz._pieces import PIECE_BYTES, pieces_of, ranges_in
from bitnpz._store_failures import failure_of
from bitnpz._stores import ranges_of

obstore = pytest.importorskip("obstore")
fsspec = pytest.importorskip("fsspec")

IMAGES = np.random.default_rng(1).random((20_000, 20, 30)) < 0.3

#: Images whose blocks lie far apart.
FAR = np.arange(5, 17_000, 3000)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """An archive that is far larger than what is read when it is opened."""
    path = tmp_path_factory.mktemp("remote") / "training.npz"
    bitnpz.save(path, {"glyphs": IMAGES, "outputs": np.arange(len(IMAGES))}, codec="raw")
    return path.read_bytes()


@pytest.fixture
def web(data):
    """A web server."""
    with servers.serving(servers.RangeServer, files={"/data/training.npz": data, "/data/a b%20c+é.npz": data}) as server:
        server.files = server.RequestHandlerClass.files
        yield server


@pytest.fixture
def proxy(web, monkeypatch):
    """The URL of an archive behind a proxy, and the proxy's faults."""
    monkeypatch.setattr(_requests, "_FIRST_PAUSE", 0.01)
    with servers.faulty(web.url) as (url, faults):
        yield url + "/data/training.npz", faults


def load(url, **options):
    return bitnpz.load(url, store_options=bitnpz.StoreOptions(**options))


def check(loaded):
    glyphs, order = loaded["glyphs"], np.random.default_rng(0).permutation(len(IMAGES))[:300]
    assert (glyphs[order] == IMAGES[order]).all() and (glyphs[7] == IMAGES[7]).all()
    assert (glyphs[11_000:13_000] == IMAGES[11_000:13_000]).all()
    assert (np.asarray(loaded["outputs"]) == np.arange(len(IMAGES))).all()


def without(monkeypatch, *modules):
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)


# URLs


def test_reads_the_web_with_obstore(web):
    for name in ("training.npz", "a%20b%2520c+%C3%A9.npz", "training.npz?query=1#part"):
        check(bitnpz.load(f"{web.url}/data/{name}"))


def test_reads_the_web_with_fsspec(web, monkeypatch):
    pytest.importorskip("aiohttp")
    without(monkeypatch, "obstore.store")
    check(bitnpz.load(f"{web.url}/data/training.npz"))


def test_reads_nginx(data, tmp_path):
    (tmp_path / "a b.npz").write_bytes(data)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "c.npz").write_bytes(data)
    with servers.nginx(tmp_path) as url:
        loaded = bitnpz.load(f"{url}/a%20b.npz")
        check(loaded)
        with pytest.raises(bitnpz.FileMissingError, match="/b.npz"):
            bitnpz.load(f"{url}/b.npz")
        with pytest.raises(bitnpz.FilePermissionError, match="/secret/c.npz"):
            bitnpz.load(f"{url}/secret/c.npz")
        loaded = bitnpz.load(f"{url}/a%20b.npz")
        (tmp_path / "a b.npz").write_bytes(data[:-1] + b"\1")
        os.utime(tmp_path / "a b.npz", (1, 1))
        with pytest.raises(bitnpz.FileChangedError, match="load it again"):
            loaded["glyphs"][FAR]


def test_reads_s3(s3, data):
    store = obstore.store.S3Store("bucket")
    for key in ("training.npz", "folder/a b#c.npz"):
        store.put(key, data)
        loaded = bitnpz.load(f"s3://bucket/{key}")
        assert loaded.filename == f"s3://bucket/{key}"
        check(loaded)
        check(pickle.loads(pickle.dumps(loaded)))
        assert b"SECRET" not in pickle.dumps(loaded) and "SECRET" not in repr(loaded)
    with pytest.raises(bitnpz.FileMissingError, match="s3://bucket/none.npz: .*NoSuchKey"):
        bitnpz.load("s3://bucket/none.npz")
    with pytest.raises(bitnpz.FileMissingError, match="NoSuchKey" if servers.S3_SERVER == "s3s-fs" else "NoSuchBucket"):
        bitnpz.load("s3://nobody/none.npz")
    loaded = bitnpz.load("s3://bucket/training.npz")
    # The same bytes have the same ETag.
    store.put("training.npz", data)
    assert (loaded["glyphs"][0] == IMAGES[0]).all()
    store.put("training.npz", data[:-1] + b"\1")
    with pytest.raises(bitnpz.FileChangedError, match="training.npz"):
        loaded["glyphs"][FAR]
    store.put("empty.npz", b"")
    with pytest.raises(bitnpz.DamagedError, match="empty.npz"):
        bitnpz.load("s3://bucket/empty.npz")


def test_reads_s3_that_fails(s3, data, monkeypatch):
    monkeypatch.setattr(_requests, "_FIRST_PAUSE", 0.01)
    obstore.store.S3Store("bucket").put("training.npz", data)
    with servers.faulty(s3) as (url, faults):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        faults.next = [("status", 503), ("reset", 0), ("cut", 1000)]
        loaded = bitnpz.load("s3://bucket/training.npz")
        # s3rver does not know what the last bytes are.
        assert len(faults.seen) == (5 if servers.S3_SERVER == "s3rver" else 4)
        # The others check signatures, and those have the range.
        faults.next = [("status", 500), ("short",), ("shifted",) if servers.S3_SERVER == "moto" else ("short",), ("cut", 10)]
        check(loaded)
        store = obstore.store.S3Store("bucket", retry_config={"max_retries": 0})
        faults.always = ("status", 403)
        with pytest.raises(bitnpz.FilePermissionError, match="denies access"):
            bitnpz.load("training.npz", store=store)


def test_shards_in_s3_are_one_archive(s3):
    store, manifest = obstore.store.S3Store("bucket"), "s3://bucket/sets/all.bitnpz.json"
    for number in range(3):
        with obstore.open_writer(store, f"sets/{number}.npz") as file:
            bitnpz.save(file, {"glyphs": IMAGES[number * 1000 : (number + 1) * 1000]}, codec="raw")
    shards = [f"s3://bucket/sets/{number}.npz" for number in range(3)]
    bitnpz.commit(manifest, shards[:2])
    first, again = bitnpz.load(manifest), bitnpz.load(manifest)
    assert (first["glyphs"][[1999, 3]] == IMAGES[[1999, 3]]).all()
    with pytest.raises(bitnpz.FilePresentError, match="all.bitnpz.json"):
        bitnpz.commit(manifest, shards)
    bitnpz.commit(manifest, shards, replaces=first)
    with pytest.raises(bitnpz.FileChangedError, match="all.bitnpz.json"):
        bitnpz.commit(manifest, shards[:1], replaces=again)
    loaded = load(manifest, concurrency=4)
    order = np.random.default_rng(0).permutation(3000)
    for archive in (loaded, pickle.loads(pickle.dumps(loaded))):
        assert (archive["glyphs"][order] == IMAGES[order]).all()
    store.delete("sets/1.npz")
    with pytest.raises(bitnpz.FileMissingError, match="1.npz"):
        bitnpz.load(manifest)["glyphs"][1500]


def test_reads_files_and_memory(data, tmp_path, monkeypatch):
    (tmp_path / "a b.npz").write_bytes(data)
    check(bitnpz.load((tmp_path / "a b.npz").as_uri()))
    fsspec.filesystem("memory").pipe("/training.npz", data)
    check(bitnpz.load("memory://training.npz"))
    for url in ("file:///none/none.npz", (tmp_path / "none.npz").as_uri(), "memory://none.npz"):
        with pytest.raises(bitnpz.FileMissingError, match="none.npz"):
            bitnpz.load(url)
    without(monkeypatch, "obstore.store")
    check(bitnpz.load((tmp_path / "a b.npz").as_uri()))
    check(bitnpz.load(f"simplecache::file://{tmp_path.as_posix()}/a b.npz"))


def test_names_of_local_files_are_no_urls(data, tmp_path):
    for name in ("c:\\a\\b.npz", "c:/a.npz", "s3:/a.npz", "a", "s3/://a", pathlib.Path("s3://bucket/a.npz"), b"s3://bucket/a"):
        with pytest.raises(bitnpz.FileMissingError):
            bitnpz.load(name)
    if sys.platform != "win32":
        (tmp_path / "s3:" / "bucket").mkdir(parents=True)
        (tmp_path / "s3:" / "bucket" / "a.npz").write_bytes(data)
        check(bitnpz.load("s3://bucket/a.npz"))


def test_says_what_to_install(monkeypatch):
    with pytest.raises(bitnpz.InputError, match=r"nothing://bucket/a.npz: .*Protocol not known"):
        bitnpz.load("nothing://bucket/a.npz")
    with pytest.raises(bitnpz.InputError, match="az://.*Account must be specified"):
        bitnpz.load("az://container/a.npz")
    without(monkeypatch, "obstore.store", "s3fs", "botocore", "aiobotocore")
    with pytest.raises(bitnpz.InputError, match=r"s3fs.*pip install obstore"):
        bitnpz.load("s3://bucket/a.npz")
    without(monkeypatch, "fsspec.core")
    for url in ("s3://bucket/a.npz", "nothing://a", "memory://a", "file:///a"):
        with pytest.raises(bitnpz.InputError, match=r"pip install obstore"):
            bitnpz.load(url)


@pytest.mark.parametrize("library", ["obstore", "fsspec"])
def test_users_are_in_the_url(web, data, monkeypatch, library):
    if library == "fsspec":
        pytest.importorskip("aiohttp")
        without(monkeypatch, "obstore.store")
    web.files["/private/a.npz"] = data
    check(bitnpz.load(web.url.replace("//", "//user:PASS%3AWORD@") + "/private/a.npz"))
    for wrong in ("//", "//user@", "//user:word@"):
        with pytest.raises(bitnpz.FilePermissionError, match="credentials"):
            bitnpz.load(web.url.replace("//", wrong) + "/private/a.npz")


@pytest.mark.parametrize("library", ["obstore", "fsspec"])
def test_secrets_are_not_shown(web, monkeypatch, library):
    if library == "fsspec":
        pytest.importorskip("aiohttp")
        without(monkeypatch, "obstore.store")
    server = web.url.partition("//")[2]
    url = f"http://user:PASSWORD@{server}/data/training.npz?signature=PASSWORD"
    loaded = bitnpz.load(url)
    check(loaded)
    assert loaded.filename == f"http://{server}/data/training.npz"
    assert "PASSWORD" not in repr(loaded) + repr(loaded._source)
    check(pickle.loads(pickle.dumps(loaded)))
    nobody = f"127.0.0.1:{servers.free_port()}"
    for wrong in (url.replace("training", "none"), url.replace("data", "secret"), url.replace(server, nobody), f"no{url}"):
        with pytest.raises(bitnpz.Error) as raised:
            load(wrong, attempts=1)
        error = raised.value
        while error is not None:
            assert "PASSWORD" not in str(error), wrong
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def test_secrets_of_stores_are_not_shown():
    url = f"http://user:PASSWORD@127.0.0.1:{servers.free_port()}"
    store = obstore.store.HTTPStore(url, client_options={"allow_http": True}, retry_config={"max_retries": 0})
    with pytest.raises(bitnpz.FileError) as raised:
        bitnpz.load("a.npz", store=store)
    assert "PASSWORD" not in str(raised.value) and raised.value.__cause__ is None


def test_pickles_hold_the_url(web):
    loaded = bitnpz.load(f"{web.url}/data/training.npz")
    for thing in (loaded, loaded["glyphs"]):
        pickled = pickle.dumps(thing)
        assert web.url.encode() in pickled and b"obstore" not in pickled
    check(pickle.loads(pickle.dumps(loaded)))
    web.files["/data/training.npz"] = web.files["/data/training.npz"][1000:]
    with pytest.raises(bitnpz.Error):
        len(pickle.loads(pickled))


def test_siblings(web, data, tmp_path):
    web.files["/data/other one.npz"] = data
    ranges = ranges_of(f"{web.url}/data/training.npz?query#part", None)
    check(bitnpz.load(ranges.sibling("other one.npz")))
    assert ranges.sibling("a.npz").name == f"{web.url}/data/a.npz"
    assert pickle.loads(pickle.dumps(ranges.sibling("a.npz"))).name == f"{web.url}/data/a.npz"
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "other.npz").write_bytes(data)
    memory = fsspec.filesystem("memory")
    memory.pipe("/folder/other.npz", data)
    local = obstore.store.LocalStore(str(tmp_path))
    for ranges in (
        ranges_of((tmp_path / "folder" / "a.npz").as_uri(), None),
        ranges_of("memory://folder/a.npz", None),
        ranges_of("folder/a.npz", local),
        ranges_of("/folder/a.npz", memory),
    ):
        check(bitnpz.load(ranges.sibling("other.npz")))
        assert ranges.sibling("part/b.npz").name.endswith("folder/part/b.npz")
        for hostile in ("../a.npz", "..", "/etc/passwd", "", "a\\b", "a//b", "a/../../b", "http://127.0.0.1/a", "a\0b"):
            with pytest.raises(bitnpz.InputError, match="same folder"):
                ranges.sibling(hostile)

    class Other:
        def length(self):
            return 0

        def read_ranges(self, starts, ends):
            return []

    with pytest.raises(bitnpz.InputError, match="other.npz"):
        ranges_of(Other(), None).sibling("other.npz")


# Requests


def test_ranges_are_cut_from_pieces():
    numbers, data = random.Random(0), random.Random(1).randbytes(3 * PIECE_BYTES)
    for _ in range(300):
        longest = numbers.choice([50, 5000, 2 * PIECE_BYTES])
        starts = sorted(numbers.randrange(len(data)) for _ in range(numbers.randrange(8)))
        ends = [min(start + numbers.randrange(longest), len(data)) for start in starts]
        pieces = pieces_of(starts, ends, numbers.choice([0, 100, 10**6]))
        assert all(0 < end - start <= PIECE_BYTES for start, end in pieces)
        assert all(first[1] <= second[0] for first, second in zip(pieces, pieces[1:]))
        found = ranges_in(pieces, [data[start:end] for start, end in pieces], starts, ends)
        assert found == [data[start:end] for start, end in zip(starts, ends)]


def test_close_ranges_are_one_request(proxy):
    url, faults = proxy
    ranges = ranges_of(url, None)
    length, _ = ranges.read_end(100)
    assert len(faults.seen) == 1 and ranges.length() == length and len(faults.seen) == 1
    starts = [0, 10_000, 100_000, 170_000, 300_000]
    ranges.read_ranges(starts, [start + 1000 for start in starts])
    assert sorted(seen[2] for seen in faults.seen[1:]) == [
        "bytes=0-10999",
        "bytes=100000-100999",
        "bytes=170000-170999",
        "bytes=300000-300999",
    ]


@pytest.mark.parametrize("concurrency", [1, 4, 32])
def test_requests_are_made_together(proxy, concurrency):
    url, faults = proxy
    ranges = ranges_of(url, None, bitnpz.StoreOptions(concurrency=concurrency, gap=0))
    ranges.length()
    faults.always = ("delay", 0.1)
    starts = list(range(0, 160_000, 10_000))
    before = time.monotonic()
    parts = ranges.read_ranges(starts, [start + 10 for start in starts])
    assert all(part == ranges.read_ranges([start], [start + 10])[0] for part, start in list(zip(parts, starts))[:2])
    assert faults.most <= concurrency
    if concurrency > 1:
        assert faults.most > 1 and time.monotonic() - before < 1.4


def test_other_options_are_refused():
    times = [{"timeout": timeout} for timeout in (0, "1", None, float("inf"), float("nan"), 1e300)]
    for wrong in ({"concurrency": 0}, {"attempts": None}, {"gap": -1}, {"gap": 0.5}, *times):
        with pytest.raises(bitnpz.InputError, match=next(iter(wrong))):
            bitnpz.StoreOptions(**wrong)
    with pytest.raises(bitnpz.InputError, match="StoreOptions"):
        ranges_of("memory://a", None, {"gap": 1})


# Failures that pass

PASSING = {
    "delay": ("delay", 0.2),
    "busy": ("status", 503),
    "error": ("status", 500),
    "too many": ("status", 429),
    "no answer": ("reset", 0),
    "closed": ("cut", 0),
    "reset": ("reset", 1000),
    "cut": ("cut", 1000),
    "short": ("short",),
    "wrong place": ("shifted",),
}


# fsspec does not tell which bytes it has read.
@pytest.mark.parametrize(
    "library, name", [*(("obstore", name) for name in PASSING), *(("fsspec", name) for name in PASSING if name != "wrong place")]
)
def test_failures_that_pass_are_not_noticed(proxy, monkeypatch, library, name):
    url, faults = proxy
    if library == "fsspec":
        pytest.importorskip("aiohttp")
        without(monkeypatch, "obstore.store")
    faults.next = [PASSING[name]] * 3
    loaded = bitnpz.load(url)
    glyphs = loaded["glyphs"]
    faults.next = [PASSING[name]] * 3
    assert (glyphs[FAR] == IMAGES[FAR]).all()
    faults.next = []
    assert (glyphs[100:200] == IMAGES[100:200]).all()


# Failures that stay


@pytest.mark.parametrize(
    "fault, raised, text",
    [
        (("status", 503), bitnpz.FileError, "the request failed .(SlowDown|status 503)., after 3 attempts"),
        (("status", 400), bitnpz.FileError, "the request failed"),
        (("status", 404), bitnpz.FileMissingError, "found none"),
        (("status", 401), bitnpz.FilePermissionError, "credentials"),
        (("status", 403), bitnpz.FilePermissionError, "credentials"),
        (("status", 412), bitnpz.FileChangedError, "load it again"),
        (("status", 416), bitnpz.FileChangedError, "load it again"),
        (("reset", 0), bitnpz.FileError, "the request failed|cut off"),
        (("reset", 1000), bitnpz.FileTruncatedError, "cut off.*after 3 attempts"),
        (("cut", 1000), bitnpz.FileTruncatedError, "cut off.*after 3 attempts"),
        (("short",), bitnpz.FileTruncatedError, "cut off.*after 3 attempts"),
        (("shifted",), bitnpz.FileTruncatedError, "after 3 attempts"),
        (("hang",), bitnpz.FileError, "Timeout"),
    ],
    ids=str,
)
def test_failures_that_stay_are_told_apart(proxy, fault, raised, text):
    url, faults = proxy
    loaded = load(url, attempts=3, timeout=1)
    faults.always, before, began = fault, len(faults.seen), time.monotonic()
    with pytest.raises(raised, match=rf"{url}: bytes \d+ to \d+: .*({text})") as caught:
        loaded["glyphs"][5]
    assert type(caught.value) is raised and time.monotonic() - began < 8
    seen = len(faults.seen) - before
    assert seen <= 3 if "3" in text or fault == ("hang",) or raised is bitnpz.FileError else seen == 1
    faults.always = None
    assert (loaded["glyphs"][5] == IMAGES[5]).all()


def test_what_stores_say_is_understood():
    def of_obstore(text, name="GenericError"):
        return getattr(obstore.exceptions, name)(text)

    def status(number, code):
        return of_obstore(f"Server returned non-2xx status code: {number} Text: <Error><Code>{code}</Code><Token-0>PASSWORD</Token-0>")

    def with_cause(error, cause):
        error.__cause__ = cause
        return error

    for error, kind in (
        (status(400, "ExpiredToken"), "forbidden"),
        (status(403, "SignatureDoesNotMatch"), "forbidden"),
        (status(400, "RequestTimeout"), "passing"),
        (status(503, "SlowDown"), "passing"),
        (status(301, "PermanentRedirect"), "final"),
        (status(416, "InvalidRange"), "changed"),
        (of_obstore("error performing PUT http://169.254.169.254/latest/api/token in 1s - error sending request"), "forbidden"),
        (of_obstore("request failed", "UnauthenticatedError"), "forbidden"),
        (of_obstore("Unable to open file /a: Permission denied (os error 13)"), "forbidden"),
        (OSError(16, "SlowDown"), "passing"),
        (OSError(22, "The requested range is not satisfiable"), "changed"),
        (OSError(5, "a disk"), "final"),
        (OSError("no number"), "passing"),
        (TimeoutError(), "passing"),
        (with_cause(FileNotFoundError(), TimeoutError()), "passing"),
        (with_cause(FileNotFoundError(), ValueError()), "missing"),
        (ValueError("http://user:PASS@WORD@host/a?b=PASSWORD is wrong, PASSED"), "final"),
        (TypeError(), "final"),
    ):
        failure = failure_of(error, "a.npz", "bytes 0 to 1")
        assert (failure.kind, failure.may_pass) == (kind, kind == "passing"), error
        assert failure_of(error, "a.npz", "bytes 0 to 1", repeats=True).may_pass is False
        assert "PASSWORD" not in str(failure.exception()) and "WORD@" not in str(failure.exception())
        if kind == "forbidden":
            assert failure.cause is None


def test_servers_without_ranges_are_refused(data):
    class Whole(servers.RangeServer):
        def do_GET(self):
            del self.headers["Range"]
            super().do_GET()

        do_HEAD = do_GET

    with servers.serving(Whole, files={"/a.npz": data}) as server:
        with pytest.raises(bitnpz.FileError, match="does not support such a request"):
            bitnpz.load(f"{server.url}/a.npz")


@pytest.mark.parametrize("answer", ["the first bytes", "status 500", "status 501"])
def test_servers_that_do_not_know_what_the_last_bytes_are(data, answer):
    class Other(servers.RangeServer):
        def do_GET(self):
            asked = self.headers.get("Range", "")
            if asked.startswith("bytes=-"):
                if answer != "the first bytes":
                    return self.answer(int(answer.partition(" ")[2]), {})
                self.headers.replace_header("Range", f"bytes=0{asked.removeprefix('bytes=')}")
            super().do_GET()

    with servers.serving(Other, files={"/a.npz": data}) as server:
        check(bitnpz.load(f"{server.url}/a.npz"))


def test_bytes_of_the_wrong_place_are_damage_to_fsspec(proxy, monkeypatch):
    pytest.importorskip("aiohttp")
    without(monkeypatch, "obstore.store")
    url, faults = proxy
    loaded = bitnpz.load(url)
    faults.always = ("shifted",)
    with pytest.raises(bitnpz.DamagedError):
        loaded["glyphs"][FAR]


# fsspec does not tell which version it has read.
@pytest.mark.parametrize("library, ignores", [("obstore", False), ("obstore", True), ("fsspec", False)])
def test_a_changed_object_is_noticed(proxy, web, monkeypatch, library, ignores):
    url, faults = proxy
    if library == "fsspec":
        pytest.importorskip("aiohttp")
        without(monkeypatch, "obstore.store")
    faults.ignores_conditions = ignores
    data, loaded = web.files["/data/training.npz"], bitnpz.load(url)
    for other in (data[:-1] + b"\1", data[:-100_000], data + b"\0", data[:1000]):
        web.files["/data/training.npz"] = other
        with pytest.raises(bitnpz.FileChangedError, match="load it again"):
            loaded["glyphs"][FAR]
    web.files["/data/training.npz"] = data
    assert (loaded["glyphs"][FAR] == IMAGES[FAR]).all()


def test_an_object_that_changes_amid_a_batch_is_noticed(proxy, web):
    url, faults = proxy
    faults.ignores_conditions = True
    data = web.files["/data/training.npz"]
    other = bytes(255 - byte for byte in data[:10_000]) + data[10_000:]
    for count in range(1, 8, 2):
        web.files["/data/training.npz"], faults.seen = data, []
        ranges = ranges_of(url, None, bitnpz.StoreOptions(concurrency=1, gap=0))
        loaded = bitnpz.load(ranges)
        loaded["glyphs"][0]
        seen = len(faults.seen)

        class Changing(list):
            def append(self, item):
                super().append(item)
                if len(self) == seen + count:
                    web.files["/data/training.npz"] = other

        faults.seen = Changing(faults.seen)
        with pytest.raises(bitnpz.FileChangedError):
            for start in range(1, 10):
                loaded["glyphs"][FAR + start * 128]


def test_faults_at_random_give_no_wrong_image(proxy):
    url, faults = proxy
    numbers = random.Random(5)
    kinds = [fault for name, fault in PASSING.items() if name != "delay"]
    faults.take = lambda request: numbers.choice(kinds) if numbers.random() < 0.3 else None
    read = failed = 0
    for turn in range(40):
        order = np.random.default_rng(turn).permutation(len(IMAGES))[:20]
        try:
            assert (load(url, attempts=4)["glyphs"][order] == IMAGES[order]).all()
            read += 1
        except bitnpz.FileError:
            failed += 1
    assert read > 20


def test_stores_that_repeat_requests_are_left_to(proxy):
    url, faults = proxy
    root, _, name = url.rpartition("/")
    store = obstore.store.HTTPStore(root, client_options={"allow_http": True}, retry_config={"max_retries": 1})
    loaded = bitnpz.load(name, store=store)
    faults.always, before = ("status", 503), len(faults.seen)
    with pytest.raises(bitnpz.FileError, match="the request failed"):
        loaded["glyphs"][5]
    assert len(faults.seen) - before == 2
    faults.always, faults.next = None, [("short",), ("cut", 10)]
    check(loaded)


# Processes


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_ends_the_wait(proxy):
    url, faults = proxy
    program = f"""
        import bitnpz, time, sys
        loaded = bitnpz.load({url!r})
        print("opened", flush=True)
        sys.stdin.readline()
        start = time.monotonic()
        try:
            loaded["glyphs"][5]
        except KeyboardInterrupt:
            print("interrupted", time.monotonic() - start, flush=True)
    """
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], **pipes) as process:
        try:
            assert process.stdout.readline() == "opened\n"
            faults.always, seen = ("hang",), len(faults.seen)
            process.stdin.write("\n")
            process.stdin.flush()
            while len(faults.seen) == seen:
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            assert process.stdout.readline().startswith("interrupted 0.")
        finally:
            process.kill()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize("library", ["obstore", "fsspec"])
def test_a_forked_child_does_not_wait_forever(proxy, library):
    url, _ = proxy
    if library == "fsspec":
        pytest.importorskip("aiohttp")
    program = f"""
        import bitnpz, os, sys
        if {library!r} == "fsspec":
            sys.modules["obstore.store"] = None
        loaded = bitnpz.load({url!r})
        if os.fork() == 0:
            for attempt in (lambda: loaded["glyphs"][5], lambda: bitnpz.load({url!r})["glyphs"][5]):
                try:
                    print(attempt().shape, flush=True)
                except bitnpz.FileError as error:
                    print(error, flush=True)
            os._exit(0)
        os.wait()
        loaded["glyphs"][5]
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=20)
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("forkserver" if library == "obstore" else "(20, 30)") == 2


def test_threads_share_an_archive(proxy):
    url, faults = proxy
    loaded = load(url, concurrency=4, gap=0)
    faults.always, wrong = ("delay", 0.01), []

    def read(seed):
        order = np.random.default_rng(seed).permutation(len(IMAGES))[:30]
        if not (loaded["glyphs"][order] == IMAGES[order]).all():
            wrong.append(seed)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and faults.most <= 4
