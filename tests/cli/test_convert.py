"""`usagewire convert`: its outputs, and that it loses no line."""

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
from usagewire import DIALECTS, Conversion, DeadLetter, Dialect, Encoder, FileError, Writer, read
from usagewire.cli import outputs

STORED = stored(7).encode()
TIMED = STORED.replace(b"}", b',"start_time":1785542400,"end_time":1785628800}')
LENIENT = STORED.replace(b"7", b'"7"')
BAD = b"what?\n"

OUT, REJECTS = Path("out"), Path("rejects")
OUTPUTS = ("-o", "out", "--rejects", "rejects")

INTERRUPTED = "interrupted before all input was read: lines"


def convert(*arguments: Any, stdin: bytes | None = None) -> Result:
    """Run `usagewire convert` in this process."""
    return run("convert", *arguments, stdin=stdin)


def converted(shape: Any, dialect: Dialect = "api") -> bytes:
    """Return the good records of the sample log, converted by the library."""
    conversion, encoder = Conversion(shape), Encoder(dialect=dialect)
    with read(LOG, on_error="skip") as records:
        made = [one for record in records for one in conversion.add(record)]
    return encoder.encode_lines([*made, *conversion.close()])


def letters(path: Path = REJECTS) -> list[DeadLetter]:
    """Return the dead letters of a file."""
    with read(path, DeadLetter) as found:
        return list(found)


def names() -> list[str]:
    """Return the names in the current folder."""
    return sorted(path.name for path in Path().iterdir())


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    """Do not wait for the disk. The tests of the writer check what is on it, and when."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture
def _old(folder: Path) -> None:  # noqa: ARG001 -- it is the current folder
    """Write an old output and an old file of rejects."""
    OUT.write_bytes(b"old out\n")
    REJECTS.write_bytes(b"old rejects\n")


def is_untouched() -> bool:
    """Return whether both files are unchanged and no temporary file is left."""
    texts = [OUT.read_bytes(), REJECTS.read_bytes(), *Path().glob(".usagewire*")]
    return texts == [b"old out\n", b"old rejects\n"]


@pytest.mark.parametrize("out", ["out", "-"])
@pytest.mark.parametrize(
    ("options", "shape", "dialect"),
    [
        ([], None, "api"),
        *((["--to", shape], shape, "api") for shape in ("rows", "pages", "flat")),
        *((["--to", "pages", "--dialect", name], "pages", name) for name in DIALECTS[1:]),
    ],
)
def test_each_shape_and_dialect_equals_the_library(
    options: list[str], shape: str | None, dialect: Dialect, out: str
) -> None:
    """`--to` does the same as `Conversion`, and `--dialect` the same as that of `Writer`."""
    result = convert(LOG, *options, "-o", out, "--rejects", "rejects")
    written = result.stdout_bytes if out == "-" else OUT.read_bytes()
    assert (1, converted(shape, dialect), 6) == (result.exit_code, written, len(letters()))


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".bz2", ".xz"])
def test_the_suffix_of_the_output_compresses_it(suffix: str) -> None:
    """Compressed records and rejects read back the same."""
    convert(LOG, "-o", f"out{suffix}", "--rejects", f"rejects{suffix}")
    assert converted(None) != Path(f"out{suffix}").read_bytes()
    again = convert(f"out{suffix}", "-o", "-")
    assert (0, converted(None)) == (again.exit_code, again.stdout_bytes)
    assert 6 == len(letters(Path(f"rejects{suffix}")))


def test_several_files_of_any_kind_become_one() -> None:
    """Globs, documents, compressed files and standard input are read in the given order."""
    lines = [stored(number).encode() for number in range(5)]
    Path("a.ndjson").write_bytes(lines[0])
    Path("b.ndjson").write_bytes(lines[1])
    Path("c").write_bytes(b"[\n" + lines[2] + b"]")
    Path("d").write_bytes(gzip.compress(lines[4]))
    assert 0 == convert("*.ndjson", "c", "-", "d", "-o", "out", stdin=lines[3]).exit_code
    assert lines == OUT.read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("options", "kept"), [([], {"user_id", "user_email"}), (["--drop-personal"], set())]
)
def test_drop_personal(options: list[str], kept: set[str]) -> None:
    """`--drop-personal` does the same as that of `Conversion`."""
    row = STORED.replace(b"}", b',"user_id":"user-1","user_email":"a@b.example","note":"kept"}')
    written = json.loads(convert("-", "-o", "-", *options, stdin=row).stdout_bytes)
    assert ("kept", kept) == (written["note"], set(written) & {"user_id", "user_email"})


@pytest.mark.usefixtures("path")
def test_lenient_values_are_counted_in_records() -> None:
    """The lenient values of a line that is rejected are not counted."""
    text = LENIENT + LENIENT.replace(b"}", b',"project_id":5}') + STORED
    result = convert("-", "-o", "out", "--lenient", stdin=text)
    assert "lines 3, records 2, rejected 1, blank 0, lenient 1, written 2" in result.stderr
    assert STORED * 2 == OUT.read_bytes()
    assert 1 == convert("-", "-o", "out", stdin=LENIENT).exit_code


@pytest.mark.usefixtures("path")
def test_a_row_that_fits_no_page_is_rejected() -> None:
    """A record that cannot be converted is reported, counted and kept like any bad line."""
    result = convert("-", *OUTPUTS, "--to", "pages", stdin=TIMED + STORED + TIMED)
    assert "<stdin>:2: $.start_time: no_interval: " in result.stderr
    assert "lines 3, records 2, rejected 1, blank 0, written 1" in result.stderr
    assert [STORED.strip()] == [letter.data for letter in letters()]


good_lines = st.integers(0, 9).map(lambda n: STORED.strip().replace(b"7", b"%d" % n))
other_lines = st.binary(max_size=8).map(lambda line: line.replace(b"\n", b""))


@settings(max_examples=25)
@given(st.lists(good_lines | other_lines | st.just(b"")))
def test_no_line_is_lost(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    """Each line is written, rejected or blank. A rejected line is rejected again if unchanged."""
    folder = tmp_path_factory.mktemp("lost")
    out, rejects = folder / "out", folder / "rejects"
    lines.insert(0, STORED.strip())  # or it could be read as one document
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


def test_fixed_lines_are_fed_again() -> None:
    """A fixed line is written, an emptied one is blank, and the rest is rejected as before."""
    lines = stored("oops") + BAD.decode() + stored(7) + stored("null")
    convert("-", *OUTPUTS, stdin=lines.encode())
    text = REJECTS.read_text()
    REJECTS.write_text(text.replace("oops", "5").replace('"what?"', '""'))

    result = convert("rejects", "--from-rejects", *OUTPUTS)
    assert stored(5) == OUT.read_text()
    assert "lines 3, records 1, rejected 1, blank 1, written 1" in result.stderr
    assert "<stdin>:4: $.usage_bytes: wrong_type: " in result.stderr
    assert text.splitlines(keepends=True)[2] == REJECTS.read_text()


def test_notes_on_lines_that_are_still_wrong_stay() -> None:
    """A field that a user added to a dead letter is kept when its line is rejected again."""
    convert("-", *OUTPUTS, stdin=BAD + BAD)
    first, second = REJECTS.read_text().splitlines(keepends=True)
    noted = first.replace("}\n", ',"note":"ask Ada"}\n') + second
    REJECTS.write_text(noted)

    convert("rejects", "--from-rejects", "-o", "fixed", "--rejects", "rejects")
    assert noted == REJECTS.read_text()


@pytest.mark.usefixtures("_old")
def test_lines_that_are_not_dead_letters_are_an_error() -> None:
    """If a line was not written by `--rejects`, or was broken by hand, no file changes."""
    Path("in").write_bytes(STORED + BAD)
    result = convert("in", "--from-rejects", *OUTPUTS)
    assert (2, True) == (result.exit_code, is_untouched())
    assert ["in:1: ", "in:2: "] == [line[:6] for line in result.stderr.splitlines()[:2]]
    assert "2 lines are not dead letters" in result.stderr


def test_a_log_can_be_converted_in_place() -> None:
    """The output may be one of the inputs, even under another name."""
    Path("log").write_bytes(TIMED + BAD)
    Path("link").symlink_to("log")
    result = convert("log", "-o", "link", "--to", "pages", "--rejects", "rejects")
    assert (1, b'{"object":"page"') == (result.exit_code, Path("log").read_bytes()[:16])
    assert ["what?"] == [letter.raw for letter in letters()]


def test_rejects_of_an_earlier_run_are_never_lost() -> None:
    """If the output is a source, the file for rejects may hold the only copy of its lines."""
    OUT.write_bytes(STORED + BAD)
    REJECTS.touch()
    assert 1 == convert("out", *OUTPUTS).exit_code
    kept = REJECTS.read_bytes()
    result = convert("out", *OUTPUTS)
    assert (2, STORED, kept) == (result.exit_code, OUT.read_bytes(), REJECTS.read_bytes())
    message = "may hold the only copy of lines that an earlier run rejected from out"
    assert f"rejects: {message}" in result.stderr


def test_rejected_lines_are_never_lost_with_the_source() -> None:
    """A source with bad lines is replaced only if there is a file for them."""
    OUT.write_bytes(STORED + BAD)
    result = convert("*", "-o", "out")
    assert (2, STORED + BAD) == (result.exit_code, OUT.read_bytes())
    assert "out: replacing it would lose 1 rejected lines; give a file" in result.stderr
    assert result.stderr.endswith("blank 0; nothing was written\n")


@pytest.mark.parametrize(
    ("out", "rejects"),
    [("x", "x"), ("x", "./x"), ("x", "link"), ("in", "other"), ("other", "in"), ("in", "in")],
)
def test_outputs_must_not_overwrite_each_other_or_all_sources(out: str, rejects: str) -> None:
    """Two outputs must be two files, and only one of them may also be an input."""
    for name in ("in", "other"):
        Path(name).write_bytes(STORED)
    Path("link").symlink_to("x")
    result = convert("in", "other", "-o", out, "--rejects", rejects)
    assert (2, ["in", "link", "other"]) == (result.exit_code, names())
    assert STORED * 2 == Path("in").read_bytes() + Path("other").read_bytes()
    assert result.stderr.startswith(f"{rejects}: ")


@pytest.mark.parametrize(
    ("source", "out", "expected"),
    [
        ("log", "out", ["rejects", "out"]),
        ("log", "log", ["rejects", "log"]),
        ("rejects", "out", ["out", "rejects"]),
    ],
)
def test_a_source_is_replaced_last(
    source: str, out: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the command dies between the two renames, the lines of the source are still in a file."""
    Path(source).write_bytes(STORED)
    replaced: list[str] = []
    replace = Path.replace

    def note(self: Path, target: Any) -> Path:
        replaced.append(Path(target).name)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", note)
    assert 0 == convert(source, "-o", out, "--rejects", "rejects").exit_code
    assert expected == replaced


def interrupt(*_: Any, **__: Any) -> None:
    """Act as Ctrl-C does."""
    raise KeyboardInterrupt


def fail(*_: Any) -> None:
    """Act as a full disk does."""
    raise OSError(28, "No space left on device")


@pytest.mark.usefixtures("_old")
@pytest.mark.parametrize(
    ("broken", "status", "message"),
    [
        ((Conversion, "add", interrupt), 130, f"{INTERRUPTED} "),
        ((Conversion, "close", interrupt), 130, f"{INTERRUPTED} 207"),
        ((outputs, "Writer", interrupt), 130, f"{INTERRUPTED} 0"),
        ((os, "fsync", interrupt), 130, f"{INTERRUPTED} 207"),
        ((os, "fsync", fail), 2, "rejects: No space left on device\nfailed: lines 207"),
    ],
    ids=["converting", "closing", "opening", "syncing", "full"],
)
def test_an_early_end_changes_no_file(
    broken: tuple[Any, str, Callable[..., None]],
    status: int, message: str, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """No part of a file is written, and the message says how many lines were read."""
    monkeypatch.setattr(*broken)
    result = convert(LOG, *OUTPUTS, "--to", "rows")
    assert (status, True) == (result.exit_code, is_untouched())
    assert message in result.stderr
    assert result.stderr.endswith("; nothing was written\n")


@pytest.mark.usefixtures("_old")
@pytest.mark.parametrize(
    ("source", "out", "rejects", "message"),
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
def test_a_file_that_cannot_be_read_or_written_changes_no_file(
    source: str, out: str, rejects: str, message: str
) -> None:
    """The status is 2 and the message names the file, even after records were converted."""
    Path("in").write_bytes(STORED)
    Path("cut.gz").write_bytes(gzip.compress(STORED * 9)[:-3])
    result = convert("in", source, "-o", out, "--rejects", rejects)
    assert (2, True) == (result.exit_code, is_untouched())
    assert f"\n{message}" in f"\n{result.stderr}"
    assert result.stderr.endswith("; nothing was written\n")


@pytest.mark.usefixtures("_old")
def test_a_failure_between_the_files_names_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the second file cannot be renamed, the first is complete and the message names it."""
    close = Writer.close

    def fail_with_out(self: Writer) -> None:
        if self.name.endswith("out"):
            raise FileError("out: input/output error")
        close(self)

    monkeypatch.setattr(Writer, "close", fail_with_out)
    result = convert(LOG, *OUTPUTS)
    assert (2, b"old out\n") == (result.exit_code, OUT.read_bytes())
    assert result.stderr.endswith("; only rejects was written\n")
    assert ["out", "rejects"] == names()


@pytest.mark.usefixtures("_old")
def test_a_failure_counts_the_records_on_standard_output() -> None:
    """They cannot be taken back, so the message says that they are not all."""
    result = convert(LOG, "absent", "-o", "-", "--rejects", "rejects")
    assert (2, converted(None), True) == (result.exit_code, result.stdout_bytes, is_untouched())
    assert result.stderr.endswith("; only 200 records were written to standard output\n")


def test_a_signal_between_the_two_files_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C between the two renames does not stop the second one."""
    close = Writer.close

    def close_and_interrupt(self: Writer) -> None:
        close(self)
        os.kill(os.getpid(), 2)

    monkeypatch.setattr(Writer, "close", close_and_interrupt)
    assert (1, ["out", "rejects"]) == (convert(LOG, *OUTPUTS).exit_code, names())
