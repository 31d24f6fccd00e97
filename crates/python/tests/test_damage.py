"""`verify` reports damage, and `salvage` saves the rest."""

import os
import pickle
import zipfile

import numpy as np
import pytest

import bitnpz


@pytest.fixture
def damaged(glyphs):
    bitnpz.save("whole.npz", {"glyphs": glyphs, "labels": np.arange(600)})
    content = bytearray(open("whole.npz", "rb").read())
    with zipfile.ZipFile("whole.npz") as members:
        payloads = members.getinfo(".bitnpz/glyphs/payload-0")
    content[payloads.header_offset + payloads.file_size // 2] ^= 1
    open("damaged.npz", "wb").write(content)
    return "damaged.npz"


def test_verify_names_damaged_images(glyphs, damaged):
    assert bitnpz.load("whole.npz").verify() == []
    archive = bitnpz.load(damaged)
    problems = archive.verify()
    images = [problem.image for problem in problems if problem.image is not None]
    assert images and not any(".bitnpz/" in str(problem) for problem in problems)
    assert archive.verify(fast=True) == []
    archive.close()
    with pytest.raises(bitnpz.ClosedError):
        archive.verify()


def test_problems_are_described_as_by_the_command(glyphs, damaged):
    problems = bitnpz.load(damaged).verify()
    of_images = [problem for problem in problems if problem.image is not None]
    assert all(str(problem).startswith(f'"{problem.key}", image {problem.image} of the set: ') for problem in of_images)
    assert all(str(problem) == problem.text for problem in problems)
    assert pickle.loads(pickle.dumps(problems)) == problems == bitnpz.load(damaged).verify()


def test_damaged_models_are_named(glyphs):
    # A model that two image sets have is a member.
    bitnpz.save("pixel.npz", {"glyphs": glyphs, "numbers": glyphs.astype("u1")}, model=bitnpz.train(glyphs, codec="pixel"))
    content = bytearray(open("pixel.npz", "rb").read())
    with zipfile.ZipFile("pixel.npz") as members:
        model = next(member for member in members.infolist() if member.filename.startswith(".bitnpz/models/"))
    head = model.header_offset
    start = head + 30 + len(model.filename) + int.from_bytes(content[head + 28 : head + 30], "little")
    content[start + model.file_size // 2] ^= 1
    name = model.filename.removeprefix(".bitnpz/models/")
    (problem,) = (problem for problem in bitnpz.load(bytes(content)).verify() if problem.member == model.filename)
    assert f"model {name}" in str(problem) and ".bitnpz/" not in str(problem)


def test_whole_stacks_are_read_with_their_checksums(glyphs):
    bitnpz.save("raw.npz", {"glyphs": glyphs}, codec="raw")
    content = bytearray(open("raw.npz", "rb").read())
    content[content.index(b"payload-0") + len(content) // 2] ^= 1
    archive = bitnpz.load(bytes(content))
    for read in (lambda: np.asarray(archive["glyphs"]), lambda: archive["glyphs"][:], lambda: archive.images("glyphs")[10:590]):
        with pytest.raises(bitnpz.DamagedError, match=r"images [0-9]+ to [0-9]+ of the set: their checksum differs"):
            read()
    wrong = [i for i in range(600) if (archive["glyphs"][i] != glyphs[i]).any()]
    assert len(wrong) == 1


def test_salvage_saves_the_rest(glyphs, damaged):
    before = open(damaged, "rb").read()
    report = bitnpz.salvage(damaged, "saved.npz")
    assert open(damaged, "rb").read() == before
    gone = [problem.image for problem in report.gone]
    assert gone and report.keys == 2 and report.images == 600
    saved = np.asarray(bitnpz.load("saved.npz")["glyphs"])
    kept = np.setdiff1d(np.arange(600), gone + [problem.image for problem in report.doubtful])
    assert len(kept) > 400 and (saved[kept] == glyphs[kept]).all() and not saved[gone].any()
    assert (bitnpz.load("saved.npz")["labels"] == np.arange(600)).all()


def test_salvage_replaces_no_file_unless_forced(damaged):
    with pytest.raises(bitnpz.FilePresentError, match="whole.npz: already exists"):
        bitnpz.salvage(damaged, "whole.npz")
    assert bitnpz.salvage(damaged, "whole.npz", force=True).images == 600


def test_says_which_file_cannot_be_read():
    with pytest.raises(bitnpz.FileMissingError, match="none.npz"):
        bitnpz.salvage("none.npz", "saved.npz")
    assert not os.path.exists("saved.npz")
    bitnpz.save("a.npz", {"x": np.arange(3)})
    with pytest.raises(bitnpz.InputError, match="members, directory_bytes"):
        bitnpz.salvage("a.npz", "saved.npz", limits={"memory": 3})
