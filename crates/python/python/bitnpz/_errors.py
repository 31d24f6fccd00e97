"""What can go wrong: one base class, and for each kind the built-in exception that a user of NumPy would catch."""

from zipfile import BadZipFile


class Error(Exception):
    """The base of every exception of this package."""


class StorageWarning(UserWarning):
    """Something is stored otherwise than its user may think: the message says how, and what to do."""


class NoSuchKeyError(Error, KeyError):
    """The archive holds no such key."""

    def __str__(self) -> str:
        # `KeyError` shows the repr of its argument, which is a message here.
        return str(self.args[0]) if self.args else ""


class NoSuchImageError(Error, IndexError):
    """An index past the last image, or one that is no index."""


class InputError(Error, ValueError):
    """Something that cannot be stored or asked for: a third pixel value, a key used twice, a wrong shape."""


class KeyTypeError(Error, TypeError):
    """A key that is not a str."""


class ClosedError(Error, ValueError):
    """The archive or writer is closed."""


class DamagedError(Error, ValueError, BadZipFile):
    """The file is no archive, is damaged, or holds Python objects."""


class LimitError(DamagedError):
    """The file asks for more than the limits allow; the message names the limit."""


class NoMemoryError(Error, MemoryError):
    """The memory that an array, an image or a member takes is not to be had."""


class InternalError(Error, RuntimeError):
    """A fault of this package: please report it."""


class FileError(Error, OSError):
    """The file cannot be read or written."""


class FileMissingError(FileError, FileNotFoundError):
    """There is no such file."""


class FilePresentError(FileError, FileExistsError):
    """There is a file where there should be none."""


class FilePermissionError(FileError, PermissionError):
    """The file may not be read or written."""


class FileChangedError(FileError):
    """The file of this path is not the one that it was: a handle of the old one does not read the new one."""
