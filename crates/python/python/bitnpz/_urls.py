"""URLs of files in stores and on web servers."""

from __future__ import annotations

import base64
import importlib
import os
import re
import urllib.parse
import urllib.request
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ._errors import FileMissingError, InputError
from ._store_failures import without_secrets
from ._store_options import StoreOptions

#: A scheme has two letters or more: a drive of Windows has one. Those of fsspec can be chained, as in `simplecache::s3://`.
_URL = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]+::)*([A-Za-z][A-Za-z0-9+.-]+)://")

#: The schemes that obstore opens. Its store of the scheme `memory` would be a new one each time.
_OF_OBSTORE = {"s3", "s3a", "gs", "az", "adl", "azure", "abfs", "abfss", "http", "https", "file"}

#: The longest that a server on the web may take for an answer, in seconds, as with other stores of obstore.
_WEB_TIMEOUT = 30.0

#: The requests that fail are repeated here, and not by the store as well.
_NO_RETRIES: dict[str, Any] = {"max_retries": 0}


def is_remote(file: object) -> bool:
    """Returns whether a file is named by a URL, and not by that of a file of this machine."""
    return is_url(file) and not Url(str(file)).is_local


def is_url(file: object) -> bool:
    """Returns whether a file is named by its URL. What is the name of a local file is a path."""
    return isinstance(file, str) and _URL.match(file) is not None and not os.path.lexists(file)


@dataclass(frozen=True)
class Url:
    """The URL of a file. Its text may hold a password, or a signature in the query."""

    text: str

    def __repr__(self) -> str:
        return f"Url({self.shown!r})"

    @property
    def scheme(self) -> str:
        """The scheme, in small letters; of a chain the last."""
        found = _URL.match(self.text)
        return found[1].lower() if found is not None else ""

    @property
    def shown(self) -> str:
        """The URL for messages, without a user, a password or a query."""
        return without_secrets(self.text) if self.is_on_web or ":" in self._host.partition("@")[0] else self.text

    @property
    def is_on_web(self) -> bool:
        """Whether the file is on a web server. The names of objects in stores may have any character."""
        return self.scheme in ("http", "https")

    @property
    def is_local(self) -> bool:
        """Whether this is `file://`, the URL of a file of this machine."""
        return self.scheme == "file" and "::" not in self.text[: self._start]

    @property
    def _host(self) -> str:
        """What follows the scheme: the host with the user, or the bucket."""
        return self.text[self._start :].partition("/")[0]

    @property
    def _start(self) -> int:
        """Where the scheme ends."""
        found = _URL.match(self.text)
        return found.end() if found is not None else 0

    def sibling(self, name: str) -> Url:
        """Returns the URL of a file in the same folder, or in a folder in it."""
        check_sibling(name)
        text, query = self.text, ""
        if self.is_on_web:
            text, mark, query = re.sub("#.*", "", text).partition("?")
            name, query = urllib.parse.quote(name), mark + query
        return Url(text[: max(text.rfind("/") + 1, self._start)] + name + query)

    def in_obstore(self, options: StoreOptions, for_uploads: bool = False) -> tuple[Any, str] | None:
        """Returns the store of obstore and the path in it; None if obstore is not installed, or does not know the scheme.

        A store for uploads repeats requests that fail, as only it can send a part again.
        """
        if self.scheme not in _OF_OBSTORE or "::" in self.text[: self._start]:
            return None
        try:
            stores = importlib.import_module("obstore.store")
        except ImportError:
            return None
        try:
            if self.scheme == "file":
                return self._in_folder(stores)
            if self.is_on_web:
                return self._on_web(stores, options)
            host, _, path = self.text[self._start :].partition("/")
            retries = _NO_RETRIES
            if for_uploads:
                retries = {"max_retries": options.attempts - 1, "retry_timeout": timedelta(seconds=options.timeout)}
            return stores.from_url(f"{self.scheme}://{host}", retry_config=retries), path
        except (InputError, FileMissingError):
            raise
        except Exception as error:  # noqa: BLE001
            reason = without_secrets(str(error)).strip().partition("\n")[0]
        # Raised outside `except`: the cause could show a password.
        raise InputError(f"{self.shown}: expected the URL of a store that the environment configures: {reason}")

    @property
    def local_path(self) -> str:
        """The path of a local file, which may have been written with `%20` for a space, or with a space."""
        path = "/" + self.text[self._start :].partition("/")[2]
        return path if os.path.lexists(path) else urllib.request.url2pathname(path)

    def _in_folder(self, stores: Any) -> tuple[Any, str]:
        folder, name = os.path.split(self.local_path)
        if not os.path.isdir(folder):
            raise FileMissingError(f"{self.shown}: expected a file, found no folder {folder}")
        return stores.LocalStore(folder), name

    def _on_web(self, stores: Any, options: StoreOptions) -> tuple[Any, str]:
        split = urllib.parse.urlsplit(self.text)
        user, _, host = split.netloc.rpartition("@")
        folder, _, name = split.path.rpartition("/")
        if not name:
            raise InputError(f"{self.shown}: expected the URL of a file, found that of a folder")
        root = urllib.parse.urlunsplit((self.scheme, host, folder or "/", split.query, ""))
        milliseconds = max(int(min(options.timeout, _WEB_TIMEOUT) * 1000), 1)
        client: dict[str, Any] = {"timeout": f"{milliseconds}ms"}
        if self.scheme == "http":
            client["allow_http"] = True
        if user:
            # obstore does not take them from the URL.
            encoded = base64.b64encode(urllib.parse.unquote_to_bytes(user)).decode("ascii")
            client["default_headers"] = {"Authorization": f"Basic {encoded}"}
        store = stores.HTTPStore(root, client_options=client, retry_config=_NO_RETRIES)
        return store, urllib.parse.unquote(name)

    def in_fsspec(self) -> tuple[Any, str]:
        """Returns the file system of fsspec and the path in it."""
        try:
            core = importlib.import_module("fsspec.core")
        except ImportError:
            core = None
        if core is None:
            wanted = "obstore or " if self.scheme in _OF_OBSTORE else ""
            raise InputError(
                f"{self.shown}: expected a path, or {wanted}fsspec to be installed for a URL, found neither: "
                "pip install obstore, which reads s3, gs, az, http and https"
            )
        try:
            filesystem, path = core.url_to_fs(self.local_path if self.is_local else self.text)
            return filesystem, path
        except ImportError as error:
            reason = f"{error}; or pip install obstore, which reads s3, gs, az, http and https"
        except ValueError as error:
            reason = f"{error}; a path of a local file has no ://"
        raise InputError(f"{self.shown}: expected a URL that obstore or fsspec can open: {without_secrets(reason)}")


def check_sibling(name: str) -> None:
    """Checks that a name leads to a file in the same folder, or in a folder in it: it comes from a file that may be hostile."""
    if any(part in ("", ".", "..") for part in name.split("/")) or re.search(r"[\\:\x00-\x1f\x7f-\x9f]", name):
        raise InputError(f"name: expected that of a file in the same folder, found {name!r}")
