"""What else reads NDJSON files: how long it takes, and what it makes of bad lines.

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
from benchmarks.damages import ALL, DAMAGES, damaged
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
"""The columns of a completions row."""

SCHEMA: Final = {
    key: {"VARCHAR": pl.String(), "BIGINT": pl.Int64(), "BOOLEAN": pl.Boolean()}[kind]
    for key, kind in SQL_TYPES.items()
}


@attrs.frozen
class FileReader:
    """One way to read a file."""

    name: str
    about: str
    """What it is set up to do and what it gives."""
    read: Callable[[Path], object]
    """Read the whole file. This is what is timed."""
    rows: Callable[[Path, list[str]], Iterable[Row]]
    """Read it so and yield `COLUMNS` of each record; add to the list what else it tells."""


@attrs.frozen(kw_only=True)
class Damage:
    """What one reader made of the damaged file."""

    got: int = 0
    """Records it gave."""
    lost: int = 0
    """Good lines of which there is no record with the values they have."""
    made: int = 0
    """Records that are no good line's: made of a bad line, or with other values."""
    said: str = ""
    """The error it raised, or what else it told."""


@attrs.frozen(kw_only=True)
class Measured:
    """What was measured of each reader."""

    rows: int
    turns: int
    times: Mapping[tuple[str, str], Sequence[tuple[float, float]]]
    """Seconds on the wall and of CPU of each turn, by suffix and reader."""
    good_lines: int
    damage: Mapping[str, Mapping[str, Damage]]
    """By what is wrong with the bad lines, and reader."""

    def ratios(self, suffix: str, name: str, clock: int) -> list[float]:
        """Return the time of a reader in each turn as a multiple of ours, by one of two clocks."""
        ours = self.times[suffix, READERS[0].name]
        theirs = self.times[suffix, name]
        return [b[clock] / a[clock] for a, b in zip(ours, theirs, strict=True)]


def measure(sizes: Sizes) -> Measured:
    """Compare what each reader gives of a good file with ours, time it, and give it a bad one."""
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
        for title, names in (("cut short", ["cut short"]), (ALL, list(DAMAGES))):
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
    """Assert that `reader` finds as many rows as we do in a good file, and the same sums."""
    assert totals(reader, file) == totals(READERS[0], file), reader.name


def totals(reader: FileReader, file: Path) -> tuple[int, ...]:
    """Return the number of rows, and the sum of each of `COLUMNS`."""
    rows = list(reader.rows(file, []))
    return len(rows), *(sum(column) for column in zip(*rows, strict=True))


def write_damaged(lines: Sequence[bytes], names: Sequence[str], file: Path) -> dict[int, Row]:
    """Write `lines`, many of them damaged, and return the rows of the good ones by line number."""
    text, good = damaged(lines, names)
    file.write_bytes(text)
    return {number: _columns(orjson.loads(line)) for number, line in good.items()}


def damage(reader: FileReader, file: Path, good: Mapping[int, Row]) -> Damage:
    """Return what `reader` makes of the damaged file."""
    rows: list[Row] = []
    told: list[str] = []
    try:
        rows.extend(reader.rows(file, told))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a panic in Rust is no Exception
        told.append(_shown(error, file))
    expected, found = Counter(good.values()), Counter(rows)
    return Damage(
        got=len(rows),
        lost=(expected - found).total(),
        made=(found - expected).total(),
        said="; ".join(told) or "nothing",
    )


def _columns(record: Any) -> Row:
    """Return `COLUMNS` of what is a dict, if all is well."""
    get = record.get if isinstance(record, dict) else lambda _: None
    one, two, three = map(get, COLUMNS)
    return one, two, three


def _shown(error: BaseException, file: Path) -> str:
    """Return an error on one line of a table."""
    text = " ".join(str(error).replace(str(file), file.name).split()).replace("|", "/")
    return f"`{type(error).__name__}`: {text if len(text) <= 160 else text[:160] + '...'}"


def _ours(file: Path) -> Reader[UsageCompletionsResult]:
    return read(file, UsageCompletionsResult, on_error="collect", max_rejections=10**9)


def _our_rows(file: Path, told: list[str]) -> Iterator[Row]:
    with _ours(file) as reader:
        for record in reader:
            yield record.input_tokens, record.output_tokens, record.num_model_requests
        counts, codes = reader.counts, Counter(one.code for one in reader.rejections)
    assert counts.lines == counts.records + counts.rejected + counts.blank
    if counts.rejected:
        by_code = ", ".join(f"{count:,} `{code}`" for code, count in codes.most_common())
        told.append(
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
    # As bytes, so that a line that is no UTF-8 is one line's trouble.
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
        '`read(path, UsageCompletionsResult, on_error="collect")`, iterating: checked, typed'
        " records of 25 fields, one at a time; one thread (two where the file is compressed).",
        lambda file: _iterate(_ours(file)),
        _our_rows,
    ),
    FileReader(
        "jsonlines",
        "`jsonlines.open(path)`, iterating (for gzip `jsonlines.Reader` on `gzip.open`): dicts by"
        " orjson, one at a time, nothing checked beyond JSON; one thread.",
        lambda file: _iterate(_jsonlines(file)),
        lambda file, _: map(_columns, _jsonlines(file)),
    ),
    _polars_reader(
        "polars",
        "`polars.scan_ndjson(path).collect()`: a table of columns, all of it in memory, types"
        " inferred from the first 100 lines; as many threads as there are cores.",
    ),
    _duckdb_reader(
        "duckdb",
        "`CREATE TABLE rows AS SELECT * FROM read_json(path, format = 'newline_delimited')` in a"
        " database in memory: a table of columns, types inferred from a sample; as many threads as"
        " there are cores.",
    ),
)
"""Ours, the measure of the others, comes first."""

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
"""The same with what each has against bad lines."""


def section(measured: Measured) -> str:
    """Return the part of the report."""
    clocks = ("time on the wall", "CPU time")
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
    head_of_bad = ("", "records", "good lines lost", "records of no good line", "what it says")
    damage = "\n\n".join(
        f"What is wrong with the bad lines: {title}.\n\n"
        + table(
            head_of_bad,
            (
                (name, f"{d.got:,}", f"{d.lost:,}", f"{d.made:,}", d.said)
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

{measured.rows:,} completions rows, as a multiple of usagewire's time within a turn: median and
range of {measured.turns} turns. Each reader must first have found the same number of rows and the
same sums of {", ".join(f"`{column}`" for column in COLUMNS)}.

{table(head, times)}

These are not like for like:

{about}

### Bad lines

The same lines, of which {bad:,} are bad ({bad / measured.rows:.0%}) and {measured.good_lines:,}
good. A good line is lost where no record has its values. A record of no good line was made of a bad
line, or has other values than the line. All of this was found by reading the file with each in this
run, as above and with the options each has against bad lines.

{damage}"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.readers", description=__doc__)
    parser.add_argument("--small", action="store_true", help="little data, few turns")
    print(section(measure(SMALL if parser.parse_args().small else FULL)))


if __name__ == "__main__":
    main()
