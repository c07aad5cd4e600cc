"""Files at URLs: records, errors, and secrets that are not shown."""

import asyncio
import gzip
import http.server
import io
import itertools
import socket
import sys
import threading
import traceback
import zlib
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, Final

import pytest

from tests.support.reading import LINES, ROWS, everything
from tests.support.samples import row, text
from usagewire import FileError, read
from usagewire.io import remote
from usagewire.io.remote import public, without_secrets


@pytest.fixture
def memory() -> Iterator[Any]:
    """Yield the file system of fsspec in memory, empty."""
    fsspec = pytest.importorskip("fsspec")
    system = fsspec.filesystem("memory")
    system.rm("/", recursive=True)
    yield system
    system.rm("/", recursive=True)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["uncompressed", "gzip"])
def test_memory(memory: Any, pack: Any) -> None:
    """A URL is read with fsspec, and reading can be resumed."""
    memory.pipe_file("/logs/a", pack(LINES))
    reader = read("memory://logs/a")
    found = [next(reader), next(reader)]

    assert ROWS == found + list(read("memory://logs/a", resume=reader.checkpoint()))
    assert "memory://logs/a" == reader.name


def test_glob_at_a_url(memory: Any) -> None:
    """A glob at a URL gives its files in order, unless there is a file of that name."""
    for number, name in enumerate(["a", "b", "sub/c", "d[1]"]):
        memory.pipe_file(f"/logs/{name}", text(row(usage_bytes=number)))

    assert [0, 1, 3] == everything("memory://logs/*")
    assert [0, 1, 3, 2] == everything(["memory://logs/?", "memory://logs/d*", "memory://logs/**/c"])
    assert [3] == everything("memory://logs/d[1]")
    reader = read("memory://logs/*")
    assert ["memory:///logs/a", "memory:///logs/b"] == [
        reader.name for _ in itertools.islice(reader, 2)
    ]


@pytest.mark.parametrize(
    ("hidden", "url", "message"),
    [
        ("fsspec.core", "memory://x", "needs fsspec: pip install 'usagewire[remote]'"),
        ("aiohttp", "http://127.0.0.1/x", "aiohttp"),
        ("s3fs", "s3://bucket/x", "s3fs"),
        ("gcsfs", "gs://bucket/x", "gcsfs"),
        ("adlfs", "az://bucket/x", "adlfs"),
    ],
)
def test_missing_package(
    monkeypatch: pytest.MonkeyPatch, hidden: str, url: str, message: str
) -> None:
    """If a package for a URL is missing, the error names the package to install."""
    monkeypatch.setitem(sys.modules, hidden, None)
    monkeypatch.delitem(sys.modules, "fsspec.implementations.http", raising=False)
    registry = pytest.importorskip("fsspec.registry")
    monkeypatch.delitem(registry._registry, "http", raising=False)  # noqa: SLF001 -- found before
    with pytest.raises(FileError) as caught:
        read(url)

    assert str(caught.value).startswith(f"{url}: ")
    assert message in str(caught.value)


BIG = LINES * 1000


ENCODED: Final[dict[str, tuple[str, Callable[[bytes], bytes]]]] = {
    "/encoded": ("gzip", gzip.compress),
    "/members": ("x-gzip", lambda data: gzip.compress(data[:-9]) + gzip.compress(data[-9:])),
    "/torn": ("gzip", lambda data: gzip.compress(data, 1)[:-2000]),
    "/deflated": ("deflate", zlib.compress),
}
"""How the server encodes the file at some paths."""


class Handler(http.server.BaseHTTPRequestHandler):
    """A web server without ranges and HEAD, whose answer depends on the path."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        name = self.path.partition("?")[0]
        data = {"/a.gz": gzip.compress(BIG), "/cut.gz": gzip.compress(BIG, 1)}.get(name, BIG)
        if name in ("/missing", "/forbidden"):
            self.send_error({"/missing": 404, "/forbidden": 403}[name])
            return
        self.send_response(200)
        if name == "/chunked":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data))
            return
        if name in ENCODED:
            encoding, pack = ENCODED[name]
            data = pack(data)
            self.send_header("Content-Encoding", encoding)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if name.startswith("/cut"):
            self.close_connection = True
            data = data[: len(data) // 2]
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Be quiet."""


class Server(http.server.ThreadingHTTPServer):
    """A web server that ignores clients which disconnect early."""

    def handle_error(self, *_: Any) -> None:
        """Be quiet."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Yield the address of a web server on loopback."""
    pytest.importorskip("aiohttp")
    web = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=web.serve_forever, args=(0.01,))
    thread.start()
    yield f"127.0.0.1:{web.server_port}"
    web.shutdown()
    thread.join()
    web.server_close()


@pytest.mark.parametrize("name", ["a", "a.gz", "chunked", "a?x=*", "encoded", "members"])
def test_http(server: str, name: str) -> None:
    """A web address is read as one stream, compressed or not, with any features of the server."""
    reader = read(f"http://{server}/{name}")

    assert ROWS * 1000 == list(reader)
    assert f"http://{server}/{name.partition('?')[0]}" == reader.name
    assert (len(BIG), reader.taken) == (
        reader.counts.bytes,
        len(BIG) if name in ("a", "chunked", "a?x=*") else reader.taken,
    )


def test_resume_over_http(server: str) -> None:
    """Reading resumes at the checkpoint, although the server sends the whole file."""
    reader = read(f"http://{server}/a")
    for _ in range(7):
        next(reader)
    reader.close()

    assert (ROWS * 1000)[7:] == list(read(f"http://{server}/a", resume=reader.checkpoint()))


@pytest.mark.parametrize("name", ["cut", "cut.gz", "torn"])
def test_server_that_breaks_off(server: str, name: str) -> None:
    """If a connection breaks, the records before come first, then an error and the next file."""
    found = everything([f"http://{server}/{name}", io.BytesIO(LINES)])
    errors = [place for place, one in enumerate(found) if isinstance(one, str)]

    assert [len(found) - 6] == errors
    assert found[errors[0]].startswith(f"http://{server}/{name}: ")
    assert [*([*range(5)] * 1000)[: errors[0]], *range(5)] == found[: errors[0]] + found[-5:]
    assert errors[0] == 2500 if name == "cut" else errors[0] > 2000


@pytest.mark.parametrize(
    ("name", "message"),
    [("missing", ""), ("unserved", ""), ("forbidden", "403"), ("deflated", "encoding 'deflate'")],
)
def test_refused_by_a_server(server: str, name: str, message: str) -> None:
    """A web address that cannot be read is an error at once, even if there is no server."""
    if name == "unserved":
        with socket.create_server(("127.0.0.1", 0)) as closed:
            server = f"127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(FileError) as caught:
        read(f"http://{server}/{name}")

    assert str(caught.value).startswith(f"http://{server}/{name}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["missing", "forbidden", "cut", "a"])
def test_secrets_are_not_shown(server: str, name: str) -> None:
    """No error, name, checkpoint or traceback contains the password or the query of a URL."""
    shown = []
    url = f"http://me:hidden1@{server}/{name}?sig=hidden2#hidden3"
    try:
        reader = read(url)
        next(reader)
        shown += [reader.name, reader.checkpoint(), repr(reader.position)]
        list(reader)
    except FileError:
        shown.append(traceback.format_exc())

    assert shown
    assert "hidden" not in "".join(shown)
    assert f"http://{server}/{name}" in "".join(shown)


def test_secret_in_an_error_while_reading(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later error does not contain a secret of the URL, and its cause does not either."""
    url = f"http://me:hidden1@{server}/a?sig=hidden2"

    def fail(*_: Any) -> bytes:
        raise ValueError(f"cannot read {url}")

    reader = read(url)
    monkeypatch.setattr(remote._WebFile, "read", fail)  # noqa: SLF001 -- to make it fail
    try:
        next(reader)
    except FileError:
        shown = traceback.format_exc()

    assert f"http://{server}/a: cannot read http://{server}/a\n" in shown
    assert "hidden" not in shown


def test_error_of_a_connection_comes_after_the_bytes() -> None:
    """Bytes that aiohttp holds come before the error of the connection."""
    aiohttp = pytest.importorskip("aiohttp")
    loop = asyncio.new_event_loop()
    protocol = aiohttp.base_protocol.BaseProtocol(loop)
    content = aiohttp.StreamReader(protocol, 2**16, loop=loop)
    content.feed_data(b"rest")
    content.set_exception(OSError("lost"))
    file = remote._WebFile(  # noqa: SLF001 -- with our own answer
        SimpleNamespace(
            r=SimpleNamespace(content=content),
            read=lambda size: loop.run_until_complete(content.read(size)),
            close=loop.close,
        )
    )

    assert b"rest" == file.read(2)
    for _ in range(2):
        with pytest.raises(OSError, match="lost"):
            file.read(2)
    file.close()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host/a/b.gz", "https://host/a/b.gz"),
        ("https://host:8080/a@b", "https://host:8080/a@b"),
        ("https://me:pass@host/a@b?q=1#f", "https://host/a@b"),
        ("https://me@host/a", "https://host/a"),
        ("https://me:p@ss@host/a", "https://host/a"),
        ("https://me:pass?word@host/a", "https://host/a"),
        ("s3://key:pass/wo+rd=@bucket/a", "s3://bucket/a"),
        ("s3://bucket/me@example.com/a", "s3://bucket/me@example.com/a"),
        ("simplecache::ftp://me:pass@host/a", "simplecache::ftp://host/a"),
        ("zip://a.ndjson::https://me:pass@host/b.zip?s=1", "zip://a.ndjson::https://host/b.zip"),
        ("https://host/a?x y", "https://host/a"),
    ],
)
def test_public(url: str, shown: str) -> None:
    """The shown part of a URL has no user, no password and no query."""
    assert shown == public(url)
    if " " not in url:
        assert f"see '{shown}" == without_secrets(f"see '{url}")
