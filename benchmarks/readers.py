"""Other readers of NDJSON files: their time, and their results for bad lines.

`python -m benchmarks.readers` measures this part alone and prints it; `--small` takes seconds.
"""

from __future__ import annotations

import argparse
import gzip
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any, Final, TypeAlias

import attrs
import duckdb
import jsonlines
import orjson
import polars as pl

from benchmarks import workloads
from benchmarks.damages import ALL, CUT, DAMAGES, damaged
from benchmarks.streaming import FULL, GZIP, SMALL, Sizes, seconds
from benchmarks.tables import spread, table
from usagewire import Reader, UsageCompletionsResult, read

Row: TypeAlias = tuple[Any, Any, Any]
"""The values of `COLUMNS` in one record."""

COLUMNS: Final = ("input_tokens", "output_tokens", "num_model_requests")

SQL_TYPES: Final[Mapping[str, str]] = {
    "object": "VARCHAR",
    **{
        key: "BOOLEAN"
        if key == "batch"
        else "BIGINT"
        if key.endswith(("tokens", "requests"))
        else "VARCHAR"
        for key in workloads.KEYS[UsageCompletionsResult.object].split()
    },
}
"""The columns of a completions row and their SQL types."""

SCHEMA: Final = {
    key: {"VARCHAR": pl.String(), "BIGINT": pl.Int64(), "BOOLEAN": pl.Boolean()}[kind]
    for key, kind in SQL_TYPES.items()
}


@attrs.frozen
class FileReader:
    """A way to read a file."""

    name: str
    about: str
    """Its set-up and its result."""
    read: Callable[[Path], object]
    """Read the whole file. This function is timed."""
    rows: Callable[[Path, list[str]], Iterable[Row]]
    """Read the file in the same way, yield `COLUMNS` of each record, add reports to the list."""


@attrs.frozen(kw_only=True)
class Damage:
    """The result of one reader for the damaged file."""

    got: int = 0
    """The number of records it returned."""
    lost: int = 0
    """The number of good lines without a record that has their values."""
    made: int = 0
    """The number of records that no good line has: from a bad line, or with other values."""
    report: str = ""
    """The error it raised, or its report about bad lines."""


@attrs.frozen(kw_only=True)
class Measured:
    """The measured times and results of each reader."""

    rows: int
    turns: int
    times: Mapping[tuple[str, str], Sequence[tuple[float, float]]]
    """Seconds of wall-clock time and of CPU time of each turn, by suffix and reader."""
    good_lines: int
    damage: Mapping[str, Mapping[str, Damage]]
    """By kind of bad lines, and reader."""

    def ratios(self, suffix: str, name: str, clock: int) -> list[float]:
        """Return the time of a reader as a multiple of ours for each turn, by one of two clocks."""
        ours = self.times[suffix, READERS[0].name]
        theirs = self.times[suffix, name]
        return [b[clock] / a[clock] for a, b in zip(ours, theirs, strict=True)]


def measure(sizes: Sizes) -> Measured:
    """Compare the records of each reader with ours, time it, and let it read a damaged file."""
    workload = workloads.completions(sizes.rows)
    times: dict[tuple[str, str], list[tuple[float, float]]] = {}
    with TemporaryDirectory() as folder:
        files = {".ndjson": Path(folder) / "good.ndjson", ".gz": Path(folder) / "good.ndjson.gz"}
        files[".ndjson"].write_bytes(workload.data)
        files[".gz"].write_bytes(zlib.compress(workload.data, wbits=GZIP))
        for file in files.values():
            for reader in READERS[1:]:
                check(reader, file)
        # The first turn warms up.
        for turn in range(sizes.turns + 1):
            for suffix, file in files.items():
                for reader in READERS:
                    spent = -process_time()
                    wall = seconds(partial(reader.read, file))
                    spent += process_time()
                    if turn:
                        times.setdefault((suffix, reader.name), []).append((wall, spent))
        lines = workload.data.splitlines()
        bad = Path(folder) / "bad.ndjson"
        found: dict[str, dict[str, Damage]] = {}
        good: dict[int, Row] = {}
        for title, names in ((CUT, ["cut short"]), (ALL, list(DAMAGES))):
            good = write_damaged(lines, names, bad)
            readers = (*READERS, *TOLERANT)
            found[title] = {reader.name: damage(reader, bad, good) for reader in readers}
        return Measured(
            rows=workload.rows,
            turns=sizes.turns,
            times=times,
            good_lines=len(good),
            damage=found,
        )


def check(reader: FileReader, file: Path) -> None:
    """Assert that `reader` finds the same number of rows and the same sums as we do."""
    assert totals(reader, file) == totals(READERS[0], file), reader.name


def totals(reader: FileReader, file: Path) -> tuple[int, ...]:
    """Return the number of rows, and the sum of each of `COLUMNS`."""
    rows = list(reader.rows(file, []))
    return len(rows), *(sum(column) for column in zip(*rows, strict=True))


def write_damaged(lines: Sequence[bytes], names: Sequence[str], file: Path) -> dict[int, Row]:
    """Write `lines`, damage many of them, and return the rows of good lines by line number."""
    text, good = damaged(lines, names)
    file.write_bytes(text)
    return {number: _columns(orjson.loads(line)) for number, line in good.items()}


def damage(reader: FileReader, file: Path, good: Mapping[int, Row]) -> Damage:
    """Return the result of `reader` for the damaged file."""
    rows: list[Row] = []
    reports: list[str] = []
    try:
        rows.extend(reader.rows(file, reports))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a panic in Rust is not an Exception
        reports.append(_shown(error, file))
    expected, found = Counter(good.values()), Counter(rows)
    return Damage(
        got=len(rows),
        lost=(expected - found).total(),
        made=(found - expected).total(),
        report="; ".join(reports) or "nothing",
    )


def _columns(record: Any) -> Row:
    """Return `COLUMNS` of a record, which is not a dict if a reader accepts bad lines."""
    get = record.get if isinstance(record, dict) else lambda _: None
    one, two, three = map(get, COLUMNS)
    return one, two, three


def _shown(error: BaseException, file: Path) -> str:
    """Return an error as a code span in a cell of a table."""
    text = " ".join(str(error).replace(str(file), file.name).split())
    text = text.replace("|", "/").replace("`", "'")
    return f"`{type(error).__name__}: {text if len(text) <= 160 else text[:160] + '...'}`"


def _ours(file: Path) -> Reader[UsageCompletionsResult]:
    return read(file, UsageCompletionsResult, on_error="collect", max_rejections=10**9)


def _our_rows(file: Path, reports: list[str]) -> Iterator[Row]:
    with _ours(file) as reader:
        for record in reader:
            yield record.input_tokens, record.output_tokens, record.num_model_requests
        counts, codes = reader.counts, Counter(one.code for one in reader.rejections)
    assert counts.lines == counts.records + counts.rejected + counts.blank
    if counts.rejected:
        by_code = ", ".join(f"{count:,} `{code}`" for code, count in codes.most_common())
        reports.append(
            f"{counts.lines:,} lines = {counts.records:,} records + {counts.rejected:,} rejected,"
            f" each with line, place and reason: {by_code}"
        )


def _iterate(records: Iterable[object]) -> None:
    for _ in records:
        pass


def _jsonlines(file: Path) -> Iterator[Any]:
    if file.suffix == ".gz":
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            yield from jsonlines.Reader(lines)
    else:
        with jsonlines.open(file) as reader:
            yield from reader


def _jsonlines_skipping(file: Path) -> Iterator[Any]:
    # As bytes, so that a line that is not UTF-8 spoils only itself.
    with file.open("rb") as lines, jsonlines.Reader(lines) as reader:
        yield from reader.iter(skip_invalid=True)


def _polars(file: Path, **options: Any) -> pl.DataFrame:
    return pl.scan_ndjson(file, **options).collect()


def _duckdb(file: Path, options: str = "") -> duckdb.DuckDBPyConnection:
    database = duckdb.connect()
    select = f"SELECT * FROM read_json(?, format = 'newline_delimited'{options})"  # noqa: S608 -- our own
    database.execute(f"CREATE TABLE rows AS {select}", [str(file)])
    return database


def _duckdb_rows(file: Path, options: str = "") -> list[Row]:
    with _duckdb(file, options) as database:
        rows: list[Any] = database.execute(f"SELECT {', '.join(COLUMNS)} FROM rows").fetchall()  # noqa: S608 -- our own
    return rows


def _polars_reader(name: str, about: str = "", **options: Any) -> FileReader:
    def rows(file: Path, _: object) -> Iterable[Row]:
        return _polars(file, **options).select(COLUMNS).rows()

    return FileReader(name, about, partial(_polars, **options), rows)


def _duckdb_reader(name: str, about: str = "", options: str = "") -> FileReader:
    def rows(file: Path, _: object) -> Iterable[Row]:
        return _duckdb_rows(file, options)

    return FileReader(name, about, partial(_duckdb, options=options), rows)


READERS: Final = (
    FileReader(
        "usagewire",
        'iterates over `read(path, UsageCompletionsResult, on_error="collect")`. It returns checked'
        " and typed records of 25 fields, one at a time, with one thread (two for a compressed"
        " file).",
        lambda file: _iterate(_ours(file)),
        _our_rows,
    ),
    FileReader(
        "jsonlines",
        "iterates over `jsonlines.open(path)`, or `jsonlines.Reader` on `gzip.open` for gzip. It"
        " returns dicts by orjson, one at a time, and checks only the JSON, with one thread.",
        lambda file: _iterate(_jsonlines(file)),
        lambda file, _: map(_columns, _jsonlines(file)),
    ),
    _polars_reader(
        "polars",
        "calls `polars.scan_ndjson(path).collect()`. It returns a table of columns in memory,"
        " infers the types from the first 100 lines, and uses a thread for each core.",
    ),
    _duckdb_reader(
        "duckdb",
        "runs `CREATE TABLE rows AS SELECT * FROM read_json(path, format = 'newline_delimited')` in"
        " a database in memory. It makes a table of columns, infers the types from a sample, and"
        " uses a thread for each core.",
    ),
)
"""Ours comes first: the times of the others are multiples of its time."""

TOLERANT: Final = (
    FileReader(
        "jsonlines, bytes, `skip_invalid=True`",
        "",
        lambda file: _iterate(_jsonlines_skipping(file)),
        lambda file, _: map(_columns, _jsonlines_skipping(file)),
    ),
    _polars_reader("polars, `ignore_errors=True`", ignore_errors=True),
    _polars_reader("the same, `schema` given", ignore_errors=True, schema=SCHEMA),
    _duckdb_reader("duckdb, `ignore_errors = true`", options=", ignore_errors = true"),
    _duckdb_reader(
        "the same, `columns` given", options=f", ignore_errors = true, columns = {dict(SQL_TYPES)}"
    ),
)
"""The same readers, with the options that each has for bad lines."""


def section(measured: Measured) -> str:
    """Return this section of the report."""
    clocks = ("wall-clock time", "CPU time")
    suffixes = sorted({suffix for suffix, _ in measured.times}, reverse=True)
    head = ("", *(f"{suffix}, {clock}" for suffix in suffixes for clock in clocks))
    times = (
        (
            reader.name,
            *(
                spread(measured.ratios(suffix, reader.name, clock))
                for suffix in suffixes
                for clock in range(2)
            ),
        )
        for reader in READERS
    )
    head_of_bad = ("", "records", "good lines lost", "records of no good line", "error or report")
    damage = "\n\n".join(
        f"Bad lines {title}\n\n"
        + table(
            head_of_bad,
            (
                (name, f"{d.got:,}", f"{d.lost:,}", f"{d.made:,}", d.report)
                for name, d in by_reader.items()
            ),
            figures=False,
        )
        for title, by_reader in measured.damage.items()
    )
    bad = measured.rows - measured.good_lines
    about = "\n".join(f"- **{reader.name}**: {reader.about}" for reader in READERS)
    return f"""\
### Good lines

This table has the time that each reader takes for a file of {measured.rows:,} completions rows. It
is a multiple of usagewire's: a number above 1 means slower than usagewire. Cells show the median
and range of {measured.turns} turns.

Before it is timed, each reader must find the same number of rows and the same sums of
{", ".join(f"`{column}`" for column in COLUMNS)}.

{table(head, times)}

The readers do different work:

{about}

### Bad lines

These tables show the result of each reader for the same file with {bad:,} bad lines
({bad / measured.rows:.0%}) and {measured.good_lines:,} good ones. The first rows of a table are the
readers as above, and the others have the options that a reader offers for bad lines.

"Good lines lost" are good lines without a record that has their values. "Records of no good line"
come from a bad line, or have other values than their line. The last column is the error that the
reader raised, or its report about the bad lines. All of this was found in this run.

{damage}"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.readers", description=__doc__)
    parser.add_argument("--small", action="store_true", help="little data, few turns")
    print(section(measure(SMALL if parser.parse_args().small else FULL)))


if __name__ == "__main__":
    main()
