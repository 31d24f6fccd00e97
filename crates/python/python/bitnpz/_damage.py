"""Damaged archives: what is wrong with one, and what can be saved of it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from . import _bitnpz
from ._errors import FilePresentError
from ._paths import Path, shown


def _shown(member: str) -> str:
    """What a member of the library's own is to people: `glyphs, payload 0` for `.bitnpz/glyphs/payload-0.npy`."""
    own = re.fullmatch(r"\.bitnpz/(.+)/([a-z]+)(?:-([0-9]+))?\.(?:npy|json)", member)
    if own is None:
        return member
    what = "description" if own[2] == "set" else own[2]
    return f"{own[1]}, {what}" + (f" {own[3]}" if own[3] else "")


@dataclass(frozen=True)
class Problem:
    """A member of an archive, or an image of an image set, that is damaged.

    Attributes
    ----------
    member : str
        The member's name, or that of the image set.
    key : str or None
        The key of the image.
    image : int or None
        The image's number in the image set.
    certain : bool
        Whether it is known to be this image: of several damaged images in a row of 128 it is only known that they are among
        these.
    message : str
        What was expected and what was found.
    """

    member: str
    key: str | None
    image: int | None
    certain: bool
    message: str

    def __str__(self) -> str:
        shown = _shown(self.member)
        place = "" if self.member in self.message else f"{shown}: "
        return place + self.message.replace(self.member, shown)


@dataclass(frozen=True)
class Salvage:
    """What `salvage` has made of a damaged archive.

    Attributes
    ----------
    keys, images : int
        How many of them the new archive holds.
    gone : list of Problem
        What is not in it. An image of a stack that is gone is blank, so that all others keep their places.
    doubtful : list of Problem
        What is in it and may not be as it was.
    """

    keys: int
    images: int
    gone: list[Problem]
    doubtful: list[Problem]


def salvage(
    file: Path, to: Path, *, force: bool = False, limits: dict[str, int] | None = None
) -> Salvage:
    """Writes everything that is whole in a damaged archive to a new one, and says what is gone.

    The damaged archive is left as it is. Members are found without the central directory too.

    Parameters
    ----------
    file : str or path
        The damaged archive.
    to : str or path
        The new one.
    force : bool
        Whether a file that is there already is replaced.
    limits : dict, optional
        As of `load`.

    Raises
    ------
    FilePresentError
        If there is a file `to`, and `force` is not set.
    FileError
        If the one cannot be read or the other not be written.

    Examples
    --------
    >>> bitnpz.save("whole.npz", {"glyphs": np.eye(28, dtype=bool)[None].repeat(100, 0), "outputs": np.arange(100)})
    >>> whole = open("whole.npz", "rb").read()
    >>> _ = open("damaged.npz", "wb").write(whole[:-100])
    >>> saved = bitnpz.salvage("damaged.npz", "saved.npz")
    >>> saved.keys, saved.images, saved.gone
    (2, 100, [])
    """
    source, target = os.fsdecode(file), os.fsdecode(to)
    if not force and os.path.lexists(target):
        raise FilePresentError(f"{shown(target)}: there is a file of this name; force=True replaces it")
    keys, images, gone, doubtful = _bitnpz._salvage(source, target, shown(source), limits)
    return Salvage(keys, images, [Problem(*problem) for problem in gone], [Problem(*problem) for problem in doubtful])


def clean(folder: Path) -> list[str]:
    """Removes temporary files that killed writers have left in a folder.

    On Linux a writer that is killed leaves nothing, but in the moment in which it replaces a file; elsewhere it leaves
    `.bitnpz.<hash>.<number>.tmp`, which the next writer of the same file removes too. Files of writers that live are left alone.

    Returns
    -------
    list of str
        The files that were removed.

    Examples
    --------
    >>> bitnpz.clean(".")
    []
    """
    return [os.fspath(path) for path in _bitnpz._clean(os.fsdecode(folder), shown(folder))]
