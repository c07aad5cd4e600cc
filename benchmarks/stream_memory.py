"""The growth of memory while large or hostile input is read. Linux only.

Each case runs in a separate process, which asks the kernel for its peak of resident memory
(VmHWM). `python -m benchmarks.stream_memory` measures this part alone and prints it; `--small`
takes seconds.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Final

import attrs

from benchmarks import workloads
from benchmarks.streaming import FORMATS, GZIP, zstd
from benchmarks.tables import number, table
from benchmarks.targets import Target
from benchmarks.workloads import Workload
from usagewire import Counts, read

MIB: Final = 2**20
LIMIT: Final = 16 * MIB
"""`max_line_bytes` of every case, which is the default."""

ROWS_AT_ONCE: Final = 20_000
"""A large file repeats the lines of this many rows. No record is kept when the next is read."""

STREAMED_TARGET: Final = 64 * MIB
"""After the first tenth of a large file, the peak may grow by at most this many bytes."""

HOSTILE_TARGET: Final = 100 * MIB
"""If one line never ends, reading may raise the peak by at most this many bytes."""


@attrs.frozen
class Sizes:
    """The size of a run, in bytes of text."""

    stream: int
    """Bytes of input that is streamed for long."""
    line: int
    """Bytes of a line that never ends."""
    document: int = LIMIT
    """Bytes of a document or a line that is as long as allowed."""


FULL: Final = Sizes(stream=2 * 10**9, line=2**30)
SMALL: Final = Sizes(stream=2 * 10**8, line=2**27)


@attrs.frozen
class Case:
    """An input that a separate process reads."""

    title: str
    write: Callable[[Path, Sizes], Counts]
    """Write the file and return the expected counts, with 0 for bytes."""
    target: int | None
    """The peak may grow by at most this many bytes. None means that there is no target."""
    from_tenth: bool = False
    """Whether growth starts after the first tenth, instead of before reading."""
    chunk: int | None = None
    """The bytes of each chunk that `read` gets, or None if it gets the path."""


@attrs.frozen(kw_only=True)
class Peaks:
    """The measurements of one process, in bytes of resident memory."""

    before: int
    """Before reading: the interpreter and its imports."""
    tenth: int
    """The maximum until a tenth of the file was read."""
    after: int
    """The maximum in all."""
    seconds: float
    bytes: int
    """Bytes of text that were read."""


@attrs.frozen(kw_only=True)
class Measured:
    """The measurements of each case."""

    sizes: Sizes
    peaks: Mapping[str, tuple[int, Peaks]]
    """The bytes of the file and the peaks, by title."""


def measure(sizes: Sizes) -> Measured:
    """Write the file of each case, read it in a separate process, and delete it.

    Raises:
        OSError: There is not enough room for the largest file.
    """
    peaks = {}
    with TemporaryDirectory() as folder:
        room = shutil.disk_usage(folder).free
        if room < 1.5 * max(sizes.stream, sizes.line):
            raise OSError(f"{folder} has only {room:,} bytes free; set TMPDIR to another folder")
        file = Path(folder) / "input"
        for case in CASES:
            expected = case.write(file, sizes)
            size = file.stat().st_size
            peaks[case.title] = size, run_case(case, file, expected)
            file.unlink()
    return Measured(sizes=sizes, peaks=peaks)


def run_case(case: Case, file: Path, expected: Counts) -> Peaks:
    """Let a process read `file`, and assert that its counts are as expected."""
    run = [sys.executable, "-m", "benchmarks.stream_memory", "--case", case.title, str(file)]
    answer = json.loads(subprocess.run(run, check=True, capture_output=True).stdout)  # noqa: S603 -- our own command
    counts = Counts(**answer.pop("counts"))
    assert attrs.evolve(counts, bytes=0) == expected, (case.title, counts)
    return Peaks(bytes=counts.bytes, **answer)


def observed(case: Case, file: Path) -> dict[str, Any]:
    """Read `file` and return the fields of `Peaks`, and the counts."""
    size = file.stat().st_size
    taken = 0

    def chunks() -> Iterator[bytes]:
        nonlocal taken
        with file.open("rb") as opened:
            while chunk := opened.read(case.chunk):
                taken += len(chunk)
                yield chunk

    before, tenth = _resident("VmRSS"), 0
    start = perf_counter()
    source = chunks() if case.chunk else file
    with read(source, on_error="collect", max_line_bytes=LIMIT) as reader:
        for batch in reader.batches():
            del batch
            if not tenth and (taken or reader.taken) * 10 >= size:
                tenth = _resident("VmHWM")
        return {
            "before": before,
            "tenth": tenth,
            # The kernel counts loosely, so a later peak can be lower.
            "after": max(tenth, _resident("VmHWM")),
            "seconds": perf_counter() - start,
            "counts": attrs.asdict(reader.counts),
        }


def _resident(name: str) -> int:
    """Return the resident memory of this process: VmRSS is the current value, VmHWM the peak."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise LookupError(name)


def _lines() -> Workload:
    return workloads.completions(ROWS_AT_ONCE)


def _stream(file: Path, sizes: Sizes) -> Counts:
    return _repeated(file, sizes, lambda data: data)


def _stream_gzip(file: Path, sizes: Sizes) -> Counts:
    return _repeated(file, sizes, lambda data: zlib.compress(data, wbits=GZIP))


def _repeated(file: Path, sizes: Sizes, made: Callable[[bytes], bytes]) -> Counts:
    """Write the same lines until they have `sizes.stream` bytes, before compression."""
    lines = _lines()
    times = -(-sizes.stream // len(lines.data))
    written = made(lines.data)
    with file.open("wb") as opened:
        for _ in range(times):
            opened.write(written)
    return Counts(lines=times * lines.rows, records=times * lines.rows)


def _all_bad(file: Path, sizes: Sizes) -> Counts:
    """Write only bad lines."""
    size = sizes.stream // 10
    line = b'{"object":"organization.usage.completions.result","input_tokens":"1' + b"0" * 5000
    times = size // len(line)
    file.write_bytes((line + b"\n") * times)
    return Counts(lines=times, rejected=times)


def _long_line(file: Path, sizes: Sizes) -> Counts:
    """Write a good line, a very long one, and another good line."""
    good = _lines().data.split(b"\n", 1)[0]
    with file.open("wb") as opened:
        opened.write(good + b'\n{"object":"')
        for _ in range(sizes.line // 2**16):
            opened.write(b"x" * 2**16)
        opened.write(b"\n" + good + b"\n")
    return Counts(lines=3, records=2, rejected=1)


def _slow_line(file: Path, sizes: Sizes) -> Counts:
    """Write one line as long as allowed, which is read a few bytes at a time."""
    head, tail = b'{"object":"organization.usage.new.result","note":"', b'"}'
    file.write_bytes(head + b"x" * (sizes.document - len(head) - len(tail)) + tail)
    return Counts(lines=1, records=1, unknown=1)


def _bomb(file: Path, sizes: Sizes) -> Counts:
    """Write one gzip member that is one line without end."""
    compress = zlib.compressobj(9, wbits=GZIP)
    with file.open("wb") as opened:
        for _ in range(sizes.line // 2**16):
            opened.write(compress.compress(b"x" * 2**16))
        opened.write(compress.flush())
    return Counts(lines=1, rejected=1)


def _bomb_of_members(suffix: str) -> Callable[[Path, Sizes], Counts]:
    """Return a function that writes one very long line in members of 16 MiB of text each."""

    def write(file: Path, sizes: Sizes) -> Counts:
        size = min(sizes.line, 16 * MIB)
        file.write_bytes(FORMATS[suffix][0](b"x" * size) * (sizes.line // size))
        return Counts(lines=1, rejected=1)

    return write


def _wide_bomb(file: Path, sizes: Sizes) -> Counts:
    """Write zstd that needs the widest window that is allowed, 2**27 bytes."""
    options = {zstd.CompressionParameter.window_log: 27}
    compress = zstd.ZstdCompressor(options=options)
    with file.open("wb") as opened:
        for _ in range(sizes.line // 2**16):
            opened.write(compress.compress(b"x" * 2**16))
        opened.write(compress.flush())
    return Counts(lines=1, rejected=1)


def _nested_bomb(file: Path, sizes: Sizes) -> Counts:
    """Write gzip inside gzip. It is unpacked once, and the result is not text."""
    _bomb(file, sizes)
    inner = file.read_bytes()
    file.write_bytes(zlib.compress(inner, wbits=GZIP))
    lines = inner.count(b"\n") + (inner[-1:] != b"\n")
    blank = sum(not line.strip(b" \t\r") for line in inner.removesuffix(b"\n").split(b"\n"))
    return Counts(lines=lines, rejected=lines - blank, blank=blank)


def _empty_lines(file: Path, sizes: Sizes) -> Counts:
    """Write gzip that contains only LF."""
    size = sizes.line // 512
    file.write_bytes(zlib.compress(b"\n" * size, wbits=GZIP))
    return Counts(lines=size, blank=size)


def _document(file: Path, sizes: Sizes) -> Counts:
    """Write an array of rows on many lines that is as long as allowed."""
    lines = (_lines().data * (1 + sizes.document // len(_lines().data))).splitlines()
    text = b"[\n" + b",\n".join(lines)
    text = text[: text.rindex(b",\n", 0, sizes.document - 2)] + b"\n]"
    file.write_bytes(text)
    count = text.count(b"\n") - 1
    return Counts(lines=count, records=count)


def _line_of_nothing(file: Path, sizes: Sizes) -> Counts:
    """Write one line of empty objects, which need the most memory of a parser for their bytes."""
    head, tail = b'{"object":"organization.usage.new.result","new":[', b"{}]}"
    file.write_bytes(head + b"{}," * ((sizes.document - len(head) - len(tail)) // 3) + tail)
    return Counts(lines=1, records=1, unknown=1)


CASES: Final = (
    Case("NDJSON", _stream, STREAMED_TARGET, from_tenth=True),
    Case("the same, gzip", _stream_gzip, STREAMED_TARGET, from_tenth=True),
    Case("nothing but bad lines", _all_bad, STREAMED_TARGET),
    Case("one line, far past the limit", _long_line, HOSTILE_TARGET),
    Case("one line at the limit, 32 bytes at a time", _slow_line, HOSTILE_TARGET, chunk=32),
    Case("gzip bomb: one member, one line", _bomb, HOSTILE_TARGET),
    Case("gzip bomb: many members, one line", _bomb_of_members(".gz"), HOSTILE_TARGET),
    Case("gzip bomb: gzip in gzip", _nested_bomb, HOSTILE_TARGET),
    Case("gzip bomb: blank lines", _empty_lines, HOSTILE_TARGET),
    Case("zstd bomb", _bomb_of_members(".zst"), HOSTILE_TARGET),
    Case("zstd bomb of the widest window", _wide_bomb, None),
    Case("bzip2 bomb", _bomb_of_members(".bz2"), HOSTILE_TARGET),
    Case("xz bomb", _bomb_of_members(".xz"), HOSTILE_TARGET),
    Case("a document at the limit, of rows", _document, None),
    Case("one line at the limit, full of `{}`", _line_of_nothing, None),
)


def targets(measured: Measured) -> list[Target]:
    """Return each target with the growth of the worst input, in MiB."""
    found = []
    for bound in (STREAMED_TARGET, HOSTILE_TARGET):
        grown = {c.title: _growth(c, measured) / MIB for c in CASES if c.target == bound}
        worst = max(grown, key=lambda title: grown[title])
        what = f"MiB of growth while streaming, the largest of {len(grown)} inputs: {worst}"
        found.append(Target(what, "below", bound / MIB, [grown[worst]]))
    return found


def _growth(case: Case, measured: Measured) -> int:
    _, peaks = measured.peaks[case.title]
    return peaks.after - (peaks.tenth if case.from_tenth else peaks.before)


def section(measured: Measured) -> str:
    """Return this section of the report."""
    rows = []
    for case in CASES:
        size, peaks = measured.peaks[case.title]
        row = [
            number(peaks.bytes),
            number(size),
            f"{peaks.seconds:.1f}",
            _mib(peaks.before),
            _mib(peaks.tenth) if case.from_tenth else "-",
            _mib(peaks.after),
            _mib(_growth(case, measured)),
            "-" if case.target is None else _mib(case.target),
        ]
        rows.append([case.title, *row])
    head = (
        "input",
        "bytes of text",
        "bytes of the file",
        "seconds",
        "MiB before",
        "peak in the first tenth",
        "peak",
        "growth",
        "target: below",
    )
    return f"""\
This table shows how much memory it takes to read very long or hostile inputs, in MiB. A separate
process reads each input. It only calls `read(path, on_error="collect", max_line_bytes={LIMIT:,})`
and iterates over `.batches()`.

"MiB before" is the resident memory before reading: the interpreter and its imports. "Peak" is the
maximum in all, and "peak in the first tenth" the maximum until a tenth of the file was read. Growth
is the peak less the memory before. For inputs that are streamed for long, growth is the peak less
that of the first tenth. The good, bad and blank lines must be counted correctly.

Three inputs have no target. A document, like a line, is in memory as a whole, with the objects that
the JSON parser makes of it. Only its number of bytes has a limit. The zstd bomb of the widest
window shows a limit of the zstd library, which does not depend on the size of the input.

{table(head, rows)}"""


def _mib(size: int) -> str:
    return f"{size / MIB:.1f}"


def main() -> None:
    """Measure and print. With --case, this is the process that is measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stream_memory", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tenth of the data")
    parser.add_argument("--case", nargs=2, metavar=("TITLE", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        title, file = options.case
        case = next(case for case in CASES if case.title == title)
        print(json.dumps(observed(case, Path(file))))
    else:
        print(section(measure(SMALL if options.small else FULL)))


if __name__ == "__main__":
    main()
