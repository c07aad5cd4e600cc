"""The command line: `convert`, its outputs, and that no line is lost on the way."""

import gzip
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.cli import LOG, run, stored
from usagewire import (
    DIALECTS,
    Conversion,
    DeadLetter,
    Dialect,
    Encoder,
    FileError,
    UsageVectorStoresResult,
    Writer,
    read,
)
from usagewire.cli import outputs

SHAPES = (None, "rows", "pages", "flat")

STORED = stored(7).encode()
TIMED = STORED.replace(b"}", b',"start_time":1785542400,"end_time":1785628800}')
LENIENT = STORED.replace(b"7", b'"7"')
BAD = b"what?\n"


def convert(*arguments: Any, stdin: bytes | None = None) -> Result:
    """Run `usagewire convert` in this process."""
    return run("convert", *arguments, stdin=stdin)


def converted(shape: Any, dialect: Dialect = "api") -> bytes:
    """Return the good records of the sample log as the library converts them."""
    conversion, encoder = Conversion(shape), Encoder(dialect=dialect)
    with read(LOG, on_error="skip") as records:
        made = [one for record in records for one in conversion.add(record)]
    return encoder.encode_lines([*made, *conversion.close()])


def letters(path: Path) -> list[DeadLetter]:
    """Return the dead letters of a file."""
    with read(path, DeadLetter) as found:
        return list(found)


def names(folder: Path) -> list[str]:
    """Return what there is in a folder."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    """Wait for no disk: what is on it when, is for the tests of the writer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return a folder with an output and a file of rejects from before."""
    (tmp_path / "out").write_bytes(b"old out\n")
    (tmp_path / "rejects").write_bytes(b"old rejects\n")
    return tmp_path


def is_untouched(folder: Path) -> bool:
    """Return whether both files are as they were, and nothing half-written is beside them."""
    return (
        (folder / "out").read_bytes() == b"old out\n"
        and (folder / "rejects").read_bytes() == b"old rejects\n"
        and not list(folder.glob(".usagewire*"))
    )


@pytest.mark.parametrize(
    ("shape", "dialect"),
    [*((shape, "api") for shape in SHAPES), *(("pages", dialect) for dialect in DIALECTS[1:])],
)
def test_each_shape_and_dialect_is_what_the_library_makes(
    shape: str | None, dialect: Dialect, tmp_path: Path
) -> None:
    """`--to` is `Conversion`, `--dialect` is that of `Writer`."""
    options = ["--to", shape] if shape else []
    result = convert(LOG, "-o", tmp_path / "out", *options, "--dialect", dialect)
    assert 1 == result.exit_code
    assert converted(shape, dialect) == (tmp_path / "out").read_bytes()


@pytest.mark.usefixtures("path")
def test_the_last_line_adds_up(tmp_path: Path) -> None:
    """Lines are records, rejected or blank; without `--to` each record is written once."""
    result = convert(LOG, "-o", tmp_path / "out")
    last = "lines 207, records 200, rejected 6, blank 1, written 200"
    assert last == result.stderr.splitlines()[-1]
    assert 200 == (tmp_path / "out").read_bytes().count(b"\n")


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".bz2", ".xz"])
def test_the_name_of_the_output_says_how_it_is_compressed(suffix: str, tmp_path: Path) -> None:
    """What is written compressed reads back the same, records and rejects."""
    out, rejects = tmp_path / f"out{suffix}", tmp_path / f"rejects{suffix}"
    convert(LOG, "-o", out, "--rejects", rejects)
    assert converted(None) != out.read_bytes()
    again = convert(out, "-o", "-")
    assert (0, converted(None)) == (again.exit_code, again.stdout_bytes)
    assert 6 == len(letters(rejects))


def test_standard_output_gets_the_same_bytes(tmp_path: Path) -> None:
    """With `-o -` nothing else is on it, and rejected lines go to their file all the same."""
    result = convert(LOG, "-o", "-", "--to", "rows", "--rejects", tmp_path / "rejects")
    assert (1, converted("rows")) == (result.exit_code, result.stdout_bytes)
    assert 6 == len(letters(tmp_path / "rejects"))


def test_several_files_of_any_kind_become_one(tmp_path: Path) -> None:
    """Globs, documents, compressed files and standard input are read in the order given."""
    for number, name in enumerate(("a.ndjson", "b.ndjson")):
        (tmp_path / name).write_bytes(STORED.replace(b"7", b"%d" % number))
    (tmp_path / "c").write_bytes(b"[\n" + STORED.replace(b"7", b"2") + b"]")
    (tmp_path / "d").write_bytes(gzip.compress(STORED.replace(b"7", b"3")))
    sources = (tmp_path / "*.ndjson", tmp_path / "c", "-", tmp_path / "d")
    result = convert(*sources, "-o", tmp_path / "out", stdin=STORED.replace(b"7", b"9"))
    assert 0 == result.exit_code
    with read(tmp_path / "out", UsageVectorStoresResult) as records:
        assert [0, 1, 2, 9, 3] == [record.usage_bytes for record in records]


def test_what_tells_who_a_person_is_is_left_out_if_asked(tmp_path: Path) -> None:
    """`--drop-personal` is that of `Conversion`."""
    row = STORED.replace(b"}", b',"user_id":"user-1","user_email":"a@b.example","note":"kept"}')
    out = tmp_path / "out"
    for options, expected in (((), {"user_id", "user_email"}), (("--drop-personal",), set())):
        convert("-", "-o", out, *options, stdin=row)
        written = json.loads(out.read_bytes())
        assert "kept" == written["note"]
        assert expected == set(written) & {"user_id", "user_email"}


@pytest.mark.usefixtures("path")
def test_lenient_values_are_counted_where_a_record_came_of_them(tmp_path: Path) -> None:
    """A line that is rejected after all has none."""
    text = LENIENT + LENIENT.replace(b"}", b',"project_id":5}') + STORED
    result = convert("-", "-o", tmp_path / "out", "--lenient", stdin=text)
    assert "lines 3, records 2, rejected 1, blank 0, lenient 1, written 2" in result.stderr
    assert STORED * 2 == (tmp_path / "out").read_bytes()
    assert 1 == convert("-", "-o", tmp_path / "out", stdin=LENIENT).exit_code


def test_rejected_lines_are_kept_whole(tmp_path: Path) -> None:
    """Long lines and bytes that are no text come back from the file of rejects as they were."""
    bad = [b"what?", b"\xff\xfe\x00", b'{"object":"' + b"x" * 10_000]
    (tmp_path / "log").write_bytes(b"\n".join([*bad, STORED]))
    result = convert(tmp_path / "log", "-o", tmp_path / "out", "--rejects", tmp_path / "rejects")
    assert (1, STORED) == (result.exit_code, (tmp_path / "out").read_bytes())
    found = letters(tmp_path / "rejects")
    assert bad == [letter.data for letter in found]
    assert [(str(tmp_path / "log"), n + 1) for n in range(3)] == [
        (one.file, one.line) for one in found
    ]


@pytest.mark.usefixtures("path")
def test_a_row_that_has_no_place_in_a_page_is_a_rejected_line(tmp_path: Path) -> None:
    """What cannot be converted is named, counted and kept like any bad line."""
    result = convert(
        "-", "-o", tmp_path / "out", "--to", "pages", "--rejects", tmp_path / "rejects",
        stdin=TIMED + STORED + TIMED,
    )  # fmt: skip
    assert "<stdin>:2: $.start_time: no_interval: " in result.stderr
    assert "lines 3, records 2, rejected 1, blank 0, written 1" in result.stderr
    assert [STORED.strip()] == [letter.data for letter in letters(tmp_path / "rejects")]


def test_only_the_first_bad_lines_are_named_and_all_are_kept(tmp_path: Path) -> None:
    """Twenty of a file are named on standard error, and then how many more there are."""
    result = convert("-", "-o", tmp_path / "out", "--rejects", tmp_path / "r", stdin=BAD * 25)
    lines = result.stderr.splitlines()
    assert 22 == len(lines)
    assert "<stdin>: ... and 5 more" == lines[20]
    assert 25 == len(letters(tmp_path / "r"))


good_lines = st.integers(0, 9).map(lambda n: STORED.strip().replace(b"7", b"%d" % n))
other_lines = st.binary(max_size=8).map(lambda line: line.replace(b"\n", b""))


@settings(max_examples=25)
@given(st.lists(good_lines | other_lines | st.just(b"")))
def test_no_line_is_lost(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    """Each line is written, kept as rejected, or blank; a rejected one that is fed again stays."""
    folder = tmp_path_factory.mktemp("lost")
    out, rejects = folder / "out", folder / "rejects"
    lines.insert(0, STORED.strip())  # so that it is no document
    result = convert("-", "-o", out, "--rejects", rejects, stdin=b"\n".join(lines))
    written, kept = out.read_bytes().splitlines(), letters(rejects)
    counted = result.stderr.splitlines()[-1].replace(",", "").split()
    counts = dict(zip(counted[::2], map(int, counted[1::2]), strict=True))
    assert len(written) + len(kept) + counts["blank"] == counts["lines"]
    assert [line for line in lines if line in written] == written
    assert [letter.data for letter in kept] == [
        line.removesuffix(b"\r") for line in lines if line.strip(b" \t\r") and line not in written
    ]
    again = convert(rejects, "--from-rejects", "-o", out, "--rejects", rejects)
    assert (bool(kept), kept) == (again.exit_code == 1, letters(rejects))


def test_mended_lines_are_fed_again(tmp_path: Path) -> None:
    """What was mended is written, what was emptied is blank, the rest is rejected at its place."""
    rejects, out = tmp_path / "rejects", tmp_path / "out"
    lines = STORED.replace(b"7", b"oops") + BAD + STORED + STORED.replace(b"7", b"null")
    convert("-", "-o", out, "--rejects", rejects, stdin=lines)
    text = rejects.read_text()
    rejects.write_text(text.replace("oops", "5").replace('"what?"', '""'))

    result = convert(rejects, "--from-rejects", "-o", out, "--rejects", rejects)
    assert STORED.replace(b"7", b"5") == out.read_bytes()
    assert "lines 3, records 1, rejected 1, blank 1, written 1" in result.stderr
    assert "<stdin>:4: $.usage_bytes: wrong_type: " in result.stderr
    assert [text.splitlines(keepends=True)[2]] == rejects.read_text().splitlines(keepends=True)


def test_notes_on_what_is_still_wrong_stay(tmp_path: Path) -> None:
    """What a person added to a letter is in the file after another round, too."""
    rejects = tmp_path / "rejects"
    convert("-", "-o", tmp_path / "out", "--rejects", rejects, stdin=BAD + BAD)
    first, second = rejects.read_text().splitlines(keepends=True)
    noted = first.replace("}\n", ',"note":"ask Ada"}\n')
    rejects.write_text(noted + second)

    convert(rejects, "--from-rejects", "-o", tmp_path / "mended", "--rejects", rejects)
    assert noted + second == rejects.read_text()


def test_what_is_no_dead_letter_is_named_and_ends_it(old: Path) -> None:
    """Of a file that was not written by `--rejects`, or was broken by hand, nothing is made."""
    (old / "in").write_bytes(STORED + BAD)
    result = convert(old / "in", "--from-rejects", "-o", old / "out", "--rejects", old / "rejects")
    assert (2, True) == (result.exit_code, is_untouched(old))
    assert [f"{old / 'in'}:1: ", f"{old / 'in'}:2: "] == [
        line[: len(f"{old / 'in'}:1: ")] for line in result.stderr.splitlines()[:2]
    ]
    assert "2 lines are no dead letters" in result.stderr


def test_a_log_can_be_converted_in_place(tmp_path: Path) -> None:
    """The output may be one of the files that are read, by whatever name."""
    log = tmp_path / "log"
    log.write_bytes(TIMED + BAD)
    (tmp_path / "link").symlink_to(log)
    result = convert(log, "-o", tmp_path / "link", "--to", "pages", "--rejects", tmp_path / "bad")
    assert 1 == result.exit_code
    assert b'{"object":"page"' == log.read_bytes()[:16]
    assert ["what?"] == [letter.raw for letter in letters(tmp_path / "bad")]


def test_rejects_of_an_earlier_run_are_never_lost(tmp_path: Path) -> None:
    """Where the output is a source, what is in the file for rejects may be nowhere else."""
    log, bad = tmp_path / "log", tmp_path / "bad"
    log.write_bytes(STORED + BAD)
    bad.touch()
    assert 1 == convert(log, "-o", log, "--rejects", bad).exit_code
    kept = bad.read_bytes()
    result = convert(log, "-o", log, "--rejects", bad)
    assert (2, STORED, kept) == (result.exit_code, log.read_bytes(), bad.read_bytes())
    assert f"{bad}: holds lines that an earlier run may have taken out of {log}" in result.stderr


def test_rejected_lines_are_never_lost_with_the_source(tmp_path: Path) -> None:
    """To replace a source that has bad lines, a file for them must be given."""
    log = tmp_path / "log"
    log.write_bytes(STORED + BAD)
    result = convert(tmp_path / "*", "-o", log)
    assert (2, STORED + BAD) == (result.exit_code, log.read_bytes())
    assert f"{log}: replacing it would lose 1 rejected lines; give a file" in result.stderr
    assert result.stderr.endswith("blank 0; nothing was written\n")


@pytest.mark.parametrize(
    ("out", "rejects"),
    [("x", "x"), ("x", "./x"), ("x", "link"), ("in", "other"), ("other", "in"), ("in", "in")],
)
def test_outputs_must_not_overwrite_each_other_or_all_sources(
    out: str, rejects: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two outputs are two files, and only one of them may be read too."""
    monkeypatch.chdir(tmp_path)
    for name in ("in", "other"):
        Path(name).write_bytes(STORED)
    Path("link").symlink_to("x")
    result = convert("in", "other", "-o", out, "--rejects", rejects)
    assert (2, ["in", "link", "other"]) == (result.exit_code, names(tmp_path))
    assert STORED * 2 == Path("in").read_bytes() + Path("other").read_bytes()
    assert result.stderr.startswith(f"{rejects}: ")


@pytest.mark.parametrize(
    ("source", "out", "rejects", "expected"),
    [
        ("log", "out", "rejects", ["rejects", "out"]),
        ("log", "log", "rejects", ["rejects", "log"]),
        ("rejects", "out", "rejects", ["out", "rejects"]),
    ],
)
def test_a_source_is_replaced_last(
    source: str, out: str, rejects: str, expected: list[str],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Whatever stops it between the two, what the source had is in it or elsewhere."""
    monkeypatch.chdir(tmp_path)
    Path(source).write_bytes(STORED)
    replaced: list[str] = []
    replace = Path.replace

    def note(self: Path, target: Any) -> Path:
        replaced.append(Path(target).name)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", note)
    assert 0 == convert(source, "-o", out, "--rejects", rejects).exit_code
    assert expected == replaced


def interrupt(*_: Any, **__: Any) -> None:
    """Do what Ctrl-C does."""
    raise KeyboardInterrupt


def fail(*_: Any) -> None:
    """Do what a full disk does."""
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("broken", "status", "said"),
    [
        ((Conversion, "add", interrupt), 130, "interrupted before all was read: lines "),
        ((Conversion, "close", interrupt), 130, "interrupted before all was read: lines 207"),
        ((outputs, "Writer", interrupt), 130, "interrupted before all was read: lines 0"),
        ((os, "fsync", interrupt), 130, "interrupted before all was read: lines 207"),
        ((os, "fsync", fail), 2, "rejects: No space left on device\nfailed: lines 207"),
    ],
    ids=["converting", "closing", "opening", "syncing", "full"],
)
def test_an_early_end_leaves_both_files_as_they_were(
    broken: tuple[Any, str, Callable[..., None]],
    status: int, said: str, old: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Wherever it comes, nothing is half-written, and what was done is said."""
    monkeypatch.setattr(*broken)
    result = convert(LOG, "-o", old / "out", "--rejects", old / "rejects", "--to", "rows")
    assert (status, True) == (result.exit_code, is_untouched(old))
    assert said in result.stderr
    assert result.stderr.endswith("; nothing was written\n")


@pytest.mark.parametrize(
    ("source", "out", "rejects", "said"),
    [
        ("absent", "out", "rejects", "absent: No such file"),
        ("*.none", "out", "rejects", "*.none: no file matches"),
        ("cut.gz", "out", "rejects", "cut.gz: "),
        ("in", ".", "rejects", ".: not a regular file"),
        ("in", "none/out", "rejects", "none/out: No such file"),
        ("in", "out", ".", ".: not a regular file"),
        ("in", "out", "none/rejects", "none/rejects: No such file"),
        ("in", "out", "-/x", "-/x: No such file"),
    ],
)
def test_a_file_that_cannot_be_read_or_written_leaves_both_as_they_were(
    source: str, out: str, rejects: str, said: str, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status is 2, and the message names the file, also after records were converted."""
    monkeypatch.chdir(old)
    Path("in").write_bytes(STORED)
    Path("cut.gz").write_bytes(gzip.compress(STORED * 9)[:-3])
    result = convert("in", source, "-o", out, "--rejects", rejects)
    assert (2, True) == (result.exit_code, is_untouched(old))
    assert f"\n{said}" in f"\n{result.stderr}"
    assert result.stderr.endswith("; nothing was written\n")


def test_what_was_written_before_a_failure_is_told(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the second of two names cannot be given, the first file is whole and named."""
    close = Writer.close

    def fail_with_out(self: Writer) -> None:
        if self.name.endswith("out"):
            raise FileError("out: input/output error")
        close(self)

    monkeypatch.setattr(Writer, "close", fail_with_out)
    result = convert(LOG, "-o", old / "out", "--rejects", old / "rejects")
    assert (2, b"old out\n") == (result.exit_code, (old / "out").read_bytes())
    assert result.stderr.endswith(f"; {old / 'rejects'} was written, and nothing else\n")
    assert ["out", "rejects"] == names(old)


def test_what_standard_output_got_before_a_failure_is_told(old: Path) -> None:
    """It cannot be taken back, so that it is not all is said."""
    result = convert(LOG, "absent", "-o", "-", "--rejects", old / "rejects")
    assert (2, converted(None)) == (result.exit_code, result.stdout_bytes)
    assert result.stderr.endswith(
        "; 200 records were written to standard output, which is not all\n"
    )
    assert is_untouched(old)


def test_a_signal_between_the_two_files_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing comes between the two names: Ctrl-C at that moment finds the work done."""
    close = Writer.close

    def close_and_interrupt(self: Writer) -> None:
        close(self)
        os.kill(os.getpid(), 2)

    monkeypatch.setattr(Writer, "close", close_and_interrupt)
    result = convert(LOG, "-o", tmp_path / "out", "--rejects", tmp_path / "rejects")
    assert (1, ["out", "rejects"]) == (result.exit_code, names(tmp_path))


@pytest.mark.parametrize("name", ["out", "out.gz"])
def test_a_prepared_file_takes_nothing_more(name: str, tmp_path: Path) -> None:
    """Its lines are on disk under another name: closing gives it its own, or it is as it was."""
    row = UsageVectorStoresResult(usage_bytes=7)
    path = tmp_path / name
    for end, expected in ((Writer.discard, []), (Writer.close, [name])):
        writer = Writer(path)
        writer.write(row)
        writer.prepare()
        assert not path.exists()
        with pytest.raises(FileError, match="about to be closed"):
            writer.write(row)
        writer.flush()
        end(writer)
        assert expected == names(tmp_path)
    with read(path) as records:
        assert [row] == list(records)


def test_a_log_is_prepared_by_flushing_it(tmp_path: Path) -> None:
    """It can be written on, as ever."""
    with Writer(tmp_path / "log", append=True) as writer:
        for number in (1, 2):
            writer.write_line(b"%d" % number)
            writer.prepare()
            assert number == (tmp_path / "log").read_bytes().count(b"\n")


@pytest.mark.parametrize("arguments", [["in"], ["-o", "out"], ["in", "-o", "out", "--to", "csv"]])
def test_wrong_usage_writes_nothing(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status is 2 where an output, a source or a known shape is missing."""
    monkeypatch.chdir(tmp_path)
    assert (2, []) == (convert(*arguments).exit_code, names(tmp_path))
