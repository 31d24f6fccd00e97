"""`merge` puts archives together."""

import json
import os
import pickle
import zipfile

import numpy as np
import pytest

import bitnpz


def test_merges_shards(glyphs):
    for part in range(3):
        rows = slice(part * 200, part * 200 + 200)
        with bitnpz.Writer(f"{part}.npz") as writer:
            writer["glyphs"] = glyphs[rows]
            writer["outputs"] = np.arange(rows.start, rows.stop)
            writer["names"] = np.array(["a", "b"])
            for number in range(30):
                writer[f"ix-{part}-{number}"] = glyphs[number]
    bitnpz.merge("all.npz", [f"{part}.npz" for part in range(3)])
    archive = bitnpz.load("all.npz")
    assert archive.verify() == []
    assert (archive["glyphs"][:] == glyphs).all() and (archive["outputs"] == np.arange(600)).all()
    assert list(archive["names"]) == ["a", "b"] and len(archive) == 93
    assert (archive["ix-2-7"] == glyphs[7]).all()
    order = np.random.default_rng(0).permutation(600)
    assert (archive["glyphs"].take(order) == glyphs[order]).all()
    # The archive may be one of those that are merged.
    bitnpz.merge("0.npz", (name for name in ["0.npz", "1.npz"]))
    assert len(bitnpz.load("0.npz")["glyphs"]) == 400


def test_merges_archives_of_any_codec(glyphs):
    codecs = ["contour", "pixel", "zstd", "raw"]
    for codec in codecs:
        bitnpz.save(f"{codec}.npz", {"glyphs": glyphs}, codec=codec)
    bitnpz.merge("all.npz", [f"{codec}.npz" for codec in codecs])
    images = bitnpz.load("all.npz")["glyphs"]
    order = np.random.default_rng(0).permutation(2400)
    assert (images.take(order) == glyphs[order % 600]).all()
    assert (images.popcount(order) == glyphs[order % 600].sum(axis=(1, 2))).all()
    positional = bitnpz.load("all.npz", access="read")["glyphs"]
    assert (positional[300:2000] == glyphs[np.arange(300, 2000) % 600]).all()


def test_refuses_what_does_not_fit(glyphs):
    bitnpz.save("a.npz", {"glyphs": glyphs})
    bitnpz.save("b.npz", {"glyphs": glyphs.astype(np.uint8)})
    bitnpz.save("c.npz", {"outputs": np.arange(5)})
    bitnpz.save("d.npz", {"outputs": np.arange(6)})
    with pytest.raises(bitnpz.InputError, match='b.npz: "glyphs": expected images of'):
        bitnpz.merge("all.npz", ["a.npz", "b.npz"])
    with pytest.raises(bitnpz.InputError, match='"outputs": expected arrays that can be joined.* in c.npz and d.npz'):
        bitnpz.merge("all.npz", ["c.npz", "d.npz"])
    with pytest.raises(bitnpz.FileMissingError, match="e.npz"):
        bitnpz.merge("all.npz", ["a.npz", "e.npz"])
    open("f.npz", "wb").write(b"PK" + bytes(100))
    with pytest.raises(bitnpz.DamagedError, match="f.npz"):
        bitnpz.merge("all.npz", ["a.npz", "f.npz"])
    with pytest.raises(FileNotFoundError):
        bitnpz.load("all.npz")


def models_of(archive):
    return json.loads(archive.read(".bitnpz/glyphs/set.json"))["models"]


def test_shards_share_a_model(glyphs):
    images = np.concatenate([np.roll(glyphs, shift, axis=2) for shift in range(5)])
    model = bitnpz.train(images[::3], codec="contour")
    again = pickle.loads(pickle.dumps(model))
    assert again == model and bitnpz.Model(bytes(model)) == model and hash(again) == hash(model)
    assert repr(model).startswith("<bitnpz.Model of the codec contour, ")
    for part in range(5):
        rows = slice(part * 600, part * 600 + 600)
        bitnpz.save(f"{part}.npz", {"glyphs": images[rows]}, model=again)
    with zipfile.ZipFile("0.npz") as one, zipfile.ZipFile("1.npz") as other:
        models = [models_of(shard) for shard in (one, other)]
        assert len(models[0]) == 1 and models[0] == models[1]
    bitnpz.merge("all.npz", [f"{part}.npz" for part in range(5)])
    merged = bitnpz.load("all.npz")
    assert (merged["glyphs"][:] == images).all() and merged.verify() == []
    with zipfile.ZipFile("all.npz") as archive:
        assert models_of(archive) == models[0]
    # Given a model, appending continues with that of the set.
    with bitnpz.Writer("0.npz", "a", model=bitnpz.train(images, codec="raw")) as writer:
        writer.extend("glyphs", images[:100])
    longer = bitnpz.load("0.npz")["glyphs"]
    assert longer.codec == "contour" and (longer[600:] == images[:100]).all()


def test_refuses_other_models(glyphs):
    model = bitnpz.train(glyphs, codec="raw")
    for wrong in (b"", b"x", bytes(model)[:20], bytes(model) + b"x", b"bitnpz model 1\ncontour contour-9\n"):
        with pytest.raises(bitnpz.DamagedError, match="model: "):
            bitnpz.Model(wrong)
    with pytest.raises(bitnpz.InputError, match="expected a Model"):
        bitnpz.save("a.npz", {"glyphs": glyphs}, model=bytes(model))
    with pytest.raises(bitnpz.InputError, match='expected that of the model, "raw"'):
        bitnpz.save("a.npz", {"glyphs": glyphs}, model=model, codec="zstd")
    with pytest.raises(bitnpz.InputError, match="expected two values"):
        bitnpz.train(np.arange(1000).reshape(10, 10, 10))
    for shape in ((10, 10), (10,), ()):
        for axes in (None, "5x2", "HW"):
            if (shape, axes) != ((10, 10), "5x2"):
                with pytest.raises(bitnpz.InputError, match="expected (images|a stack of images)"):
                    bitnpz.train(np.zeros(shape, bool), axes=axes)
    for axes in ("HWNC", "HWNN", "HHW", "NCW", "hwn", "H", ""):
        with pytest.raises(bitnpz.InputError):
            bitnpz.train(glyphs, axes=axes)


def test_trains_on_images_along_any_axes(glyphs):
    model = bitnpz.train(glyphs)
    others = {
        "24x20": glyphs.reshape(600, -1),
        "HWN": np.ascontiguousarray(glyphs.transpose(1, 2, 0)),
        "WNH": glyphs.transpose(2, 0, 1),
        "NHWC": glyphs[..., None],
        "HNCW": glyphs[:, None].transpose(2, 0, 1, 3),
    }
    for axes, images in others.items():
        assert bitnpz.train(images, axes=axes) == model, axes
    fortran = np.asfortranarray(glyphs.transpose(1, 2, 0))
    assert bitnpz.train(fortran, axes="HWN") == model


def test_refuses_nothing_and_keeps_what_is_there(glyphs):
    bitnpz.save("a.npz", {"glyphs": glyphs})
    with pytest.raises(bitnpz.InputError, match="found none"):
        bitnpz.merge("a.npz", [])
    with pytest.raises(bitnpz.InputError, match="use \\['a.npz'\\]"):
        bitnpz.merge("b.npz", "a.npz")
    assert (bitnpz.load("a.npz")["glyphs"][:] == glyphs).all()
    with pytest.raises(bitnpz.InputError, match="have a model"):
        bitnpz.save("b.npz", {"x": glyphs}, encoding="plain", model=bitnpz.train(glyphs, codec="raw"))
    for wrong in (-1, 0, 1.5):
        with pytest.raises(bitnpz.InputError, match="total: expected a number"):
            bitnpz.train(glyphs, total=wrong)


def test_merges_many_small_stacks_in_order():
    rng = np.random.default_rng(3)
    for part in range(2):
        arrays = {"labels": np.arange(3)} | {f"k{i:04}": rng.random((3, 9, 9)) < 0.5 for i in range(1005)}
        bitnpz.save(f"{part}.npz", arrays)
    bitnpz.merge("all.npz", ["0.npz", "1.npz"])
    parts, merged = [bitnpz.load(f"{part}.npz") for part in range(2)], bitnpz.load("all.npz")
    assert list(merged) == list(parts[0])
    for key in merged:
        assert (np.asarray(merged[key]) == np.concatenate([np.asarray(part[key]) for part in parts])).all()


def test_split_makes_parts_that_merge_again(tmp_path):
    glyphs = np.random.default_rng(0).random((3000, 12, 12)) < 0.2
    bitnpz.save(tmp_path / "all.npz", {"glyphs": glyphs, "labels": np.arange(3000), "classes": np.arange(7)})
    shards = bitnpz.split(tmp_path / "shard", tmp_path / "all.npz", 3)
    assert [os.path.basename(shard) for shard in shards] == [f"shard-0000{number}-of-00003.npz" for number in range(3)]
    labels = [bitnpz.load(shard)["labels"] for shard in shards]
    assert np.concatenate(labels).tolist() == list(range(3000))
    for shard, numbers in zip(shards, labels, strict=True):
        assert (np.asarray(bitnpz.load(shard)["glyphs"]) == glyphs[numbers]).all()
        assert bitnpz.load(shard)["classes"].tolist() == list(range(7)) and bitnpz.load(shard).verify() == []
    bitnpz.merge(tmp_path / "again.npz", shards)
    again = bitnpz.load(tmp_path / "again.npz")
    assert (np.asarray(again["glyphs"]) == glyphs).all() and again["labels"].tolist() == list(range(3000))
    for shards, source in [(0, "all.npz"), (2.5, "all.npz"), (100_000, "all.npz")]:
        with pytest.raises(bitnpz.InputError, match="shards"):
            bitnpz.split(tmp_path / "p", tmp_path / source, shards)
    np.savez(tmp_path / "numpy.npz", glyphs)
    with pytest.raises(bitnpz.InputError, match="image sets"):
        bitnpz.split(tmp_path / "p", tmp_path / "numpy.npz", 2)


def test_a_source_is_no_target(glyphs):
    bitnpz.save("s-00001-of-00002.npz", {"glyphs": np.repeat(glyphs, 3, axis=0)})
    whole = open("s-00001-of-00002.npz", "rb").read()
    with pytest.raises(bitnpz.InputError, match="the same"):
        bitnpz.split("s.npz", "s-00001-of-00002.npz", 2)
    with pytest.raises(bitnpz.InputError, match="the same"):
        bitnpz.salvage("s-00001-of-00002.npz", "./s-00001-of-00002.npz", force=True)
    assert os.listdir() == ["s-00001-of-00002.npz"] and open("s-00001-of-00002.npz", "rb").read() == whole
