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
from usagewire import DIALECTS, Conversion, DeadLetter, Dialect, Encoder, FileError, Writer, read
from usagewire.cli import outputs

STORED = stored(7).encode()
TIMED = STORED.replace(b"}", b',"start_time":1785542400,"end_time":1785628800}')
LENIENT = STORED.replace(b"7", b'"7"')
BAD = b"what?\n"

OUT, REJECTS = Path("out"), Path("rejects")
OUTPUTS = ("-o", "out", "--rejects", "rejects")


def convert(*arguments: Any, stdin: bytes | None = None) -> Result:
    """Run `usagewire convert` in this process."""
    return run("convert", *arguments, stdin=stdin)


def converted(shape: Any, dialect: Dialect = "api") -> bytes:
    """Return the good records of the sample log as the library converts them."""
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
    """Wait for no disk: what is on it when, is for the tests of the writer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture
def _old(folder: Path) -> None:  # noqa: ARG001 -- it is the current folder
    """Have an output and a file of rejects from before."""
    OUT.write_bytes(b"old out\n")
    REJECTS.write_bytes(b"old rejects\n")


def is_untouched() -> bool:
    """Return whether both files are as they were, and nothing half-written is beside them."""
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
def test_each_shape_and_dialect_is_what_the_library_makes(
    options: list[str], shape: str | None, dialect: Dialect, out: str
) -> None:
    """`--to` is `Conversion`, `--dialect` that of `Writer`; standard output gets nothing else."""
    result = convert(LOG, *options, "-o", out, "--rejects", "rejects")
    written = result.stdout_bytes if out == "-" else OUT.read_bytes()
    assert (1, converted(shape, dialect), 6) == (result.exit_code, written, len(letters()))


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".bz2", ".xz"])
def test_the_name_of_the_output_says_how_it_is_compressed(suffix: str) -> None:
    """What is written compressed reads back the same, records and rejects."""
    convert(LOG, "-o", f"out{suffix}", "--rejects", f"rejects{suffix}")
    assert converted(None) != Path(f"out{suffix}").read_bytes()
    again = convert(f"out{suffix}", "-o", "-")
    assert (0, converted(None)) == (again.exit_code, again.stdout_bytes)
    assert 6 == len(letters(Path(f"rejects{suffix}")))


def test_several_files_of_any_kind_become_one() -> None:
    """Globs, documents, compressed files and standard input are read in the order given."""
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
def test_what_tells_who_a_person_is_is_left_out_if_asked(
    options: list[str], kept: set[str]
) -> None:
    """`--drop-personal` is that of `Conversion`."""
    row = STORED.replace(b"}", b',"user_id":"user-1","user_email":"a@b.example","note":"kept"}')
    written = json.loads(convert("-", "-o", "-", *options, stdin=row).stdout_bytes)
    assert ("kept", kept) == (written["note"], set(written) & {"user_id", "user_email"})


@pytest.mark.usefixtures("path")
def test_lenient_values_are_counted_where_a_record_came_of_them() -> None:
    """A line that is rejected after all has none."""
    text = LENIENT + LENIENT.replace(b"}", b',"project_id":5}') + STORED
    result = convert("-", "-o", "out", "--lenient", stdin=text)
    assert "lines 3, records 2, rejected 1, blank 0, lenient 1, written 2" in result.stderr
    assert STORED * 2 == OUT.read_bytes()
    assert 1 == convert("-", "-o", "out", stdin=LENIENT).exit_code


@pytest.mark.usefixtures("path")
def test_a_row_that_has_no_place_in_a_page_is_a_rejected_line() -> None:
    """What cannot be converted is named, counted and kept like any bad line."""
    result = convert("-", *OUTPUTS, "--to", "pages", stdin=TIMED + STORED + TIMED)
    assert "<stdin>:2: $.start_time: no_interval: " in result.stderr
    assert "lines 3, records 2, rejected 1, blank 0, written 1" in result.stderr
    assert [STORED.strip()] == [letter.data for letter in letters()]


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


def test_mended_lines_are_fed_again() -> None:
    """What was mended is written, what was emptied is blank, the rest is rejected at its place."""
    lines = stored("oops") + BAD.decode() + stored(7) + stored("null")
    convert("-", *OUTPUTS, stdin=lines.encode())
    text = REJECTS.read_text()
    REJECTS.write_text(text.replace("oops", "5").replace('"what?"', '""'))

    result = convert("rejects", "--from-rejects", *OUTPUTS)
    assert stored(5) == OUT.read_text()
    assert "lines 3, records 1, rejected 1, blank 1, written 1" in result.stderr
    assert "<stdin>:4: $.usage_bytes: wrong_type: " in result.stderr
    assert text.splitlines(keepends=True)[2] == REJECTS.read_text()


def test_notes_on_what_is_still_wrong_stay() -> None:
    """What a person added to a letter is in the file after another round, too."""
    convert("-", *OUTPUTS, stdin=BAD + BAD)
    first, second = REJECTS.read_text().splitlines(keepends=True)
    noted = first.replace("}\n", ',"note":"ask Ada"}\n') + second
    REJECTS.write_text(noted)

    convert("rejects", "--from-rejects", "-o", "mended", "--rejects", "rejects")
    assert noted == REJECTS.read_text()


@pytest.mark.usefixtures("_old")
def test_what_is_no_dead_letter_is_named_and_ends_it() -> None:
    """Of a file that was not written by `--rejects`, or was broken by hand, nothing is made."""
    Path("in").write_bytes(STORED + BAD)
    result = convert("in", "--from-rejects", *OUTPUTS)
    assert (2, True) == (result.exit_code, is_untouched())
    assert ["in:1: ", "in:2: "] == [line[:6] for line in result.stderr.splitlines()[:2]]
    assert "2 lines are no dead letters" in result.stderr


def test_a_log_can_be_converted_in_place() -> None:
    """The output may be one of the files that are read, by whatever name."""
    Path("log").write_bytes(TIMED + BAD)
    Path("link").symlink_to("log")
    result = convert("log", "-o", "link", "--to", "pages", "--rejects", "rejects")
    assert (1, b'{"object":"page"') == (result.exit_code, Path("log").read_bytes()[:16])
    assert ["what?"] == [letter.raw for letter in letters()]


def test_rejects_of_an_earlier_run_are_never_lost() -> None:
    """Where the output is a source, what is in the file for rejects may be nowhere else."""
    OUT.write_bytes(STORED + BAD)
    REJECTS.touch()
    assert 1 == convert("out", *OUTPUTS).exit_code
    kept = REJECTS.read_bytes()
    result = convert("out", *OUTPUTS)
    assert (2, STORED, kept) == (result.exit_code, OUT.read_bytes(), REJECTS.read_bytes())
    assert "rejects: holds lines that an earlier run may have taken out of out" in result.stderr


def test_rejected_lines_are_never_lost_with_the_source() -> None:
    """To replace a source that has bad lines, a file for them must be given."""
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
    """Two outputs are two files, and only one of them may be read too."""
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
    """Whatever stops it between the two, what the source had is in it or elsewhere."""
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
    """Do what Ctrl-C does."""
    raise KeyboardInterrupt


def fail(*_: Any) -> None:
    """Do what a full disk does."""
    raise OSError(28, "No space left on device")


@pytest.mark.usefixtures("_old")
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
    status: int, said: str, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Wherever it comes, nothing is half-written, and what was done is said."""
    monkeypatch.setattr(*broken)
    result = convert(LOG, *OUTPUTS, "--to", "rows")
    assert (status, True) == (result.exit_code, is_untouched())
    assert said in result.stderr
    assert result.stderr.endswith("; nothing was written\n")


@pytest.mark.usefixtures("_old")
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
    source: str, out: str, rejects: str, said: str
) -> None:
    """The status is 2, and the message names the file, also after records were converted."""
    Path("in").write_bytes(STORED)
    Path("cut.gz").write_bytes(gzip.compress(STORED * 9)[:-3])
    result = convert("in", source, "-o", out, "--rejects", rejects)
    assert (2, True) == (result.exit_code, is_untouched())
    assert f"\n{said}" in f"\n{result.stderr}"
    assert result.stderr.endswith("; nothing was written\n")


@pytest.mark.usefixtures("_old")
def test_what_was_written_before_a_failure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the second of two names cannot be given, the first file is whole and named."""
    close = Writer.close

    def fail_with_out(self: Writer) -> None:
        if self.name.endswith("out"):
            raise FileError("out: input/output error")
        close(self)

    monkeypatch.setattr(Writer, "close", fail_with_out)
    result = convert(LOG, *OUTPUTS)
    assert (2, b"old out\n") == (result.exit_code, OUT.read_bytes())
    assert result.stderr.endswith("; rejects was written, and nothing else\n")
    assert ["out", "rejects"] == names()


@pytest.mark.usefixtures("_old")
def test_what_standard_output_got_before_a_failure_is_told() -> None:
    """It cannot be taken back, so that it is not all is said."""
    result = convert(LOG, "absent", "-o", "-", "--rejects", "rejects")
    assert (2, converted(None), True) == (result.exit_code, result.stdout_bytes, is_untouched())
    assert result.stderr.endswith(
        "; 200 records were written to standard output, which is not all\n"
    )


def test_a_signal_between_the_two_files_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing comes between the two names: Ctrl-C at that moment finds the work done."""
    close = Writer.close

    def close_and_interrupt(self: Writer) -> None:
        close(self)
        os.kill(os.getpid(), 2)

    monkeypatch.setattr(Writer, "close", close_and_interrupt)
    assert (1, ["out", "rejects"]) == (convert(LOG, *OUTPUTS).exit_code, names())


@pytest.mark.parametrize("arguments", [["in"], ["-o", "out"], ["in", "-o", "out", "--to", "csv"]])
def test_wrong_usage_writes_nothing(arguments: list[str]) -> None:
    """The status is 2 where an output, a source or a known shape is missing."""
    assert (2, []) == (convert(*arguments).exit_code, names())
