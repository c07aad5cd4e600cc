"""Files at URLs, as fsspec finds them, and what of a URL may be shown.

URLs need the extra `remote`, and some schemes another driver, which fsspec names. A URL may hold
secrets: a user, a password, a signed query. Nothing that is shown may hold them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from glob import has_magic
from typing import Any, Final, NamedTuple

from usagewire.errors import FileError

_SILENCE: Final = 60
"""Seconds without a byte from a web server, or without a connection, after which reading fails."""

_ENCODINGS: Final = ("identity", "gzip", "x-gzip", "zstd")
"""The encodings of a web server (RFC 9110, RFC 8878) that the first bytes tell, like a file's."""

# The user and the password, which end at the last @ before the path; or where a / or ? stands in
# the password, as in AWS's keys, at the next @. A port is no password, nor what follows `::`.
_USER: Final = re.compile(r"(?<=://)(?:[^\s/?#]*@|[^\s/?#@:]*:(?!:|\d+/)\S*?@)")
_QUERY: Final = re.compile(r"(://[^\s?#]*)[?#]\S*")


class RemoteFile(NamedTuple):
    """A file that can be opened."""

    name: str
    """Its URL without secrets."""
    open: Callable[[], Any]
    """Returns an object with `read` and `close`, or a whole binary file where it is seekable."""
    seekable: bool
    """Whether it can be read from any place on."""


def remote_files(url: str) -> list[RemoteFile]:
    """Return the file at `url`, or the files of a glob in order, which may be none.

    It raises `FileError` where fsspec is missing, and whatever fsspec and its drivers raise.
    """
    name = public(url)
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415 -- it needs an extra
    except ImportError:
        raise FileError(
            f"{name}: reading a URL needs fsspec: pip install 'usagewire[remote]'"
        ) from None
    system, path = url_to_fs(url)
    if "https" in system.protocol:  # there a question mark begins the query
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

    # Encoded data is decompressed here like any file, because aiohttp does not notice where gzip
    # data is cut off. Asking for no encoding avoids the ones that we do not know.
    client = system.client_kwargs | {"auto_decompress": False}
    system = type(system)(**system.storage_options | {"client_kwargs": client})
    headers = {**system.kwargs.get("headers", {}), "Accept-Encoding": "identity"}
    timeout = ClientTimeout(total=None, sock_connect=_SILENCE, sock_read=_SILENCE)
    # As one stream: in blocks, fsspec would lose the last one where the server breaks off, and not
    # every server has blocks. Were no size given, it would ask for it first and take any refusal
    # for a missing file.
    file = system.open(url, "rb", block_size=0, size=1, timeout=timeout, headers=headers)
    encoding = file.r.headers.get("Content-Encoding", "identity").lower()
    if encoding not in _ENCODINGS:
        file.close()
        raise ValueError(f"the server sends it packed as {encoding!r}, which was not asked for")
    return _WebFile(file)


class _WebFile:
    """A file of fsspec's that gives every byte that came, and then the error if any.

    aiohttp lets an error of the connection overtake the bytes that came before.
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
    """Return a text without the parts of URLs in it that may be secret."""
    return _QUERY.sub(r"\1", _USER.sub("", text))
