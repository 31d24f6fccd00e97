"""Damaged archives: describing the damage, saving the rest, and removing what killed writers left."""

from __future__ import annotations

import os
from dataclasses import dataclass

from . import _bitnpz
from ._errors import FilePresentError
from ._paths import Path, check_apart, local, shown


@dataclass(frozen=True)
class Problem:
    """A damaged member of an archive, or a damaged image of an image set.

    Attributes
    ----------
    member : str
        The name of the member or of the image set.
    key : str or None
        The key of the image.
    image : int or None
        The image's number in the image set.
    certain : bool
        Whether it is certain that this image is damaged. If several of the 128 images that share a checksum are, it is only
        known that they are among these 128.
    message : str
        What was expected and what was found.
    text : str
        All of it in one line for people, as `str` returns it.
    """

    member: str
    key: str | None
    image: int | None
    certain: bool
    message: str
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Salvage:
    """The result of `salvage`.

    Attributes
    ----------
    keys, images : int
        The numbers of keys and images in the new archive.
    gone : list of Problem
        What could not be saved. A lost image of a stack is blank in the new archive, so that the others keep their indices.
    doubtful : list of Problem
        What was saved and may be damaged.
    """

    keys: int
    images: int
    gone: list[Problem]
    doubtful: list[Problem]


def salvage(
    file: Path, to: Path, *, force: bool = False, limits: dict[str, int] | None = None
) -> Salvage:
    """Saves everything that is intact in a damaged archive to a new one, and reports what is lost.

    The damaged archive is not changed. Members are found even if the central directory is damaged.

    Parameters
    ----------
    file : str or path
        The damaged archive.
    to : str or path
        The new archive.
    force : bool
        Whether to replace an existing file.
    limits : dict, optional
        See `load`.

    Raises
    ------
    FilePresentError
        If `to` already exists and `force` is False.
    FileError
        If the damaged archive cannot be read, or the new one not be written.

    Examples
    --------
    >>> bitnpz.save("whole.npz", {"glyphs": np.eye(28, dtype=bool)[None].repeat(100, 0), "outputs": np.arange(100)})
    >>> whole = open("whole.npz", "rb").read()
    >>> _ = open("damaged.npz", "wb").write(whole[:-100])
    >>> saved = bitnpz.salvage("damaged.npz", "saved.npz")
    >>> saved.keys, saved.images, saved.gone
    (2, 100, [])
    """
    source, target = local(file), local(to)
    if not force and os.path.lexists(target):
        raise FilePresentError(f"{shown(target)}: already exists; force=True replaces it")
    check_apart(source, target)
    report = _bitnpz._salvage(source, target, shown(source), limits)
    gone, doubtful = ([Problem(**problem) for problem in report[name]] for name in ("gone", "doubtful"))
    return Salvage(report["keys"], report["images"], gone, doubtful)


def clean(folder: Path) -> list[str]:
    """Removes temporary files that killed writers have left in a folder.

    On Linux a killed writer leaves one only if it dies at the moment in which it replaces a file. On other systems it leaves
    `.bitnpz.<hash>.<number>.tmp`, which the next writer of the same file removes as well. Files of running writers stay.

    Returns
    -------
    list of str
        The paths of the removed files.

    Examples
    --------
    >>> bitnpz.clean(".")
    []
    """
    return [os.fspath(path) for path in _bitnpz._clean(os.fsdecode(folder), shown(folder))]
