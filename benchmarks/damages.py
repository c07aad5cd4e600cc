"""Bad lines: the kinds of damage, and texts with many bad lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

BAD_SHARE: Final = 0.26
"""The share of bad lines in a damaged text."""

DAMAGES: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "cut short": lambda line: line[: len(line) // 2],
    "two rows on a line": lambda line: line + line,
    "not UTF-8": lambda line: line.replace(b'"gpt', b'"gp\xff').replace(b'"o4', b'"o\xff'),
    "text that is not JSON": lambda _: b"Traceback (most recent call last):",
    "a comma too many": lambda line: line[:-1] + b",}",
    "a number as a string": lambda line: re.sub(rb'("input_tokens":)(\d+)', rb'\1"\2"', line),
    "a fraction": lambda line: re.sub(rb'("input_tokens":\d+)', rb"\1.5", line),
    "a number past 64 bits": lambda line: re.sub(
        rb'("input_tokens":)\d+', rb"\g<1>18446744073709551617", line
    ),
    "a required key missing": lambda line: re.sub(rb'"output_tokens":\d+,', b"", line),
    "null instead of a number": lambda line: re.sub(rb'("output_tokens":)\d+', rb"\1null", line),
    "NaN": lambda line: re.sub(rb'("output_tokens":)\d+', rb"\1NaN", line),
    "an array": lambda line: b"[" + line + b"]",
    "NUL bytes": lambda line: bytes(len(line)),
}
"""The kinds of damage, and functions that damage a good line."""

CUT: Final = "that are cut short:"

ALL: Final = "of all these kinds in equal shares:\n\n" + "\n".join(f"- {kind}" for kind in DAMAGES)


def damaged(lines: Sequence[bytes], names: Sequence[str]) -> tuple[bytes, dict[int, bytes]]:
    """Return a text of `lines`, with `BAD_SHARE` of them damaged, and the good ones by line number.

    The `num_model_requests` of each line is its number, from 1, so that no two lines are equal.
    """
    good, written = {}, []
    for index, line in enumerate(lines):
        number = index + 1
        row = _NUMBER.sub(rb"\g<1>%d" % number, line)
        bad = int(number * BAD_SHARE)
        # This spreads the bad lines evenly between the good ones, and uses every kind of damage.
        if bad == int(index * BAD_SHARE):
            good[number] = row
            written.append(row)
        else:
            written.append(DAMAGES[names[bad % len(names)]](row))
    return b"\n".join(written) + b"\n", good


_NUMBER: Final = re.compile(rb'("num_model_requests":)\d+')
