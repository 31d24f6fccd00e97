"""Manifests that are written to stores on a condition: that there is none, or that it is of a known version."""

import pytest
import servers

import bitnpz
from bitnpz import _requests
from bitnpz._put import put
from bitnpz._stores import open_url, ranges_of

obstore = pytest.importorskip("obstore")
fsspec = pytest.importorskip("fsspec")


def places(kind, tmp_path):
    if kind == "memory":
        return ranges_of("a.json", obstore.store.MemoryStore())
    if kind == "folder":
        return ranges_of("a.json", obstore.store.LocalStore(str(tmp_path)))
    if kind == "fsspec memory":
        return ranges_of(f"/{tmp_path.name}/a.json", fsspec.filesystem("memory"))
    return ranges_of(str(tmp_path / "a.json"), fsspec.filesystem("file"))


def check_puts(place):
    """Writes to a place where nothing is, under every condition."""

    def holds(content):
        now = place.again()
        assert now.read_ranges([0], [now.length()]) == [content]
        return now.version()

    with pytest.raises(bitnpz.FileChangedError):
        put(place, b"0", match='"none"')
    put(place, b"one", absent=True)
    first = holds(b"one")
    with pytest.raises(bitnpz.FilePresentError):
        put(place, b"two", absent=True)
    assert holds(b"one") == first
    put(place, b"second", match=first)
    second = holds(b"second")
    assert second != first
    with pytest.raises(bitnpz.FileChangedError):
        put(place, b"third", match=first)
    assert holds(b"second") == second
    put(place, b"last")
    holds(b"last")


@pytest.mark.parametrize("kind", ["memory", "folder", "fsspec memory", "fsspec folder"])
def test_puts_on_a_condition(kind, tmp_path):
    check_puts(places(kind, tmp_path))


def test_puts_to_s3_on_a_condition(s3, monkeypatch):
    monkeypatch.setattr(_requests, "_FIRST_PAUSE", 0.01)
    check_puts(open_url("s3://bucket/manifest.json"))
    with servers.faulty(s3) as (url, faults):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        place = open_url("s3://bucket/other.json")
        # It was written, and the answer was lost.
        faults.next = [("lost",), ("status", 503)]
        put(place, b"one", absent=True)
        with pytest.raises(bitnpz.FilePresentError):
            put(place, b"two", absent=True)
        faults.next = [("lost",)]
        with pytest.raises(bitnpz.FilePresentError):
            put(place, b"two", absent=True)
        version = place.version()
        faults.next = [("lost",), ("status", 503)]
        put(place, b"second", match=version)
        assert place.again().read_ranges([0], [6]) == [b"second"]


def test_asks_before_it_puts_to_a_server_that_ignores_conditions(s3, monkeypatch):
    if servers.S3_SERVER != "moto":
        pytest.skip("the server checks signatures, and those have the conditions")
    with servers.faulty(s3) as (url, faults):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        faults.ignores_conditions = True
        check_puts(open_url("s3://bucket/unconditional.json"))


def test_puts_only_to_stores():
    class Other:
        def length(self):
            return 0

        def read_ranges(self, starts, ends):
            return []

    with pytest.raises(bitnpz.InputError, match="can be written"):
        put(ranges_of(Other(), None), b"")
    with pytest.raises(bitnpz.InputError, match="match"):
        put(ranges_of("a", obstore.store.MemoryStore()), b"", absent=True, match="1")
