"""The rules for English text that a program can check."""

import re
from pathlib import Path

import pytest

from tests.support.prose import sentences, words

ROOT = Path(__file__).parent.parent
FOLDERS = ("src", "tests", "benchmarks", "proof", "tools", "examples", "docs", "changelog.d")
SUFFIXES = {".py", ".pyi", ".c", ".h", ".md"}
FILES = [
    *ROOT.glob("*.md"),
    *(p for folder in FOLDERS for p in (ROOT / folder).rglob("*") if p.suffix in SUFFIXES),
]
WORDS = dict(
    line.split(" -> ")
    for line in (ROOT / "tests/data/words.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
)
FORBIDDEN = re.compile(rf"(?<![-\w./])({'|'.join(WORDS)})(?![-\w/])", re.IGNORECASE)
MOST_WORDS = 25


def faults(sentence: str) -> list[str]:
    """Name each rule that a sentence breaks."""
    spoken = re.sub(r"`[^`]*`|\"[^\"]*\"", "", sentence)
    found = [f"not {word!r} but {WORDS[word.lower()]}" for word in FORBIDDEN.findall(spoken)]
    if len(words(sentence)) > MOST_WORDS:
        found.append(f"{len(words(sentence))} words")
    if re.match(r"(What|Who|Whoever|Where|Of)\b", sentence) and "?" not in sentence:
        found.append("no subject first")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_plain_english(path: Path) -> None:
    """Sentences have 25 words at most, begin with their subject, and use known words."""
    found = [(sentence, faults(sentence)) for sentence in sentences(path)]
    assert [] == [one for one in found if one[1]]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("A decoder counts every line.", []),
        ("What is held back is counted.", ["no subject first"]),
        ("What is held back?", []),
        ("Lines are told apart.", ["not 'told' but distinguish, recognise, report"]),
        ("A `told` is code.", []),
        ("word " * 26, ["26 words"]),
        ("`a b c` " * 25, []),
    ],
)
def test_the_rules(sentence: str, expected: list[str]) -> None:
    """The check finds each fault, and code is not a fault."""
    assert expected == faults(sentence)
