"""Archives that are written to URLs and stores: whole or not at all, whatever goes wrong."""

import http.client
import os
import signal
import subprocess
import sys
import textwrap
import time
import urllib.parse

import numpy as np
import pytest
import servers

import bitnpz

obstore = pytest.importorskip("obstore")
fsspec = pytest.importorskip("fsspec")

IMAGES = np.random.default_rng(1).random((20_000, 20, 30)) < 0.3
ARRAYS = {"glyphs": IMAGES[:3000], "outputs": np.arange(3000)}

#: More than three parts of an upload.
NOISE = np.random.default_rng(2).integers(0, 256, 50 << 20, np.uint8)


def listed(url):
    """Returns the names of the objects in the bucket."""
    store = obstore.store.S3Store("bucket", endpoint=url)
    return " ".join(meta["path"] for metas in store.list() for meta in metas)


def unfinished(url):
    """Returns what tells the names of uploads that are not complete, if the server shows them to everybody."""
    if servers.S3_SERVER != "moto":
        return None
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc)
    try:
        connection.request("GET", "/bucket?uploads")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def check(archive, images=IMAGES[:3000]):
    order = np.random.default_rng(0).permutation(len(images))[:100]
    assert (archive["glyphs"][order] == images[order]).all() and len(archive["glyphs"]) == len(images)
    assert (np.asarray(archive["outputs"]) == np.arange(len(images))).all()


def check_absent(url, name):
    """Checks that an upload has left nothing, seen or unseen."""
    with pytest.raises(bitnpz.FileMissingError):
        bitnpz.load(f"s3://bucket/{name}")
    assert name not in (unfinished(url) or "")


# What is written


def test_saves_to_s3(s3):
    bitnpz.save("s3://bucket/new/a", ARRAYS, codec="raw")
    check(bitnpz.load("s3://bucket/new/a.npz"))
    bitnpz.save("s3://bucket/new/a.npz", {"outputs": np.arange(3)})
    assert list(bitnpz.load("s3://bucket/new/a.npz")) == ["outputs"], "replaced"
    bitnpz.savez("s3://bucket/z", np.arange(3), store=np.arange(4))
    assert sorted(bitnpz.load("s3://bucket/z.npz")) == ["arr_0", "store"]
    bitnpz.savez_compressed("s3://bucket/c", x=np.arange(3))
    assert (bitnpz.load("s3://bucket/c.npz")["x"] == np.arange(3)).all()


def test_writes_to_s3_in_parts(s3):
    options = bitnpz.StoreOptions(concurrency=2)
    with bitnpz.Writer("s3://bucket/parts.npz", store_options=options) as writer:
        for start in range(0, 20_000, 1000):
            writer.extend("glyphs", IMAGES[start : start + 1000])
        writer["noise"] = NOISE
        writer["outputs"] = np.arange(20_000)
        assert "parts.npz" in repr(writer) and "open" in repr(writer)
        with pytest.raises(bitnpz.FileMissingError):
            bitnpz.load("s3://bucket/parts.npz")
    assert repr(writer).endswith("closed")
    archive = bitnpz.load("s3://bucket/parts.npz")
    check(archive, IMAGES)
    assert (archive["noise"][-1000:] == NOISE[-1000:]).all() and archive.verify(fast=True) == []


@pytest.mark.parametrize("kind", ["memory", "folder", "fsspec memory", "fsspec folder", "fsspec url", "file url"])
def test_writes_to_stores(tmp_path, kind):
    store, path = {
        "memory": (obstore.store.MemoryStore(), "a.npz"),
        "folder": (obstore.store.LocalStore(str(tmp_path)), "new/a.npz"),
        "fsspec memory": (fsspec.filesystem("memory"), f"/{tmp_path.name}/a.npz"),
        "fsspec folder": (fsspec.filesystem("file"), str(tmp_path / "a.npz")),
        "fsspec url": (None, f"memory://{tmp_path.name}/u.npz"),
        "file url": (None, (tmp_path / "a b.npz").as_uri()),
    }[kind]
    bitnpz.save(path.removesuffix(".npz"), ARRAYS, store=store)
    check(bitnpz.load(path, store=store))
    with pytest.raises(FileExistsError, match="npz"):
        bitnpz.Writer(path, "x", store=store)
    with pytest.raises(ZeroDivisionError), bitnpz.Writer(path, store=store) as writer:
        writer["noise"] = NOISE
        1 / 0
    check(bitnpz.load(path, store=store))
    bitnpz.save("part.npz", ARRAYS)
    bitnpz.merge(path, ["part.npz", "part.npz"], store=store)
    assert len(bitnpz.load(path, store=store)["glyphs"]) == 6000
    manifest = path.replace("a.npz", "cut.bitnpz.json").replace("u.npz", "cut.bitnpz.json").replace("a%20b.npz", "cut.bitnpz.json")
    bitnpz.shard(manifest, "part.npz", 3, store=store)
    check(bitnpz.load(manifest, store=store))
    with pytest.raises(bitnpz.FilePresentError, match="cut.bitnpz.json"):
        bitnpz.shard(manifest, "part.npz", 2, store=store)
    for shard in bitnpz.split(path, "part.npz", 2, store=store):
        assert len(bitnpz.load(shard, store=store)["glyphs"]) in range(1400, 1700)


def test_merges_and_cuts_to_s3(s3):
    bitnpz.save("a.npz", ARRAYS, codec="raw")
    bitnpz.merge("s3://bucket/merged", ["a.npz"])
    check(bitnpz.load("s3://bucket/merged.npz"))
    manifest = "s3://bucket/cut/glyphs.bitnpz.json"
    bitnpz.shard(manifest, "a.npz", shard_bytes=100_000)
    archive = bitnpz.load(manifest)
    check(archive)
    assert len(archive.shards) > 1 and archive.verify() == []
    before = listed(s3)
    with pytest.raises(bitnpz.FilePresentError, match="glyphs.bitnpz.json"):
        bitnpz.shard(manifest, "a.npz", 2)
    assert listed(s3) == before
    assert bitnpz.gc(manifest, age=0) == []
    paths = bitnpz.split("s3://bucket/part.npz", "a.npz", 2)
    assert paths[1] == "s3://bucket/part-00001-of-00002.npz"
    assert sum(len(bitnpz.load(path)["glyphs"]) for path in paths) == 3000


def test_gc_removes_orphans_from_s3(s3):
    manifest = "s3://bucket/orphans/glyphs.bitnpz.json"
    paths = [bitnpz.shard_path(manifest, number) for number in range(3)]
    for path in paths:
        bitnpz.save(path, ARRAYS, codec="raw")
    bitnpz.commit(manifest, paths[:1])
    assert bitnpz.gc(manifest) == [], "they are too young"
    assert bitnpz.gc(manifest, age=0, delete=False) == bitnpz.gc(manifest, age=0) == sorted(paths[1:])
    assert bitnpz.gc(manifest, age=0) == [] and all(path[len("s3://bucket/") :] not in listed(s3) for path in paths[1:])
    check(bitnpz.load(manifest))


# What fails


def test_an_exception_leaves_nothing(s3):
    for arrays in ({"outputs": np.arange(3)}, {"noise": NOISE}):
        with pytest.raises(ZeroDivisionError), bitnpz.Writer("s3://bucket/left.npz") as writer:
            for key, array in arrays.items():
                writer[key] = array
            1 / 0
        check_absent(s3, "left.npz")
        with pytest.raises(bitnpz.ClosedError):
            writer["more"] = np.arange(3)
    # As a program may forget to close it.
    writer = bitnpz.Writer("s3://bucket/left.npz")
    writer["noise"] = NOISE
    assert "left.npz" in (unfinished(s3) or "left.npz")
    del writer
    check_absent(s3, "left.npz")


def test_says_what_cannot_be_written(s3, tmp_path):
    bitnpz.save("s3://bucket/there.npz", ARRAYS)
    wrong = bitnpz.InputError
    # s3s-fs makes a bucket of any name.
    nobody = "s3://bucket/there" if servers.S3_SERVER == "s3s-fs" else "s3://nobody/a"
    for call, kind, text in (
        (lambda: bitnpz.Writer("s3://bucket/there.npz", "a"), wrong, 'there.npz: mode: expected "w" or "x"'),
        (lambda: bitnpz.Writer("s3://bucket/there.npz", "x"), bitnpz.FilePresentError, "there.npz: expected no object"),
        (lambda: bitnpz.Writer(nobody, "x"), bitnpz.FileError, "NoSuchBucket|found one"),
        (lambda: bitnpz.save("http://127.0.0.1/a.npz", ARRAYS), wrong, "web server"),
        (lambda: bitnpz.save("nothing://a/a.npz", ARRAYS), wrong, "Protocol not known"),
        (lambda: bitnpz.save(3, ARRAYS, store=obstore.store.MemoryStore()), wrong, "path of an object"),
        (lambda: bitnpz.save("a.npz", ARRAYS, store={}), wrong, "neither get_ranges"),
        (lambda: bitnpz.save("a.npz", ARRAYS, store_options=bitnpz.StoreOptions()), wrong, "store_options"),
        (lambda: bitnpz.merge("a.npz", ["s3://bucket/there.npz"]), wrong, "found a URL"),
        (lambda: bitnpz.shard("s3://bucket/a.npz", "a.npz", 2), wrong, "manifest"),
        (lambda: bitnpz.shard("s3://bucket/a.bitnpz.json", "none.npz", 2), bitnpz.FileMissingError, "none.npz"),
    ):
        with pytest.raises(kind, match=text):
            call()
    check(bitnpz.load("s3://bucket/there.npz"))
    assert os.listdir() == []


def test_secrets_are_not_shown():
    nobody = f"127.0.0.1:{servers.free_port()}"
    urls = [f"http://user:PASSWORD@{nobody}/a.npz?signature=PASSWORD", "no://user:PASSWORD@host/a.npz"]
    # It makes a bucket of any name.
    for url in [*urls, *([] if servers.S3_SERVER == "s3s-fs" else ["s3://user:PASSWORD@host/a"])]:
        for call in (
            lambda url: bitnpz.save(url, ARRAYS, progress=True),
            lambda url: bitnpz.save(url, ARRAYS["glyphs"]),
            lambda url: bitnpz.merge(url, ["a.npz"]),
            lambda url: bitnpz.shard(url, "a.npz", 2),
            lambda url: bitnpz.salvage("a.npz", url),
        ):
            with pytest.raises(bitnpz.Error) as raised:
                call(url)
            assert "PASSWORD" not in f"{raised.value} {raised.value.__cause__}", url


def test_failures_that_pass_are_not_noticed(s3, monkeypatch):
    with servers.faulty(s3) as (url, faults):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        faults.next = [("status", 503), ("reset", 0), ("status", 500)]
        bitnpz.save("s3://bucket/passing.npz", ARRAYS)
        check(bitnpz.load("s3://bucket/passing.npz"))
        with bitnpz.Writer("s3://bucket/passing.npz") as writer:
            writer["outputs"] = np.arange(3000)
            faults.next = [("status", 503), ("reset", 0), ("cut", 0), ("status", 500)]
            writer["noise"] = NOISE
            writer["glyphs"] = IMAGES[:3000]
        archive = bitnpz.load("s3://bucket/passing.npz")
        check(archive)
        assert (archive["noise"][:1000] == NOISE[:1000]).all()


def test_an_answer_that_is_lost_is_no_failure(s3, monkeypatch):
    with servers.faulty(s3) as (url, faults):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        completions = []

        def lose(request):
            faults.seen.append(request)
            if request[0] == "POST" and "uploadId" in request[1]:
                completions.append(request)
                return ("lost",) if len(completions) == 1 else ("status", 404)
            return None

        faults.take = lose
        bitnpz.save("s3://bucket/lost.npz", {"noise": NOISE})
        assert len(completions) == 2
        assert (bitnpz.load("s3://bucket/lost.npz")["noise"][-1000:] == NOISE[-1000:]).all()


@pytest.mark.parametrize(
    "fault, raised, text",
    [
        (("status", 403), bitnpz.FilePermissionError, "credentials"),
        (("status", 503), bitnpz.FileError, "SlowDown"),
        (("reset", 0), bitnpz.FileError, "request failed"),
    ],
    ids=str,
)
@pytest.mark.parametrize("size", [1000, 40 << 20])
def test_failures_that_stay_are_told_apart(s3, monkeypatch, fault, raised, text, size):
    bitnpz.save("a.npz", ARRAYS)
    name, options = f"failed-{fault[1]}-{size}", bitnpz.StoreOptions(attempts=2, timeout=1)
    with servers.faulty(s3) as (url, faults):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        with pytest.raises(raised, match=f"s3://bucket/{name}.npz: .*{text}") as caught:
            with bitnpz.Writer(f"s3://bucket/{name}.npz", store_options=options) as writer:
                faults.always = fault
                writer["noise"] = NOISE[:size]
        assert type(caught.value) is raised and "SECRET" not in str(caught.value)
        with pytest.raises(raised):
            bitnpz.shard(f"s3://bucket/{name}.bitnpz.json", "a.npz", 2, store_options=options)
    # Requests whose answers break off are carried out.
    assert fault[0] == "reset" or name not in listed(s3)


def test_shards_of_a_cut_that_fails_are_removed(s3, monkeypatch):
    bitnpz.save("a.npz", ARRAYS)
    with servers.faulty(s3) as (url, faults):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)

        def take(request):
            faults.seen.append(request)
            return ("status", 403) if request[0] == "PUT" and "-00002-" in request[1] else None

        faults.take = take
        with pytest.raises(bitnpz.FilePermissionError):
            bitnpz.shard("s3://bucket/undone/a.bitnpz.json", "a.npz", 4)
        assert any("-00001-" in path for _, path, _ in faults.seen)
    assert "undone" not in listed(s3)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_ends_an_upload(s3, monkeypatch):
    with servers.faulty(s3) as (url, faults):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        program = """
            import bitnpz, numpy, sys
            noise = numpy.random.default_rng(0).integers(0, 256, 100 << 20, numpy.uint8)
            try:
                with bitnpz.Writer("s3://bucket/stopped.npz") as writer:
                    print("opened", flush=True)
                    sys.stdin.readline()
                    writer["noise"] = noise
            except KeyboardInterrupt:
                print("interrupted", flush=True)
        """
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], **pipes) as process:
            try:
                assert process.stdout.readline() == "opened\n"
                faults.always, seen = ("hang",), len(faults.seen)
                process.stdin.write("\n")
                process.stdin.flush()
                while len(faults.seen) < seen + 1:
                    time.sleep(0.01)
                time.sleep(0.5)
                stopped = time.monotonic()
                process.send_signal(signal.SIGINT)
                assert process.stdout.readline() == "interrupted\n" and process.wait(10) == 0
                assert time.monotonic() - stopped < 8
            finally:
                process.kill()
    assert "stopped" not in listed(s3)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_child_does_not_end_an_upload(s3):
    program = """
        import bitnpz, numpy, os
        writer = bitnpz.Writer("s3://bucket/forked.npz")
        writer["noise"] = numpy.random.default_rng(0).integers(0, 256, 40 << 20, numpy.uint8)
        if os.fork() == 0:
            try:
                writer.abort()
            except bitnpz.InputError:
                del writer
            try:
                bitnpz.save("s3://bucket/child.npz", {"x": [1]})
            except bitnpz.FileError as error:
                print(error, flush=True)
            os._exit(0)
        os.wait()
        writer.close()
        print(len(bitnpz.load("s3://bucket/forked.npz")["noise"]))
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert "forkserver" in run.stdout and run.stdout.endswith(f"{40 << 20}\n")
