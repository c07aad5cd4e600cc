"""C guesses that an object is like the one before it. It has to notice where it is not."""

from typing import Any, Final

import attrs
import pytest

from tests.support.native import BACK, BY_C, compact, plan_for, read_lines, slotted, taken
from usagewire import UsageVectorStoresResult

pytestmark = BY_C

TEXT: Final = attrs.field(type=str | None, default=None)
NUMBER: Final = attrs.field(type=int | None, default=None)
TEXTS: Final = slotted("Texts", frozen=True, x=TEXT, number=NUMBER, y=TEXT)
FRAMES: Final = ('{@"x":~"text",@"number":~12,@"y":~null@}', '{@"x"~:"text"@,"number":12~}')
PADDING: Final = b" " * 40
"""After a document, so that C guesses each of its keys."""


def test_whitespace_between_members() -> None:
    """Any whitespace may come before keys, values and commas, and is never a character more."""
    expected = TEXTS("text", 12, None)
    signs = (" ", "\n", "\t", "\r", "\n  ", "\r\n\t", " " * 15, "\n" + " " * 16, " " * 70)
    for before_key in ("", *signs):
        for before_value in ("", *signs):
            for frame in (
                '{@"x":~"text",@"number":~12,@"y":~null@}',
                '{@"x"~:"text"@,"number":12~}',
            ):
                data = frame.replace("@", before_key).replace("~", before_value).encode() + PADDING
                for _ in range(2):
                    assert expected == taken(TEXTS, data)


@pytest.mark.parametrize("sign", [b"\0", b"\v", b"\f", b"\x1f", b"\xa0", b"!", b";", b"\xef"])
def test_other_characters_are_not_whitespace(sign: bytes) -> None:
    """C hands back an object with a wrong character among the whitespace."""
    usual = b'{\n                     "x": "text",\n                     "number": 12\n}' + PADDING
    for at, one in enumerate(usual):
        assert taken(TEXTS, usual) is not BACK
        if chr(one).isspace() and at < usual.index(b"}"):
            assert taken(TEXTS, usual[:at] + sign + usual[at + 1 :]) is BACK
            assert taken(TEXTS, usual[:at] + sign + usual[at:]) is BACK
    for at in (usual.index(b","), usual.index(b":"), usual.index(b"{")):
        assert taken(TEXTS, usual) is not BACK
        assert taken(TEXTS, usual[:at] + sign + usual[at + 1 :]) is BACK


def test_whitespace_of_lines() -> None:
    """A line with spaces after its commas is read, and LF is never among them."""
    lines = b'{"x": "text", "number": 12}\n' * 3
    plan = plan_for(TEXTS)
    records, place = read_lines(plan, lines)

    assert ([TEXTS("text", 12)] * 3, len(lines)) == (records, place[0])
    for spaces in (1, 2, 3, 9, 20, 33):
        records, place = read_lines(plan, lines.replace(b", ", b",%b\n%b" % ((b" " * spaces,) * 2)))
        assert ([], 0) == (records, place[0])


def test_null_is_a_value_of_a_nullable_field_only() -> None:
    """C reads null where the type allows it, and hands back what only begins like it."""
    strict = slotted("Strict", frozen=True, x=str, number=int)
    assert taken(strict, b'{"x":"a","number":1}' + PADDING) is not BACK
    for key in ("x", "number"):
        data = compact({"x": "a", "number": 1, key: None})
        assert taken(strict, data + PADDING) is BACK
        assert taken(TEXTS, data + PADDING) is not BACK
        for wrong in (b"nul", b"nulls", b"nu11", b"Null", b"n", b"null1"):
            assert taken(TEXTS, data.replace(b"null", wrong) + PADDING) is BACK


def test_tag_that_is_nearly_the_last_one() -> None:
    """C compares each character of a tag, and both quotes."""
    tag = UsageVectorStoresResult.object.encode()
    usual = b'{"object":"%s","usage_bytes":5}' % tag + PADDING
    more = [tag + b"s", tag[:-1], b"", tag[1:], tag.replace(b"a", b"\\u0061", 1)]
    for wrong in (*more, *(tag[:at] + b"~" + tag[at + 1 :] for at in range(len(tag)))):
        assert taken(UsageVectorStoresResult, usual) is not BACK
        data = usual.replace(tag, wrong)
        assert taken(UsageVectorStoresResult, data) is BACK or b"\\" in wrong
    quotes = [at for at, one in enumerate(usual) if one == ord('"')]
    for at in quotes[2:4]:
        for sign in (b",", b"x", b" ", b"\\", b"\0", b"'"):
            assert taken(UsageVectorStoresResult, usual) is not BACK
            assert taken(UsageVectorStoresResult, usual[:at] + sign + usual[at + 1 :]) is BACK
    for at in range(len(usual) - len(PADDING)):
        assert taken(UsageVectorStoresResult, usual[:at]) is BACK


def test_string_that_is_nearly_a_string_before() -> None:
    """C guesses the length of a string, and compares each of its characters and the quote."""
    for length in (2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65):
        text = "".join(chr(97 + i % 26) for i in range(length))
        near = [text[:at] + sign + text[at + 1 :] for at in range(length) for sign in 'Zé"\\\n']
        near += [text + "x", text[:-1], text + "xx", text[1:], "", "x", text + '"']
        for one in near:
            for written in (text, one):
                data = compact({"x": written, "number": 1}) + PADDING
                assert TEXTS(written, 1) == taken(TEXTS, data)
        data = b'{"x":"%s","number":1}' % text.encode()
        for at in (5, 6 + length):
            for sign in (b",", b"x", b" ", b"\\", b"\0", b"'"):
                assert TEXTS(text, 1) == taken(TEXTS, data + PADDING)
                assert taken(TEXTS, data[:at] + sign + data[at + 1 :] + PADDING) is BACK
        for at in range(len(data)):
            assert taken(TEXTS, data[:at]) is BACK


def rows(*pairs: tuple[str, str]) -> list[Any]:
    """Return the records of rows with these texts."""
    data = b"".join(b'{"x":"%s","y":"%s"}\n' % (x.encode(), y.encode()) for x, y in pairs)
    found, _ = read_lines(plan_for(TEXTS), data)
    assert list(pairs) == [(one.x, one.y) for one in found]
    return found


def test_strings_that_never_repeat_leave_the_others_alone() -> None:
    """They replace few shared strings, and are shared again after they begin to repeat."""
    rows(("at first", "kept"))
    found = rows(*((f"unique {i}", f"repeats {i % 20}") for i in range(10_000)))
    assert len({id(one.y) for one in found}) <= 22

    later = rows(*(("the same again", "y") for _ in range(400)))
    assert len({id(one.x) for one in later[-100:]}) == 1
    assert len({id(one.x) for one in later}) > 1
    few = rows(*((f"one of {i % 3} texts", "y") for i in range(400)))
    assert len({id(one.x) for one in few}) == 3
