"""Failures of stores: what an exception of obstore, of a file system or of HTTP means for who reads."""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass
from typing import Literal

from ._errors import (
    FileChangedError,
    FileError,
    FileMissingError,
    FilePermissionError,
    FilePresentError,
    FileTruncatedError,
)

Kind = Literal["missing", "present", "forbidden", "changed", "truncated", "unsupported", "passing", "final"]

_CLASSES: dict[Kind, type[FileError]] = {
    "missing": FileMissingError,
    "present": FilePresentError,
    "forbidden": FilePermissionError,
    "changed": FileChangedError,
    "truncated": FileTruncatedError,
}

#: What happened, and what to do.
_TEXTS: dict[Kind, str] = {
    "missing": "expected an object, found none: check its name, and the bucket or host",
    "present": "expected no object of this name, found one",
    "forbidden": "the store denies access: check the credentials in the environment, and what they may read and write",
    "changed": "the object was replaced or changed after it was opened: load it again",
    "truncated": "the answer was cut off: try again, and check the network and the server",
    "unsupported": "the store does not support such a request: use another store, or a copy of the file",
    "passing": "the request failed",
    "final": "the request failed",
}

#: What exceptions of obstore mean, by the names of their classes.
_OF_OBSTORE: dict[str, Kind] = {
    "AlreadyExistsError": "present",
    "PermissionDeniedError": "forbidden",
    "UnauthenticatedError": "forbidden",
    "PreconditionError": "changed",
    "NotSupportedError": "unsupported",
    "InvalidPathError": "final",
    "UnknownConfigurationKeyError": "final",
}

#: What answers of HTTP mean; others from 500 on pass, and others from 400 on do not.
_OF_STATUS: dict[int, Kind] = {
    401: "forbidden",
    403: "forbidden",
    404: "missing",
    407: "forbidden",
    408: "passing",
    410: "missing",
    412: "changed",
    # The object was longer when it was opened.
    416: "changed",
    425: "passing",
    429: "passing",
    501: "unsupported",
    505: "final",
}

#: Errors of the system that may pass.
_PASSING_NUMBERS = {
    errno.EAGAIN,
    errno.EBUSY,
    errno.ECONNABORTED,
    errno.ECONNREFUSED,
    errno.ECONNRESET,
    errno.EHOSTUNREACH,
    errno.ENETDOWN,
    errno.ENETRESET,
    errno.ENETUNREACH,
    errno.EPIPE,
    errno.ETIMEDOUT,
}

#: What the texts of exceptions of obstore tell that their classes do not.
_STATUS = re.compile(r"status(?: code)?:? (\d{3})")
_CODE = re.compile(r"<Code>(\w{1,64})</Code>")
_OF_TEXT: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (re.compile(r"non-partial|NotPartial"), "unsupported"),
    (re.compile(r"UnexpectedRange|Requested \d+\.\.\d+, got"), "truncated"),
    # The object was longer when it was opened.
    (re.compile(r"StartTooLarge|InvalidRange"), "changed"),
    (re.compile(r"<Code>(RequestTimeout|SlowDown|InternalError|ServiceUnavailable|Throttling\w*)</Code>"), "passing"),
    # Their answers show keys and tokens.
    (re.compile(r"<Code>(ExpiredToken|InvalidToken|TokenRefreshRequired|InvalidAccessKeyId|SignatureDoesNotMatch)<"), "forbidden"),
    (re.compile(r"\(os error 13\)|kind: PermissionDenied"), "forbidden"),
)
#: Where credentials are looked for that the environment does not hold: on machines of a cloud.
_NO_CREDENTIALS = re.compile(r"//(169\.254\.169\.254|metadata\.google\.internal)[/:]")
_OUT_OF_RANGE = re.compile(r"range (?:is )?not satisfiable", re.IGNORECASE)

#: How servers fail that do not know the range "the last bytes": they send other bytes, or have an error of their own.
_NO_ENDS = re.compile(r"UnexpectedRange|Requested \d+\.\.\d+, got|status(?: code)?:? 500")

#: Why a request of obstore failed.
_REASON = re.compile(r'kind: (Timeout)|(?:message|error): "([^"]{1,100})"|(IncompleteMessage)')

#: What URLs may tell that nobody should see.
_USER = re.compile(r"(\w://)[^\s/?#\"']*@")
_QUERY = re.compile(r"(\w://[^\s?#\"'<>]*)[?#][^\s\"'<>]*")

#: The most characters of a store's own text in a message.
_MOST_TEXT = 300


@dataclass(frozen=True)
class Failure:
    """A request that failed."""

    name: str
    #: What was requested.
    what: str
    kind: Kind
    #: More than the kind says.
    detail: str
    #: The exception that tells more; None if it may show a password.
    cause: BaseException | None
    #: Whether the request may succeed when it is made again.
    may_pass: bool

    def exception(self, attempts: int = 1) -> FileError:
        """Returns the exception to raise after so many attempts."""
        detail = f" ({self.detail})" if self.detail else ""
        often = f", after {attempts} attempts" if attempts > 1 else ""
        message = f"{self.name}: {self.what}: {_TEXTS[self.kind]}{detail}{often}"
        return _CLASSES.get(self.kind, FileError)(message)


class WrongAnswerError(Exception):
    """An answer is not what was requested: of another place or version, too short or too long."""

    def __init__(self, kind: Kind, text: str) -> None:
        super().__init__(text)
        self.kind = kind


def failure_of(error: Exception, name: str, what: str, repeats: bool = False) -> Failure:
    """Returns what an exception means.

    With `repeats`, the store repeats requests that fail by itself, so that only answers that are cut off are to be requested again.
    """
    kind, text = kind_of(error), str(error)
    if isinstance(error, WrongAnswerError):
        return Failure(name, what, kind, text, None, kind == "truncated")
    # The answer to a request that is denied may show how it was signed.
    is_open = kind != "forbidden" and without_secrets(text) == text
    # Stores of obstore do not repeat a request of which the answer is for another range.
    may_pass = (kind == "passing" and not repeats) or (kind == "truncated" and (not repeats or _is_of_obstore(error)))
    return Failure(name, what, kind, _detail_of(error, kind), error if is_open else None, may_pass)


def without_secrets(text: str) -> str:
    """Returns a text with URLs that have neither users and passwords nor queries, which may be signatures."""
    return _QUERY.sub(r"\1", _USER.sub(r"\1", text))


def kind_of(error: Exception) -> Kind:
    """Returns what an exception means."""
    if isinstance(error, WrongAnswerError):
        return error.kind
    if isinstance(error, FileNotFoundError):
        # Over HTTP, fsspec raises this for every failure to find out the length.
        kind = kind_of(error.__cause__) if isinstance(error.__cause__, Exception) else "missing"
        return "missing" if kind == "final" else kind
    if isinstance(error, FileExistsError):
        return "present"
    if isinstance(error, PermissionError):
        return "forbidden"
    if isinstance(error, NotImplementedError):
        return "unsupported"
    module = type(error).__module__.partition(".")[0]
    if _is_of_obstore(error):
        return _kind_of_obstore(error)
    status = getattr(error, "status", None)
    if isinstance(status, int) and status >= 400:
        return _kind_of_status(status)
    if isinstance(error, (ConnectionError, TimeoutError)) or module in ("aiohttp", "requests", "urllib3", "httpx"):
        return "truncated" if "PayloadError" in type(error).__name__ else "passing"
    if _OUT_OF_RANGE.search(str(error)):
        return "changed"
    if isinstance(error, OSError) and error.errno is None:
        # Uploads of obstore raise no exception of its own.
        return _kind_of_obstore(error)
    if isinstance(error, OSError):
        return "passing" if error.errno in _PASSING_NUMBERS else "final"
    return "final"


def may_know_no_ends(error: Exception) -> bool:
    """Returns whether a request for the last bytes of an object may have failed because the server does not know such requests."""
    return kind_of(error) in ("unsupported", "changed", "final") or _NO_ENDS.search(str(error)) is not None


def _is_of_obstore(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] == "obstore"


def _kind_of_obstore(error: Exception) -> Kind:
    if (kind := _OF_OBSTORE.get(type(error).__name__)) is not None:
        return kind
    text = str(error)
    for pattern, meant in _OF_TEXT:
        if pattern.search(text):
            return meant
    if (found := _STATUS.search(text)) is not None:
        return _kind_of_status(int(found[1]))
    if _NO_CREDENTIALS.search(text):
        return "forbidden"
    return "passing"


def _kind_of_status(status: int) -> Kind:
    return _OF_STATUS.get(status, "final" if status < 500 else "passing")


def _detail_of(error: Exception, kind: Kind) -> str:
    """Returns what the store says: the code of its error, if there is one."""
    text, status = str(error), getattr(error, "status", None)
    if (code := _CODE.search(text)) is not None:
        return code[1]
    if (found := _STATUS.search(text)) is not None or isinstance(status, int):
        return f"status {found[1] if found is not None else status}"
    if (found := _REASON.search(text)) is not None:
        return found[1] or found[2] or found[3]
    first = without_secrets(text.strip()).partition("\n")[0]
    if kind in ("missing", "present", "forbidden"):
        return ""
    return f"{type(error).__name__}: {first[:_MOST_TEXT]}"
