"""Bad lines: what can be wrong with one, and texts in which there are many."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

BAD_SHARE: Final = 0.26
"""Which share of the lines of a damaged text is bad."""

DAMAGES: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "cut short": lambda line: line[: len(line) // 2],
    "two rows on a line": lambda line: line + line,
    "no UTF-8": lambda line: line.replace(b'"gpt', b'"gp\xff').replace(b'"o4', b'"o\xff'),
    "text": lambda _: b"Traceback (most recent call last):",
    "a comma too many": lambda line: line[:-1] + b",}",
    "a number as a string": lambda line: re.sub(rb'("input_tokens":)(\d+)', rb'\1"\2"', line),
    "a fraction": lambda line: re.sub(rb'("input_tokens":\d+)', rb"\1.5", line),
    "past 64 bits": lambda line: re.sub(
        rb'("input_tokens":)\d+', rb"\g<1>18446744073709551617", line
    ),
    "a required key missing": lambda line: re.sub(rb'"output_tokens":\d+,', b"", line),
    "null where a number is required": lambda line: re.sub(
        rb'("output_tokens":)\d+', rb"\1null", line
    ),
    "NaN": lambda line: re.sub(rb'("output_tokens":)\d+', rb"\1NaN", line),
    "an array": lambda line: b"[" + line + b"]",
    "NUL bytes": lambda line: bytes(len(line)),
}
"""What can be wrong with a line, and how a good one is made so."""

ALL: Final = f"all of these in equal shares: {', '.join(DAMAGES)}"


def damaged(lines: Sequence[bytes], names: Sequence[str]) -> tuple[bytes, dict[int, bytes]]:
    """Return `lines` as a text, many of them damaged, and the good ones by line number.

    Each says in `num_model_requests` which line it is, from 1, so that no two are alike.
    """
    good, written = {}, []
    for index, line in enumerate(lines):
        number = index + 1
        row = _NUMBER.sub(rb"\g<1>%d" % number, line)
        bad = int(number * BAD_SHARE)
        # So spread, good lines stand between the bad ones, and every damage comes up.
        if bad == int(index * BAD_SHARE):
            good[number] = row
            written.append(row)
        else:
            written.append(DAMAGES[names[bad % len(names)]](row))
    return b"\n".join(written) + b"\n", good


_NUMBER: Final = re.compile(rb'("num_model_requests":)\d+')
