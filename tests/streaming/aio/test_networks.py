"""`aread` of sockets and HTTP responses."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.support.asynchronous import GOOD, ROWS, all_of, until_error
from tests.support.chunks import cut
from tests.support.packing import PACK
from usagewire import FileError, aread


@pytest.mark.parametrize("suffix", PACK)
async def test_socket(suffix: str) -> None:
    """A socket is read, in any pieces."""
    data = PACK[suffix](GOOD * 300)

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for chunk in cut(data, 997):
            writer.write(chunk)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        records = await all_of(reader)
        writer.close()
        await writer.wait_closed()
    assert ROWS * 300 == records


async def with_client(
    data: bytes, length: int, use: Callable[[aiohttp.ClientResponse], Awaitable[Any]]
) -> Any:
    """Call `use` with the response of a server that announces `length` bytes."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(length)})
        await response.prepare(request)
        for chunk in cut(data, 997):
            await response.write(chunk)
        if length > len(data) and request.transport is not None:
            request.transport.close()
        return response

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0]
        async with aiohttp.ClientSession() as session, session.get(f"http://{host}:{port}") as got:
            return await use(got)
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    "stream",
    [
        lambda response: response.content,
        lambda response: response.content.iter_any(),
        lambda response: response.content.iter_chunked(100),
    ],
    ids=["content", "iter_any", "iter_chunked"],
)
async def test_aiohttp(stream: Callable[[aiohttp.ClientResponse], Any]) -> None:
    """The body of an HTTP response is read as it arrives."""
    data = PACK[".gz"](GOOD * 300)

    async def use(response: aiohttp.ClientResponse) -> list[Any]:
        return await all_of(stream(response))

    assert ROWS * 300 == await with_client(data, len(data), use)


async def test_aiohttp_cut_off() -> None:
    """A body that breaks off is a `FileError` after its records, caused by the client's error."""

    async def use(response: aiohttp.ClientResponse) -> tuple[list[Any], FileError | None]:
        return await until_error(aread(response.content, name="the log"))

    records, error = await with_client(GOOD, len(GOOD) + 1, use)

    assert (ROWS, FileError) == (records, type(error))
    assert isinstance(error.__cause__, aiohttp.ClientError)
    assert str(error).startswith("the log: ")
