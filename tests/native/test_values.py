"""Single JSON values that C reads: numbers, strings and lists of them, in any form and length."""

import pickle
import sys
from decimal import Decimal
from typing import Any, Final

import attrs
import orjson
import pytest

from tests.support.comparing import Refused, exact
from tests.support.native import BACK, BY_C, TOKENS, dice, meant, plan_for, slotted, taken

pytestmark = BY_C

INTS, FLOATS, DECIMALS, TEXTS, WRONG, OTHERS, _ = TOKENS.values()
WRONG += ['"\x01"', '"\x1f"', '"a\tb"']
POOL: Final = [*INTS, *FLOATS, *DECIMALS, *TEXTS, *WRONG, *OTHERS]

KINDS: Final[dict[str, tuple[Any, list[str]]]] = {
    "int": (int, INTS),
    "float": (float, [*INTS[:21], "-0", "-1", "-1234567", "9007199254740992", *FLOATS[:18]]),
    "str": (str, TEXTS),
    "bool": (bool, ["true", "false"]),
    "Decimal": (Decimal, [*INTS, *FLOATS[:18], *DECIMALS]),
    "Any": (Any, [*INTS, *FLOATS[:9], *TEXTS, *OTHERS]),
    "int | None": (int | None, [*INTS, "null"]),
    "str | None": (str | None, [*TEXTS, "null"]),
    "bool | None": (bool | None, ["true", "false", "null"]),
    "Decimal | None": (Decimal | None, [*DECIMALS, "null"]),
    "float | None": (float | None, [*FLOATS[:9], "null"]),
    "list[int]": (list[int], ["[]", "[1,2]"]),
    "tuple[int, ...]": (tuple[int, ...], ["[]", "[1,2]"]),
    "list[list[int] | None]": (list[list[int] | None], ["[]", "[[1],null]"]),
}
"""Types, and the tokens that C has to read for them."""

ALONE: Final = ("@", " @ ", "\n\t\r@", "@             ")
LISTS: Final = ("[@]", "[ @ , @ ]", "[@,@,@]")
OBJECTS: Final = (
    '{"x":@}', '{ "x" : @ }', '{"x":@,"y":"some more of it"}', '{"y":"some more","x":@}',
)  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_values(name: str) -> None:
    """C reads usual forms of a value, and hands others back or reads them as the reference."""
    kind, usual = KINDS[name]
    text = attrs.field(type=str, default="")
    holder = slotted("Holder", frozen=True, x=attrs.field(type=kind), y=text)
    for token in POOL:
        for read, frames in ((kind, ALONE), (holder, OBJECTS), (list[kind], LISTS)):
            for frame in frames:
                found = taken(read, frame.replace("@", token).encode())
                assert found is not BACK or token not in usual, token


AFTER: Final = (
    "", " ", "       ", "\n", "0", "x", ".", "e", "E", ".0", ",", "}", "/", ":", "-", "e1",
)  # fmt: skip


def test_integers_of_every_length() -> None:
    """C reads integers of any length exactly if the reference does, whatever follows."""
    rolled = dice(1)
    for length in range(1, 21):
        for _ in range(40):
            digits = str(rolled.randrange(10 ** (length - 1), 10**length))
            for token in (sign + digits + after for sign in ("", "-") for after in AFTER):
                for kind, frame in ((int, "%s"), (list[int], "[%s]")):
                    data = (frame % token).encode()
                    is_refused = isinstance(meant(kind, data), Refused)
                    assert is_refused == (taken(kind, data) is BACK)


def test_integers_are_those_of_python() -> None:
    """C fills some ints by itself. They behave as if Python had made them."""
    numbers = [2**power + more for power in range(62) for more in (-1, 0, 1)]
    numbers += [*range(1100), 9_999_999, 10**8, 10**9]
    numbers += [-number for number in numbers]

    found = plan_for(list[int]).decode(orjson.dumps(numbers))

    assert {int} == set(map(type, found))
    for one, number in zip(found, numbers, strict=True):
        assert (one, hash(one), repr(one)) == (number, hash(number), repr(number))
        assert sys.getsizeof(one) == sys.getsizeof(number)
        assert one.bit_length() == number.bit_length()
        assert (one * one, -one, one >> 7) == (number * number, -number, number >> 7)
        assert one is number or not -5 <= number <= 256
        assert pickle.dumps(one) == pickle.dumps(number)


def points(seed: int, times: int) -> list[tuple[str, str]]:
    """Return random digits before and after a point."""
    rolled = dice(seed)
    return [
        (
            str(rolled.randrange(10 ** rolled.randrange(1, 19))),
            "".join(rolled.choices("0123456789", k=rolled.randrange(1, 17))),
        )
        for _ in range(times)
    ]


def test_floats_are_rounded_right() -> None:
    """A number with a point becomes the nearest double."""
    for whole, part in points(2, 5000):
        for token in (f"{whole}.{part}", f"-{whole}.{part}"):
            assert exact(float(token)) == exact(taken(list[float], f"[{token}]".encode())[0])


def test_money_is_exact() -> None:
    """Money from a string has its text, and money from a number has the shortest text."""
    for whole, part in points(3, 3000):
        number = f"{whole}.{part}"
        for token in (number, f"-{number}", f'"{number}"', f"{whole}.{part[0]}00", f"{whole}.00"):
            assert taken(list[Decimal], f"[{token}]".encode()) is not BACK
            found = taken(Decimal, f"{token} ".encode())
            assert str(found) == str(meant(Decimal, token.encode())[1])


REFUSED_IN_STRINGS: Final = ("\n", '"', "\x00", "\x1f")
IN_STRINGS: Final = (
    *REFUSED_IN_STRINGS, "é", "\x7f", "\\n", '\\"', "\\\\", "\\u00e9", " ", "!",
)  # fmt: skip


def test_strings_of_every_length() -> None:
    """C reads strings of any length, with any character at any place."""
    for length in range(81):
        letters = "".join(chr(ord("a") + (7 * i + length) % 26) for i in range(length))
        assert letters == taken(str, f'"{letters}"'.encode())
        assert letters == taken(list[str], f'["{letters}","{letters}"]'.encode())[1]
        for at in range(0, length, 1 if length < 36 else 5):
            for one in IN_STRINGS:
                data = f'"{letters[:at]}{one}{letters[at + 1 :]}"'.encode()
                assert (taken(str, data) is BACK) == (one in REFUSED_IN_STRINGS), data


def test_strings_that_differ_in_one_letter() -> None:
    """Strings are different if one character differs, at any place."""
    for length in (2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 33, 40, 63, 64, 65):
        texts = ["a" * length] + ["a" * at + "b" + "a" * (length - at - 1) for at in range(length)]
        data = orjson.dumps(texts)
        for _ in range(2):
            assert texts == plan_for(list[str]).decode(data)


def test_escapes_of_long_strings() -> None:
    """C reads escapes in strings of any length, and hands wrong escapes back."""
    for length in (1, 250, 254, 255, 256, 257, 300):
        for escape in (r"\n", r"\u0041", r"\"", r"\/", r"\b", r"\f", r"\r", r"\t", r"\\"):
            data = b'"' + b"a" * length + escape.encode() + b'"'
            assert orjson.loads(data) == taken(str, data)
    for wrong in (rb'"\a"', rb'"\0"', rb'"\ "', rb'"\N"', b'"\\', b'"\\"', b'"\\\n"', rb'"\u"'):
        assert taken(str, wrong) is BACK


def test_tuples_and_lists() -> None:
    """An array becomes a list or a tuple, as the type says."""
    assert exact([[1], [2, 3], []]) == exact(taken(list[list[int]], b"[[1],[2,3],[]]"))
    assert exact(((1,), (2, 3), ())) == exact(taken(tuple[tuple[int, ...], ...], b"[[1],[2,3],[]]"))
