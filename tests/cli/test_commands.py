"""The command line: what it prints where, and how it ends."""

import bz2
import csv
import errno
import gzip
import io
import json
import lzma
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from tests.support.paths import OURS
from usagewire import DeadLetter, UsageTimeBucketResultInner, __version__, accelerated, read
from usagewire.__main__ import main
from usagewire.analysis.summary import KEYS, KINDS, Summary
from usagewire.cli import exits, session
from usagewire.cli.main import usagewire
from usagewire.cli.terminal.tables import money, shown
from usagewire.native import plans

ROOT = Path(__file__).parents[2]
LOG = str(ROOT / "examples" / "usage.ndjson")
PAGE = str(ROOT / "examples" / "costs_page.json")
COMMAND = [sys.executable, "-m", "usagewire"]

STORED = '{"object":"organization.usage.vector_stores.result","usage_bytes":1234567}\n'
LENIENT = STORED.replace("1234567", '"7"')
UNKNOWN = STORED.replace("}", ',"later":1}')
BAD = "what?\n"
NOTHING = "lines 0, records 0, rejected 0, blank 0"

posix = pytest.mark.skipif(os.name != "posix", reason="needs sh, signals and terminals of POSIX")


def run(*arguments: str, stdin: str | bytes | None = None, **options: Any) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(usagewire, arguments, stdin, **options)


def embedded(model: str | None, tokens: int = 20) -> str:
    """Return a line of embeddings."""
    tag = "organization.usage.embeddings.result"
    row = {"object": tag, "input_tokens": tokens, "num_model_requests": 2, "model": model}
    return json.dumps(row, ensure_ascii=False) + "\n"


def paid(value: Any, currency: str | None = "usd") -> str:
    """Return a line of costs."""
    amount = {"value": value, "currency": currency}
    return json.dumps({"object": "organization.costs.result", "amount": amount}) + "\n"


def table(text: str) -> list[list[str]]:
    """Return the cells of a printed table that has no empty ones."""
    return [re.split(" {2,}", line.strip()) for line in text.splitlines()]


# --- summary ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "by"),
    [("completions", "project_id"), ("completions", "model,batch"), ("costs", "day")],
)
def test_every_format_says_what_the_summary_says(kind: str, by: str) -> None:
    """Table, JSON and CSV agree with `Summary` in every number."""
    expected = Summary(by.split(","), kinds=[kind])
    with read(LOG, on_error="skip") as reader:
        for record in reader:
            expected.add(record)
    options = ("summary", LOG, "--kind", kind, "--by", by, "--format")

    whole = json.loads(run(*options, "json").stdout)
    for group, found in zip([*expected.groups, expected.total], [*whole["groups"], whole["total"]],
                            strict=True):  # fmt: skip
        assert (dict(group.key), group.rows) == (found.get("key", {}), found["rows"])
        assert dict(group.metrics) == found["metrics"]
        assert list(group.cost) == list(found["cost"])
        assert [str(v.normalize()) for v in group.cost.values()] == list(found["cost"].values())

    head, *body = csv.reader(io.StringIO(run(*options, "csv").stdout))
    for group, cells in zip(expected.groups, body, strict=True):
        keys = ["" if v is None else str(v).replace("True", "true") for v in group.key.values()]
        numbers = [group.rows, *group.metrics.values(), *map(money, group.cost.values())]
        assert [k.replace("False", "false") for k in keys] + list(map(str, numbers)) == cells

    used = [n for n, column in enumerate(zip(*body, strict=True)) if set(column) != {"0"}]
    titles, *lines, total = table(run(*options, "table").stdout)
    assert [head[n] for n in used] == titles
    plain = [[cell.replace(",", "") for cell in line] for line in lines]
    assert [[row[n] or "(none)" for n in used] for row in body] == plain
    assert f"{expected.total.rows:,}" == total[1]


def test_a_table_is_plain_text() -> None:
    """Numbers are right-aligned under their names, with thousands separated."""
    lines = embedded("a", 1_234_567) + embedded("bb", 1) + embedded(None) + paid("-1234.5")
    expected = """\
model   rows  requests  input_tokens   cost_usd
a          1         2     1,234,567
bb         1         2             1
(none)     2         2            20  -1,234.50
total      4         6     1,234,588  -1,234.50
"""
    printed = run("summary", "-", stdin=lines).stdout
    assert expected == re.sub(" +\n", "\n", printed)


def test_no_key_at_all_is_one_sum() -> None:
    """Then there is no total either: it would say the same."""
    printed = run("summary", "-", "--by", "", "--format", "table", stdin=STORED * 2).stdout
    assert [["rows", "usage_bytes"], ["2", "2,469,134"]] == table(printed)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0E-28", "0.00"),
        ("0E-6176", "0.00"),
        (5, "5.00"),
        ("12.50", "12.50"),
        ("0.1739150000000000000000000000", "0.173915"),
        ("123456789012345678901234567890.123456", "123456789012345678901234567890.123456"),
        (-0.06, "-0.06"),
        ("1E-30", "0." + "0" * 29 + "1"),
        ("1E+30", "1" + "0" * 30 + ".00"),
    ],
)
def test_money_is_exact_and_without_exponent(value: Any, expected: str) -> None:
    """Zeros after two decimals are cut, nothing else is."""
    arguments = ("summary", "-", "--by", "kind", "--format")
    whole = json.loads(run(*arguments, "json", stdin=paid(value)).stdout)
    assert {"usd": expected} == whole["total"]["cost"]
    assert expected == run(*arguments, "csv", stdin=paid(value)).stdout.split(",")[-1].strip()
    assert expected == table(run(*arguments, "table", stdin=paid(value)).stdout)[1][-1].replace(
        ",", ""
    )


def test_money_without_currency_is_shown_as_a_question() -> None:
    """It has a column and a key of its own."""
    lines = paid(1, "USD") + paid(2, None)
    assert {"usd": "1.00", "?": "2.00"} == json.loads(
        run("summary", "-", "--format", "json", stdin=lines).stdout
    )["total"]["cost"]
    printed = run("summary", "-", "--format", "csv", stdin=lines).stdout
    assert printed.splitlines()[0].endswith(",cost_usd,cost_?")


def test_a_metric_that_a_group_lacks_is_an_empty_cell() -> None:
    """None is not zero."""
    printed = run("summary", "-", "--by", "kind", "--format", "csv", stdin=STORED + paid(1)).stdout
    assert [
        "kind,rows,requests,input_tokens,input_cached_tokens,output_tokens,usage_bytes,cost_usd",
        "costs,1,0,0,0,0,,1.00",
        "vector_stores,1,0,0,0,0,1234567,",
    ] == printed.splitlines()


def test_parts_of_tokens_are_shown_when_asked_for() -> None:
    """`--breakdown` adds columns and changes no total."""
    without, beside = (
        json.loads(run("summary", LOG, "--format", "json", *more).stdout)["total"]["metrics"]
        for more in ([], ["--breakdown"])
    )
    assert "input_audio_tokens" not in without
    assert beside["input_audio_tokens"] > 0
    assert without == {name: beside[name] for name in without}


def test_rows_of_other_kinds_are_told() -> None:
    """Short names and whole tags do, and what was skipped is said."""
    lines = STORED * 2 + paid(1) + '{"object": "x.y"}\n' + embedded("m")
    result = run("summary", "-", "--by", "kind", "--kind", "costs", "--kind", "x.y", stdin=lines)
    assert ["kind", "costs", "x.y", "total"] == [line[0] for line in table(result.stdout)]
    assert result.stderr.endswith("rows skipped: embeddings 1, vector_stores 2\n")


def test_the_last_line_counts_the_lines() -> None:
    """Lines are records, rejected or blank; lenient values are told where there are some."""
    lines = STORED + "\n" + BAD + LENIENT
    closing = run("summary", "-", stdin=lines).stderr.splitlines()[-1]
    assert "lines 4, records 1, rejected 2, blank 1" == closing
    result = run("summary", "-", "--lenient", "--format", "json", stdin=lines)
    assert result.stderr.endswith("\nlines 4, records 2, rejected 1, blank 1, lenient 1\n")
    expected = {"lines": 4, "records": 2, "rejected": 1, "blank": 1, "lenient": 1}
    assert expected == json.loads(result.stdout)["lines"]


def test_only_the_first_bad_lines_of_a_file_are_named(tmp_path: Path) -> None:
    """The rest is counted, for each file anew."""
    for name in ("a", "b"):
        (tmp_path / name).write_text(BAD * 25)
    result = run("summary", str(tmp_path / "a"), str(tmp_path / "b"))
    errors = result.stderr.splitlines()
    assert 2 * 21 + 1 == len(errors)
    assert f"{tmp_path / 'a'}:20: $: syntax: " in errors[19]
    assert f"{tmp_path / 'a'}: ... and 5 more" == errors[20]
    assert "lines 50, records 0, rejected 50, blank 0" == errors[-1]
    assert session.MOST_SHOWN == int(
        re.findall(r"at most (\d+)", run("summary", "--help").stdout)[0]
    )


# --- validate --------------------------------------------------------------------------------


def test_validate_prints_every_bad_line(tmp_path: Path) -> None:
    """File, line, path, code and message stand on standard output, as many as there are."""
    file = tmp_path / "log"
    file.write_text(STORED + BAD * 25 + STORED.replace("1234567", "null"))
    result = run("validate", str(file))
    lines = result.stdout.splitlines()
    assert 26 == len(lines)
    assert f"{file}:2: $: syntax: invalid JSON" in lines[0]
    assert f"{file}:27: $.usage_bytes: wrong_type: expected an integer, got null" == lines[-1]
    assert "lines 27, records 1, rejected 26, blank 0\n" == result.stderr


@pytest.mark.parametrize(
    ("lines", "options", "status"),
    [
        (LENIENT, [], 1),
        (LENIENT, ["--lenient"], 0),
        (UNKNOWN, [], 0),
        (UNKNOWN, ["--unknown", "keep"], 0),
        (UNKNOWN, ["--unknown", "forbid"], 1),
    ],
)
def test_validate_is_as_strict_as_asked(lines: str, options: list[str], status: int) -> None:
    """Leniency lets more through, forbidding unknown fields less."""
    assert status == run("validate", "-", *options, stdin=lines).exit_code


# --- info ------------------------------------------------------------------------------------

SHOP = """
import attrs, usagewire

@attrs.frozen
class Order:
    number: int
    usage: usagewire.UsageResult | None = None

class Tills:
    @attrs.frozen
    class Till:
        number: int = attrs.field(converter=int)

Either = usagewire.CostsResult | usagewire.UsageVectorStoresResult
Mixed = Order | int

@attrs.frozen
class Odd:
    raw: bytes

@attrs.frozen
class Unreadable:
    what: object()
"""

DONE = ("read", "written")

native = pytest.mark.skipif(not accelerated(), reason="needs the C extension")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stand in a folder with a module of classes, and with modules that cannot be imported."""
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "broken.py").write_text("1 / 0")
    (tmp_path / "ended.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    sys.modules.pop("shop", None)


def told(*arguments: str) -> dict[str, Any]:
    """Return what `info` prints as JSON."""
    return json.loads(run("info", "--format", "json", *arguments).stdout)  # type: ignore[no-any-return]


@native
@pytest.mark.usefixtures("shop")
def test_info_tells_what_the_decoder_and_the_encoder_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each class of ours is told of, and each type that is given, with the reasons."""
    monkeypatch.setattr(plans, "PURE", False)
    whole = told("shop:Order", "shop:Tills.Till", "shop:Either", "shop:Odd")
    types = {each["type"]: [*each.values()][1:] for each in whole["types"]}
    assert [True, None, __version__] == [
        whole[key] for key in ("accelerated", "not_accelerated", "version")
    ]
    assert {
        *(kind.__name__ for kind in [*OURS, UsageTimeBucketResultInner, DeadLetter]),
        *("shop:Order", "shop:Tills.Till", "shop:Either", "shop:Odd"),
    } == types.keys()
    others = {name: reasons for name, reasons in types.items() if reasons != [None, None]}
    hooks = "__attrs_pre_init__ or __attrs_post_init__"
    assert {
        "DeadLetter": [f"DeadLetter has {hooks}"] * 2,
        "shop:Tills.Till": ["Till does more with number than to store it"] * 2,
        "shop:Odd": [f"bytes is {done} by a hook that C does not know" for done in DONE],
    } == others


@pytest.mark.usefixtures("shop")
def test_info_without_the_extension_says_why_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is read and written by the reference then."""
    monkeypatch.setattr(plans, "PURE", True)
    whole = told("shop:Order")
    reason = "USAGEWIRE_PURE is set"
    assert (False, reason) == (whole["accelerated"], whole["not_accelerated"])
    assert {(reason, reason)} == {tuple([*each.values()][1:]) for each in whole["types"]}
    head, body = run("info", "shop:Order").stdout.split("\n\n")
    assert f"path     reference: {reason}" == head.splitlines()[-1]
    assert {("reference", "reference")} == {
        tuple(line.split()[1:]) for line in body.splitlines()[1:]
    }


@native
@pytest.mark.usefixtures("shop")
def test_info_as_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reason for both ways is said once, and others by themselves."""
    monkeypatch.setattr(plans, "PURE", False)
    printed = run("info", "shop:Tills.Till", "shop:Odd").stdout.splitlines()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    assert [f"version  {__version__}", f"Python   {python}", "path     C extension", ""] == printed[
        :4
    ]
    cells = {line.split()[0]: re.split(" {2,}", line)[1:] for line in printed[4:]}
    by = ["reference", "reference"]
    odd = [f"bytes is {done} by a hook that C does not know" for done in DONE]
    assert ["read by", "written by", "why not by C"] == cells["type"]
    assert ["C", "C"] == cells["UsageResponse"]
    assert [*by, "Till does more with number than to store it"] == cells["shop:Tills.Till"]
    assert [*by, f"reading: {odd[0]}; writing: {odd[1]}"] == cells["shop:Odd"]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shop", "shop: a type is named as module:Class"),
        (":Order", ":Order: a type is named as module:Class"),
        ("shop:", "shop:: a type is named as module:Class"),
        ("shop:Nothing", "shop:Nothing: cannot be imported: AttributeError: module 'shop' has no"),
        ("absent:Order", "absent:Order: cannot be imported: ModuleNotFoundError: No module named"),
        (".shop:Order", ".shop:Order: cannot be imported: TypeError: "),
        ("broken:Order", "broken:Order: cannot be imported: ZeroDivisionError: division by zero"),
        ("ended:Order", "ended:Order: cannot be imported: SystemExit: 3"),
        (
            "builtins:int",
            "builtins:int: this is neither an attrs class nor a union of such classes",
        ),
        ("shop:Mixed", "shop:Mixed: this is neither an attrs class nor a union of such classes"),
        ("shop:Unreadable", "shop:Unreadable: cannot decode into "),
        ("\x1b:Order", "\\x1b:Order: cannot be imported"),
    ],
)
def test_a_type_that_is_none_is_named(name: str, expected: str) -> None:
    """Nothing is printed then but what is wrong."""
    result = run("info", "usagewire:CostsResult", name)
    assert (2, "") == (result.exit_code, result.stdout)
    assert f"Error: {expected}" in result.stderr


# --- sources and statuses --------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        STORED.encode() * 2,
        gzip.compress(STORED.encode() * 2),
        bz2.compress(STORED.encode() * 2),
        lzma.compress(STORED.encode() * 2),
        f"[\n{STORED},{STORED}]".encode(),
        b"\xef\xbb\xbf" + STORED.encode() * 2,
    ],
    ids=["ndjson", "gzip", "bzip2", "xz", "array", "byte order mark"],
)
def test_files_may_be_lines_or_a_document_plain_or_packed(data: bytes, tmp_path: Path) -> None:
    """A path and standard input are read alike."""
    (tmp_path / "log").write_bytes(data)
    arguments = ("--by", "kind", "--format", "csv")
    named = run("summary", str(tmp_path / "log"), *arguments)
    assert (0, named.stdout) == (
        named.exit_code,
        run("summary", "-", *arguments, stdin=data).stdout,
    )
    assert "vector_stores,2,0,0,0,0,2469134" == named.stdout.splitlines()[1]


@pytest.mark.parametrize("text", [STORED * 2, STORED + STORED.strip(), f"[{STORED},{STORED}]"])
@pytest.mark.parametrize("other", ["absent", "*.none", "none://x"])
def test_a_file_that_cannot_be_read_takes_nothing_with_it(
    text: str, other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands before it and after it is read to its last line."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        Path(name).write_text(text)
    result = run("validate", "a", other, "b")
    assert (2, 1) == (result.exit_code, result.stderr.count(f"{other}: "))
    assert result.stderr.endswith("\nlines 4, records 4, rejected 0, blank 0\n")


def test_globs_and_urls_are_read_in_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `read` takes, a command takes."""
    monkeypatch.chdir(tmp_path)
    for name in ("1.log", "2.log", "other"):
        Path(name).write_text(STORED)
    url = (tmp_path / "other").as_uri()
    result = run("summary", "*.log", "-", url, "--by", "", "--format", "csv", stdin=STORED)
    assert (0, "rows,") == (result.exit_code, result.stdout[:5])
    assert "lines 4, records 4, rejected 0, blank 0\n" == result.stderr


@pytest.mark.parametrize("command", ["summary", "validate"])
@pytest.mark.parametrize(
    ("files", "status"),
    [
        (["good"], 0),
        (["good", "bad"], 1),
        (["empty"], 0),
        (["good", "absent"], 2),
        (["bad", "absent"], 2),
        (["."], 2),
        (["good", "broken.gz"], 2),
        ([], 2),
    ],
)
def test_the_status_says_how_it_went(
    command: str, files: list[str], status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0 is all, 1 is some lines rejected, 2 is a file that cannot be read."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"good": STORED, "bad": BAD + STORED, "empty": ""}.items():
        Path(name).write_text(text)
    Path("broken.gz").write_bytes(gzip.compress(STORED.encode())[:-3])
    result = run(command, *files)
    assert (status, None) == (result.exit_code, result.exception and result.exception.__context__)
    if status == 2 and files:
        assert f"\n{files[-1]}: " in "\n" + result.stderr
    if command == "summary" and "good" in files:
        assert "usage_bytes" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--by", "modle"], KEYS),
        (["--by", "model,model"], ["twice"]),
        (["--kind", "completion"], KINDS.values()),
        (["--format", "xml"], ["table", "json", "csv"]),
        (["--nonsense"], ["--nonsense"]),
    ],
)
def test_wrong_usage_is_explained(arguments: list[str], expected: Any) -> None:
    """The status is 2, nothing is printed, and the error lists what would do."""
    result = run("summary", "-", *arguments, stdin=STORED)
    assert (2, "") == (result.exit_code, result.stdout)
    assert [] == [word for word in expected if word not in result.stderr]


def test_help_describes_every_command_and_option() -> None:
    """Each command, option, key, kind and exit status is in the help."""
    assert {"convert", "info", "summary", "tail", "validate"} == set(usagewire.commands)
    overview = run("--help").stdout
    for name, command in usagewire.commands.items():
        page = run(name, "--help").stdout
        assert name in overview
        for parameter in command.params:
            described = isinstance(parameter, click.Option) and parameter.help
            assert described or parameter.human_readable_name.strip("[].") in ("FILE", "TYPE")
            assert [] == [n for n in parameter.opts if n.startswith("-") and n not in page]
        reading = (1, exits.INTERRUPTED, exits.TERMINATED) if name != "info" else ()
        for status in (0, exits.FAILED, exits.BROKEN_PIPE, *reading):
            assert re.search(rf"(^|; ) *{status} +\w", page, re.MULTILINE)
    words = set(re.findall(r"[a-z_]+", run("summary", "--help").stdout))
    assert {*KEYS, *KINDS.values()} <= words


def test_the_version_is_that_of_the_package() -> None:
    """`--version` prints it."""
    assert f"usagewire, version {__version__}\n" == run("--version").stdout


# --- what comes from the data ----------------------------------------------------------------

NASTY = "a\x1b[31mb\r\n\tc\u202ed\x7f\x9be\u2028[red]f[/red] :smile: ünï"


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_data_cannot_steer_the_terminal(form: str) -> None:
    """Control characters are written as escapes, and markup is only text."""
    result = run("summary", "-", "--format", form, stdin=embedded(NASTY))
    assert [] == [c for c in result.stdout if not c.isprintable() and c != "\n"]
    assert "[red]f[/red] :smile:" in result.stdout
    if form == "json":
        assert NASTY == json.loads(result.stdout)["groups"][0]["key"]["model"]
    else:
        assert shown(NASTY) in result.stdout


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_long_values_are_never_cut(form: str) -> None:
    """A name of 500 characters comes out whole on its line."""
    name = "proj_" + "x" * 495
    printed = run("summary", "-", "--format", form, stdin=embedded(name)).stdout
    assert [1] == [line.count(name) for line in printed.splitlines() if "x" * 9 in line]
    assert "…" not in printed


def test_a_currency_is_data_too() -> None:
    """Titles of columns are escaped like cells."""
    printed = run("summary", "-", stdin=paid(1, "[b]\x1b[2J")).stdout
    assert "cost_[b]\\x1b[2j" in printed


@posix
@pytest.mark.parametrize("command", ["summary", "validate"])
def test_names_of_files_are_data_too(command: str, tmp_path: Path) -> None:
    """A name with an escape in it is shown escaped, whether or not the file can be read."""
    file = tmp_path / "a\x1b[31m"
    file.write_text(BAD)
    result = run(command, str(file), str(tmp_path / "\x1b"))
    assert "\x1b" not in result.output
    assert "a\\x1b[31m:1: $: syntax" in result.output
    assert "\\x1b: No such file" in result.output


# --- a process of its own --------------------------------------------------------------------


def test_a_process_prints_what_was_asked_and_exits_with_the_status() -> None:
    """`python -m usagewire` gives the result on standard output and the rest on standard error."""
    done = subprocess.run(
        [*COMMAND, "summary", LOG, "--format", "json"], capture_output=True, check=False
    )
    assert 1 == done.returncode
    assert 1 < len(json.loads(done.stdout)["groups"])
    assert b"rejected 6," in done.stderr


@pytest.mark.parametrize(
    ("missing", "status", "expected"),
    [
        ("click", 2, 'needs click, which is not installed: pip install "usagewire[cli]"\n'),
        ("rich", 2, 'needs rich, which is not installed: pip install "usagewire[cli]"\n'),
        ("usagewire.analysis.summary", 1, "import of usagewire.analysis.summary halted"),
    ],
)
def test_a_missing_extra_is_named(missing: str, status: int, expected: str) -> None:
    """Only click and rich are the extra's; any other import error is an error of ours."""
    script = (
        f"import sys; sys.modules[{missing!r}] = None\nfrom usagewire.__main__ import main\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "--version"], capture_output=True, text=True, check=False
    )
    assert (status, "") == (done.returncode, done.stdout)
    assert expected in done.stderr
    assert (status == 2) == ("Traceback" not in done.stderr)


def test_the_console_script_runs_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`main` takes the arguments of the process and exits with the status."""
    monkeypatch.setattr(sys, "argv", ["usagewire", "--version"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (0, f"usagewire, version {__version__}\n") == (ended.value.code, capsys.readouterr().out)


@pytest.mark.parametrize(("missing", "ends"), [("rich", SystemExit), ("csv", ImportError)])
def test_only_the_extra_is_asked_for(
    missing: str, ends: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module that no extra brings is not blamed on an extra."""
    for module in [name for name in sys.modules if name.startswith("usagewire.cli")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ends):
        main()


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (
            KeyboardInterrupt(),
            exits.INTERRUPTED,
            f"interrupted before all was read: {NOTHING}; no sum was printed\n",
        ),
        (OSError(errno.EPIPE, "Broken pipe"), exits.BROKEN_PIPE, ""),
        (OSError(errno.ENOSPC, "Full"), exits.FAILED, "cannot write the output: Full\n"),
    ],
)
def test_an_early_end_has_a_status_and_no_result(
    error: BaseException, status: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing incomplete is printed."""

    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(session, "read", fail)
    result = run("summary", LOG)
    assert (status, "", said) == (result.exit_code, result.stdout, result.stderr)
