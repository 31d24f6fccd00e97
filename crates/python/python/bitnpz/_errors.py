"""Exceptions: one base class, and a class for each kind of error, derived from the built-in one that users of NumPy catch."""

from zipfile import BadZipFile


class Error(Exception):
    """The base class of every exception of this package."""


class StorageWarning(UserWarning):
    """Data is stored in a way that its user may not expect: the message says how, and what to do."""


class NoSuchKeyError(Error, KeyError):
    """The archive holds no such key."""

    def __str__(self) -> str:
        # `KeyError` shows the repr of its argument, which is a key there and a message here.
        return str(self.args[0]) if self.args else ""


class NoSuchImageError(Error, IndexError):
    """An index is out of bounds, or is not a valid index."""


class InputError(Error, ValueError):
    """An argument is invalid: a third pixel value, a key that is taken, a wrong shape."""


class KeyTypeError(Error, TypeError):
    """A key is not a str."""


class ClosedError(Error, ValueError):
    """The archive or writer is closed."""


class DamagedError(Error, ValueError, BadZipFile):
    """The file is not an archive, is damaged, or holds Python objects."""


class EmptyFileError(DamagedError, EOFError):
    """The file is empty, or an open file is at its end, as after the last of several arrays."""


class LimitError(DamagedError):
    """The file exceeds a limit, which the message names; raise it for an archive you trust."""


class NoMemoryError(Error, MemoryError):
    """There is not enough memory for an array, an image or a member."""


class InternalError(Error, RuntimeError):
    """A bug in this package: please report it."""


class FileError(Error, OSError):
    """The file cannot be read or written."""


class FileMissingError(FileError, FileNotFoundError):
    """The file does not exist."""


class FilePresentError(FileError, FileExistsError):
    """The file already exists."""


class FilePermissionError(FileError, PermissionError):
    """The system denies permission to read or write the file."""


class FileChangedError(FileError):
    """The file was replaced, changed or truncated after it was opened; load it again."""


class FileTruncatedError(FileError):
    """A store's answer was cut off, or was for another place in the file, each time it was requested; try again."""
