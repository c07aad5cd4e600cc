"""Files at URLs, which fsspec finds, and the part of a URL that may be shown.

URLs need the extra `remote`. Some schemes need another driver, which fsspec names. A URL may hold
secrets: a user, a password or a signed query. No name, message or checkpoint may show them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from glob import has_magic
from typing import Any, Final, NamedTuple

from usagewire.errors import FileError

_SILENCE: Final = 60
"""Seconds to wait for a connection to a web server, or for its next byte, before giving up."""

_ENCODINGS: Final = ("identity", "gzip", "x-gzip", "zstd")
"""Accepted values of Content-Encoding (RFC 9110, RFC 8878). The first bytes show which it is."""

# The user and the password, which end at the last @ before the path. If the password contains a /
# or ?, as AWS keys can, they end at the next @. A port or text after `::` is not a password.
_USER: Final = re.compile(r"(?<=://)(?:[^\s/?#]*@|[^\s/?#@:]*:(?!:|\d+/)\S*?@)")
_QUERY: Final = re.compile(r"(://[^\s?#]*)[?#]\S*")


class RemoteFile(NamedTuple):
    """A file at a URL."""

    name: str
    """The URL without secrets."""
    open: Callable[[], Any]
    """Return a binary file, which has only `read` and `close` if it is not seekable."""
    seekable: bool


def remote_files(url: str) -> list[RemoteFile]:
    """Return the file at `url`, or the files that match a glob, in order.

    It raises `FileError` if fsspec is missing, and any error of fsspec and its drivers.
    """
    name = public(url)
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415 -- it needs an extra
    except ImportError:
        raise FileError(
            f"{name}: reading a URL needs fsspec: pip install 'usagewire[remote]'"
        ) from None
    system, path = url_to_fs(url)
    if "https" in system.protocol:  # a question mark begins the query, and is not a glob
        return [RemoteFile(name, partial(_open_web, system, path), seekable=False)]
    found = [path]
    if has_magic(path) and not system.exists(path):
        matches = system.glob(path, detail=True)
        found = sorted(one for one, info in matches.items() if info["type"] != "directory")
    return [
        RemoteFile(
            name if one == path else public(system.unstrip_protocol(one)),
            partial(system.open, one, "rb"),
            seekable=True,
        )
        for one in found
    ]


def _open_web(system: Any, url: str) -> _WebFile:
    from aiohttp import ClientTimeout  # noqa: PLC0415 -- fsspec needs it for web addresses

    # We decompress encoded data like any file, because aiohttp does not notice truncated gzip data.
    # We request no encoding, to avoid the unknown ones.
    client = system.client_kwargs | {"auto_decompress": False}
    system = type(system)(**system.storage_options | {"client_kwargs": client})
    headers = {**system.kwargs.get("headers", {}), "Accept-Encoding": "identity"}
    timeout = ClientTimeout(total=None, sock_connect=_SILENCE, sock_read=_SILENCE)
    # Without blocks, because fsspec would lose the last block if the connection breaks, and some
    # servers have no ranges. Without a size, fsspec would request it first, and report any refusal
    # as a missing file.
    file = system.open(url, "rb", block_size=0, size=1, timeout=timeout, headers=headers)
    encoding = file.r.headers.get("Content-Encoding", "identity").lower()
    if encoding not in _ENCODINGS:
        file.close()
        raise ValueError(f"the server sends the encoding {encoding!r}, which was not requested")
    return _WebFile(file)


class _WebFile:
    """A file of fsspec that raises an error only after all bytes that came before it.

    aiohttp raises an error of the connection before it gives these bytes.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self._error: Exception | None = None
        self.close = file.close

    def read(self, size: int) -> bytes:
        if self._error is not None:
            raise self._error
        try:
            data: bytes = self._file.read(size)
        except Exception as error:
            self._error = error
            content = self._file.r.content
            content.set_exception(None)
            data = content.read_nowait()
            if not data:
                raise
        return data


def public(url: str) -> str:
    """Return a URL without the parts that may be secret.

    >>> public("s3://user:pass/word@bucket/usage.ndjson?versionId=1")
    's3://bucket/usage.ndjson'
    """
    return re.split("[?#]", _USER.sub("", url), maxsplit=1)[0]


def without_secrets(text: str) -> str:
    """Return a text, such as an error message, without the parts of URLs that may be secret."""
    return _QUERY.sub(r"\1", _USER.sub("", text))
