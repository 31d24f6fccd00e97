"""Tests with Ray Data, on a cluster of two workers on this machine."""

import os
import re
import signal
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import bitnpz

pytest.importorskip("ray.data")
ray = pytest.importorskip("ray")

import bitnpz.ray  # noqa: E402

ROWS = 6000


@pytest.fixture(scope="module", autouse=True)
def _cluster():
    # Workers cannot import this module: they get its functions as they are.
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=200 << 20)
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


@pytest.fixture(autouse=True)
def context():
    """The settings of Ray Data, which are put back after the test. Blocks stay in order."""
    context = ray.data.DataContext.get_current()
    size, keeps_order = context.target_max_block_size, context.execution_options.preserve_order
    context.execution_options.preserve_order = True
    yield context
    context.target_max_block_size, context.execution_options.preserve_order = size, keeps_order


@pytest.fixture(scope="module")
def images():
    return draw(np.arange(ROWS))


def draw(numbers):
    """Discs of 24 x 20 pixels. Those of 97 x 89 x 83 numbers are different."""
    y, x = np.mgrid[:24, :20]
    row, column, radius = (numbers * 37 % size / size for size in (97, 89, 83))
    inside = (y - 6 - 12 * row[:, None, None]) ** 2 + (x - 5 - 10 * column[:, None, None]) ** 2
    return inside < (2 + 6 * radius[:, None, None]) ** 2


def render(batch):
    numbers = batch["id"]
    return {"glyphs": draw(numbers), "number": numbers, "is_large": numbers * 37 % 83 > 41}


def rendered(tasks=4):
    return ray.data.range(ROWS, override_num_blocks=tasks).map_batches(render, batch_size=500)


def save(images, name="a.npz", first=0):
    numbers = np.arange(first, first + len(images))
    names = np.array([f"n{number % 13}" for number in numbers])
    bitnpz.save(name, {"glyphs": images, "number": numbers, "names": names, "others": np.arange(7)})
    return os.path.abspath(name)


def all_rows(dataset):
    batches = list(dataset.iter_batches(batch_size=1000, batch_format="numpy"))
    return {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]}


def test_reads_images_and_the_arrays_that_belong_to_them(images):
    dataset = bitnpz.ray.read(save(images))
    assert dataset.count() == ROWS
    assert dataset.schema().names == ["glyphs", "number", "names"]
    rows = all_rows(dataset)
    assert rows["glyphs"].dtype == bool and (rows["glyphs"] == images).all()
    assert rows["number"].dtype == np.int64 and (rows["number"] == np.arange(ROWS)).all()
    assert list(rows["names"][:14]) == [f"n{number % 13}" for number in range(14)]


@pytest.mark.parametrize("shuffle", [None, 5])
@pytest.mark.parametrize("tasks", [1, 3, 16, 40])
def test_many_tasks_read_each_row_once(images, tasks, shuffle):
    dataset = bitnpz.ray.read(save(images), shuffle=shuffle, block=256, window=4, override_num_blocks=tasks).materialize()
    assert dataset.num_blocks() == tasks and dataset.count() == ROWS
    rows = all_rows(dataset)
    assert (np.sort(rows["number"]) == np.arange(ROWS)).all()
    assert (rows["glyphs"] == images[rows["number"]]).all()
    assert (rows["number"] == np.arange(ROWS)).all() == (shuffle is None)


def test_shuffle_is_the_order_of_a_loader_on_any_number_of_tasks(images):
    path = save(images)
    archive = bitnpz.load(path)
    loader = bitnpz.Loader(archive["glyphs"], archive["number"], shuffle="blocks", seed=7, block=256, window=4)
    expected = np.concatenate([numbers for _, numbers in loader])
    for tasks in (1, 2, 9):
        dataset = bitnpz.ray.read(path, ["number"], shuffle=7, block=256, window=4, override_num_blocks=tasks)
        assert (all_rows(dataset)["number"] == expected).all()
    other = all_rows(bitnpz.ray.read(path, ["number"], shuffle=np.int64(8), block=256, window=4))["number"]
    assert (other != expected).any()


def test_reads_nothing_but_the_columns(images):
    path = Path(save(images))
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as members:
        payloads = members.getinfo(".bitnpz/glyphs/payload-0")
    start, end = payloads.header_offset + payloads.file_size // 2, payloads.header_offset + payloads.file_size
    content[start:end] = b"\xff" * (end - start)
    path.write_bytes(content)
    whole = bitnpz.ray.read(path)
    with pytest.raises(Exception, match="glyphs"):
        all_rows(whole)
    for dataset in (bitnpz.ray.read(path, ["number"]), whole.select_columns(["number"])):
        assert (all_rows(dataset)["number"] == np.arange(ROWS)).all()
    assert whole.count() == ROWS
    assert whole.select_columns(["number"]).filter(lambda row: row["number"] < 10).count() == 10
    assert all_rows(whole.rename_columns({"number": "n"}).select_columns(["n"]))["n"][17] == 17
    assert whole.select_columns([]).count() == ROWS


def test_reads_packed_rows_and_other_dtypes(images):
    path = save(images)
    packed = all_rows(bitnpz.ray.read(path, ["glyphs"], packed=True))["glyphs"]
    assert packed.dtype == np.uint8 and (packed == np.packbits(images, axis=-1)).all()
    floats = all_rows(bitnpz.ray.read(path, dtype=np.float32))["glyphs"]
    assert floats.dtype == np.float32 and (floats == images).all()
    bitnpz.save("swapped.npz", {"glyphs": images.astype(">f4"), "number": np.arange(ROWS, dtype=">i4")})
    swapped = all_rows(bitnpz.ray.read("swapped.npz"))
    assert swapped["glyphs"].dtype == np.float32 and (swapped["number"] == np.arange(ROWS)).all()


@pytest.mark.parametrize("shuffle", [None, 3])
def test_reads_several_archives(images, shuffle):
    cuts = [0, 1000, 1000, 1001, 4500, ROWS]
    paths = [save(images[start:stop], f"{start}-{stop}.npz", start) for start, stop in zip(cuts, cuts[1:])]
    dataset = bitnpz.ray.read(paths, ["glyphs", "number"], shuffle=shuffle, block=128, window=4, override_num_blocks=7)
    rows = all_rows(dataset)
    assert (np.sort(rows["number"]) == np.arange(ROWS)).all() and (rows["glyphs"] == images[rows["number"]]).all()
    assert (rows["number"] == np.arange(ROWS)).all() == (shuffle is None)


def test_reads_archives_of_numpy_and_of_images_with_keys(images):
    np.savez("numpy.npz", glyphs=images[:500], number=np.arange(500))
    rows = all_rows(bitnpz.ray.read("numpy.npz", override_num_blocks=3))
    assert (rows["glyphs"] == images[:500]).all() and (rows["number"] == np.arange(500)).all()
    bitnpz.save("keyed.npz", {"outputs": np.arange(500), **{f"ix-{i:06}": image for i, image in enumerate(images[:500])}})
    rows = all_rows(bitnpz.ray.read("keyed.npz", override_num_blocks=3))
    assert sorted(rows) == ["image", "outputs"] and (rows["image"] == images[:500]).all()


def test_reads_an_archive_without_rows(images):
    bitnpz.save("empty.npz", {"glyphs": images[:0], "number": np.arange(0)})
    dataset = bitnpz.ray.read("empty.npz")
    assert dataset.count() == 0 and dataset.take_all() == [] and dataset.schema().names == ["glyphs", "number"]
    assert bitnpz.ray.read("empty.npz", shuffle=1).take_all() == []


def test_reads_from_a_store(images):
    fsspec = pytest.importorskip("fsspec")
    path = save(images)
    rows = all_rows(bitnpz.ray.read(path, store=fsspec.filesystem("file"), shuffle=2, block=256, window=4))
    assert (rows["glyphs"] == images[rows["number"]]).all() and len(rows["number"]) == ROWS


@pytest.mark.parametrize(("options", "bytes_of_a_row"), [({"packed": True}, 72), ({"dtype": np.uint8}, 480), ({}, 60)])
def test_blocks_have_about_the_size_that_ray_wants(images, context, options, bytes_of_a_row):
    context.target_max_block_size = 100_000
    dataset = bitnpz.ray.read(save(images), ["glyphs"], override_num_blocks=1, **options).materialize()
    sizes = [len(bundle["glyphs"]) * bytes_of_a_row for bundle in dataset.iter_batches(batch_size=None)]
    assert len(sizes) >= ROWS * bytes_of_a_row // 200_000 and max(sizes) <= 200_000
    assert (all_rows(dataset.limit(2500))["glyphs"].shape) == (2500, 24, 3 if options.get("packed") else 20)


def test_an_archive_that_is_replaced_after_planning_is_refused(images):
    path = save(images)
    dataset = bitnpz.ray.read(path)
    save(images[::-1])
    with pytest.raises(Exception, match="expected the archive that was opened"):
        dataset.take_all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"paths": "none.npz"}, FileNotFoundError, "none.npz"),
        ({"paths": ["a.npz", "none.npz"]}, FileNotFoundError, "none.npz"),
        ({"paths": []}, ValueError, "found none"),
        ({"paths": [b"PK"]}, ValueError, "expected paths"),
        ({"paths": "array.npy"}, ValueError, "found a .npy file"),
        ({"columns": ["glyph"]}, KeyError, "glyph"),
        ({"columns": []}, ValueError, "a key or more"),
        ({"columns": "glyphs"}, ValueError, r"use \['glyphs'\]"),
        ({"columns": ["glyphs", "others"]}, ValueError, "columns of one length"),
        ({"columns": ["number"], "packed": True}, ValueError, "a column of images"),
        ({"paths": ["a.npz", "b.npz"]}, ValueError, r"b.npz: 'glyphs': expected bool of shape \(24, 20\), as in a.npz"),
        ({"paths": "ragged.npz"}, ValueError, "several sizes.*pad them"),
        ({"paths": "scalar.npz", "columns": ["x"]}, ValueError, "an item for each row"),
        ({"dtype": "U3"}, ValueError, "a dtype of bool"),
        ({"shuffle": True}, ValueError, "seed of the order"),
        ({"shuffle": 1, "block": 0}, ValueError, "block >= 1"),
        ({"threads": 0}, ValueError, "threads"),
    ],
)
def test_says_what_is_wrong_before_anything_is_read(images, arguments, error, message):
    save(images[:300])
    bitnpz.save("b.npz", {"glyphs": images[:300, :20], "number": np.arange(300), "names": np.array(["n12"] * 300)})
    np.save("array.npy", np.arange(3))
    np.savez("scalar.npz", x=3)
    bitnpz.save("ragged.npz", {f"p{i}": np.eye(i % 5 + 2, i % 3 + 4, dtype=bool) for i in range(60)})
    with pytest.raises(error, match=message) as raised:
        bitnpz.ray.read(**{"paths": "a.npz", **arguments})
    assert isinstance(raised.value, bitnpz.Error)


def test_trains_a_classifier(images):
    path = save(images)
    weights, losses = np.zeros(24 * 20 + 1), []
    for epoch in range(8):
        dataset = bitnpz.ray.read(path, ["glyphs", "number"], shuffle=epoch, block=128, window=16, dtype=np.float32)
        for batch in dataset.iter_batches(batch_size=100):
            inputs = np.concatenate([batch["glyphs"].reshape(len(batch["glyphs"]), -1), np.ones((len(batch["glyphs"]), 1))], 1)
            wanted = batch["number"] * 37 % 83 > 41
            guesses = 1 / (1 + np.exp(-inputs @ weights))
            weights -= 0.05 * (guesses - wanted) @ inputs / len(inputs)
            losses.append(((guesses > 0.5) != wanted).mean())
    assert np.mean(losses[-60:]) < 0.1


def test_writes_what_is_rendered(images):
    bitnpz.ray.write(rendered(), "new/glyphs.bitnpz.json")
    assert len(list(Path("new").glob("*.npz"))) == 4
    archive = bitnpz.load("new/glyphs.bitnpz.json")
    assert archive["glyphs"].dtype == bool and (np.asarray(archive["glyphs"]) == images).all()
    assert (np.asarray(archive["number"]) == np.arange(ROWS)).all() and np.asarray(archive["is_large"]).dtype == bool
    assert archive.verify() == [] and bitnpz.gc("new/glyphs.bitnpz.json", age=0) == []


def test_reads_shuffles_and_trains_on_what_was_written(images):
    bitnpz.ray.write(rendered(), "glyphs.bitnpz.json", columns=["number", "glyphs"])
    rows = all_rows(bitnpz.ray.read("glyphs.bitnpz.json"))
    assert sorted(rows) == ["glyphs", "number"] and (rows["glyphs"] == images).all()
    orders = [
        all_rows(bitnpz.ray.read("glyphs.bitnpz.json", packed=True, shuffle=4, block=128, window=8, override_num_blocks=tasks))
        for tasks in (1, 5)
    ]
    assert (orders[0]["number"] == orders[1]["number"]).all() and (np.sort(orders[0]["number"]) == np.arange(ROWS)).all()
    assert (orders[0]["glyphs"] == np.packbits(images, axis=-1)[orders[0]["number"]]).all()
    with pytest.raises(bitnpz.FilePresentError, match="replaces="):
        bitnpz.ray.write(rendered(), "glyphs.bitnpz.json")
    bitnpz.ray.write(rendered(2), "glyphs.bitnpz.json", replaces=bitnpz.load("glyphs.bitnpz.json"))


def test_a_task_is_small_however_many_shards_there_are(images):
    paths = [save(images[start : start + 100], bitnpz.shard_path("many.bitnpz.json", start), start) for start in range(0, ROWS, 100)]
    bitnpz.commit("many.bitnpz.json", paths)
    read = bitnpz.ray.read("many.bitnpz.json", override_num_blocks=2)._logical_plan.dag
    source = getattr(read, "datasource", None) or read._datasource
    assert all(len(ray.cloudpickle.dumps(task.read_fn)) < 4000 for task in source.get_read_tasks(2))
    rows = all_rows(bitnpz.ray.read("many.bitnpz.json", shuffle=3, block=128, window=4))
    assert (np.sort(rows["number"]) == np.arange(ROWS)).all() and (rows["glyphs"] == images[rows["number"]]).all()


def test_shards_are_smaller_with_one_model():
    bitnpz.ray.write(rendered(), "shared.bitnpz.json", columns=["glyphs"])
    size = sum(path.stat().st_size for path in Path().glob("shared-*.npz"))
    bitnpz.save("alone.npz", {"glyphs": draw(np.arange(ROWS))})
    assert size < 1.3 * Path("alone.npz").stat().st_size


def test_tasks_without_rows_write_no_shard():
    dataset = rendered().filter(lambda row: row["number"] >= 4000)
    bitnpz.ray.write(dataset, "glyphs.bitnpz.json")
    assert len(list(Path().glob("*.npz"))) == 2
    assert bitnpz.ray.read("glyphs.bitnpz.json").count() == 2000
    with pytest.raises(bitnpz.InputError, match="expected a row or more"):
        bitnpz.ray.write(rendered().filter(lambda row: False), "none.bitnpz.json")
    assert not Path("none.bitnpz.json").exists()


def test_writes_fewer_and_larger_shards():
    bitnpz.ray.write(rendered(6), "glyphs.bitnpz.json", min_rows_per_shard=3000)
    assert len(list(Path().glob("*.npz"))) == 2


def test_writes_strings_and_images_of_two_bytes(images):
    def name(batch):
        return {"ink": images[batch["id"]] * np.uint8(255), "name": np.array([f"n{i % 13}" for i in batch["id"]])}

    bitnpz.ray.write(ray.data.range(2000, override_num_blocks=2).map_batches(name), "a.bitnpz.json", images=["ink"])
    archive = bitnpz.load("a.bitnpz.json")
    assert (np.asarray(archive["ink"]) == images[:2000] * np.uint8(255)).all()
    assert np.asarray(archive["name"])[25] == "n12"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda batch: {"glyphs": batch["glyphs"] + 2 * (batch["number"] == 5000)[:, None, None]}, "glyphs.*two|third|more than"),
        (lambda batch: {"glyphs": batch["glyphs"][:, : 20 if batch["number"][0] >= 5000 else 24]}, "one shape|as in the first rows"),
        (lambda batch: {"name": np.array(["long" if n >= 5000 else "n" for n in batch["number"]])}, "as in the first rows"),
    ],
)
def test_a_job_that_fails_writes_no_manifest(change, message):
    dataset = rendered().map_batches(change, batch_size=500)
    with pytest.raises(Exception, match=message):
        bitnpz.ray.write(dataset, "glyphs.bitnpz.json", sample=500)
    assert not Path("glyphs.bitnpz.json").exists()
    bitnpz.gc("glyphs.bitnpz.json", age=0)
    assert list(Path().iterdir()) == []


def test_images_that_differ_in_size_are_refused():
    dataset = ray.data.range(100).map(lambda row: {"glyphs": np.zeros((8, 8 + row["id"] % 2), bool)})
    with pytest.raises(bitnpz.InputError, match="one shape.*pad images"):
        bitnpz.ray.write(dataset, "glyphs.bitnpz.json")


def test_writes_to_a_store(tmp_path):
    obstore = pytest.importorskip("obstore")
    fsspec = pytest.importorskip("fsspec")
    (tmp_path / "in").mkdir()
    stores = [(obstore.store.LocalStore(str(tmp_path)), "in/a.bitnpz.json"), (fsspec.filesystem("file"), f"{tmp_path}/in/b.bitnpz.json")]
    for store, path in stores:
        bitnpz.ray.write(rendered(2), path, store=store)
        rows = all_rows(bitnpz.ray.read(path, store=store))
        assert (rows["number"] == np.arange(ROWS)).all() and (rows["glyphs"] == draw(rows["number"])).all()
        with pytest.raises(bitnpz.FilePresentError):
            bitnpz.ray.write(rendered(2), path, store=store)
    url = (tmp_path / "in" / "c.bitnpz.json").as_uri()
    bitnpz.ray.write(rendered(2), url)
    assert bitnpz.ray.read(url).count() == ROWS


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("glyphs.npz", {}, "ends in .bitnpz.json"),
        ("http://127.0.0.1/a.bitnpz.json", {}, "web server"),
        ("a.bitnpz.json", {"columns": "glyphs"}, r"use \['glyphs'\]"),
        ("a.bitnpz.json", {"images": ["glyph"]}, r"found \['glyph'\]"),
        ("a.bitnpz.json", {"codec": "jpeg"}, "codec"),
        ("a.bitnpz.json", {"threads": 0}, "threads"),
        ("a.bitnpz.json", {"sample": 0}, "sample"),
    ],
)
def test_says_what_is_wrong_before_anything_is_written(path, options, message):
    with pytest.raises(bitnpz.InputError, match=message):
        bitnpz.ray.write(rendered(2), path, **options)
    assert not list(Path().rglob("*.npz"))


def test_shards_of_few_or_blank_images_are_read_as_one():
    def few(batch):
        glyphs = draw(batch["id"]) & (batch["id"] < 1000)[:, None, None]
        return {"glyphs": glyphs, "bytes": glyphs * np.uint8(255), "number": batch["id"]}

    sources = ray.data.range(2000, override_num_blocks=4), ray.data.range(5, override_num_blocks=5)
    for number, source in enumerate((*sources, sources[1].union(sources[0]))):
        bitnpz.ray.write(source.map_batches(few), f"{number}.bitnpz.json")
        rows = all_rows(bitnpz.ray.read(f"{number}.bitnpz.json"))
        assert len(rows["number"]) == source.count()
        expected = few({"id": rows["number"]})
        assert all((rows[key] == expected[key]).all() and rows[key].dtype == expected[key].dtype for key in expected)


@pytest.mark.parametrize("when", ["during", "after"])
def test_a_task_that_is_killed_is_run_again(images, monkeypatch, when):
    marker, base = Path("killed").absolute(), bitnpz.ray.Sink

    def die(task):
        if task == 1 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    class Dying(base):
        def write(self, blocks, ctx):
            def dying():
                for block in blocks:
                    yield block
                    if when == "during":
                        die(ctx.task_idx)

            written = super().write(dying(), ctx)
            die(ctx.task_idx)
            return written

    monkeypatch.setattr(bitnpz.ray, "Sink", Dying)
    bitnpz.ray.write(rendered(), "new/glyphs.bitnpz.json")
    assert marker.exists()
    orphans = bitnpz.gc("new/glyphs.bitnpz.json", age=0)
    assert len(orphans) == 1 if when == "after" else len(orphans) <= 1
    assert len([name for name in os.listdir("new") if re.fullmatch(r"glyphs-\d{5}-\w+\.npz", name)]) == 4
    assert len(os.listdir("new")) == 5 and bitnpz.gc("new/glyphs.bitnpz.json", age=0) == []
    archive = bitnpz.load("new/glyphs.bitnpz.json")
    assert (np.asarray(archive["number"]) == np.arange(ROWS)).all() and (np.asarray(archive["glyphs"]) == images).all()
