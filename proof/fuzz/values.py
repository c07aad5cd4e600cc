"""JSON texts of single values of each kind: good, unusual, bad and random ones."""

from __future__ import annotations

import datetime as dt
import json
from base64 import b85encode
from random import Random
from typing import Any, Final
from uuid import UUID


def _words(text: str) -> tuple[bytes, ...]:
    return tuple(text.encode().split())


INTS: Final = _words("""
0 1 7 9 10 99 100 1023 1024 1025 999999 1000000 9999999 10000000 99999999
-1 -9 -10 -8192 -9999999 -10000000 2147483647 2147483648 -2147483648 -2147483649
9007199254740991 9007199254740992 9007199254740993 -9007199254740992 -9007199254740993
999999999999999999 1000000000000000000 -999999999999999999 -1000000000000000000
9223372036854775806 9223372036854775807 -9223372036854775807 -9223372036854775808
""")
BAD_INTS: Final = _words("""
9223372036854775808 -9223372036854775809 18446744073709551615 18446744073709551616
99999999999999999999 10000000000000000000000000000000000000000000 123456789012345678901234567890
-0 00 01 007 0123456 00000000 000000001 -01 -00 +1 + - -- 1- 1+1 0x10 1_000 1. .5 1.e5 1e 1e+ 1E-
0e 1..2 1.2.3 1e5e5 1e5.5 - -a -. 5.0 1.5 1e2 1E2 59200.0 1e400 -1e400 1e18 1e19 123456.7 1234567e1
12345678.0 0.0 -0.0 "5" "-5" "05" "5.0" "" "1_0" "\u0665" "9223372036854775807" "59200" "1e2" "-0"
"9223372036854775808" "99999999999999999999999999"
""")
FLOATS: Final = _words("""
0.0 -0.0 0.5 1.5 -1.5 0.1 0.2 0.3 0.06 123.456 1e5 1E5 1e+5 1e-5 -1e-5 0e0 0e5 -0e0 0E-400 0e400
1e308 1.7976931348623157e308 1.7976931348623159e308 1e309 -1e309 5e-324 4e-324 2e-324 0.1e1
2.2250738585072014e-308 2.2250738585072011e-308 1e-400 1e400 9007199254740992.0 9007199254740993.0
0.30000000000000004 123456789012345.6 12345678901234.5 1234567890123456.7 0.000000000000001
0.0000000000000001 999999999999999.0 99999999999999.9 1.00000000000000 100000000000000.0
0.12345678901234 9223372036854775807.0 9223372036854775808.0 1e18 1e19 1.0 10.0 100.50 5.10 0.10
0.00001 0.0001 0.00010 1e-7 1e15 1e16 1e17 123456789012345678.5 -0.00
""")
DECIMALS: Final = (
    *_words("""
"0" "0.0" "-0" "-0.00" "0E-6176" "0E+6144" "1" "1.0" "1.10" "-1.10" "001.50" "0.06" "0.000001"
"0.0000001" "1e5" "1E+5" "1e-5" "1E-6176" "1E-6177" "1E+6144" "1E+6145" "9.99E+6144" "0.00001"
"0.0001" "0.00010" "0.000100" "10.000" "1e999999999" "1e-999999999" "1e9999999999" "0e999999999"
"1234567890123456789012345678901234" "12345678901234567890123456789012345" "-00" "00000"
"0.123456789012345678901234567890123456" "-123456789012345678.9012345678901234"
"99999999999999999999999999999999999999" "999999999999999" "9999999999999999" "0.3" "100"
"""),
    b'"' + b"1" * 5000 + b'"',
    b'"0.' + b"0" * 33 + b'1"',
)
BAD_DECIMALS: Final = (
    *_words(r"""
"NaN" "sNaN" "Infinity" "-Infinity" "inf" "1_000" "" "." "-" "+1" "1." ".5" "1.2.3" "1e" "1e+" "--1"
"0x1" "١" "1٢" "1,5" "1e5.5" "\u0031" "1\u0030" "1\/2" "\u002d1" "1\n" "0\u0000"
"""),
    b'" 1"',
    b'"1 "',
    b'"1\xff"',
)
UNUSUAL: Final = (
    *_words(r"""
null null null true false tru fals nul truex nullx True None NaN Infinity -Infinity undefined
[] {} [[]] [{}] [1] [null] {"a":1} {"a":{"b":[1,2,{"c":null}]}} [1,2,] [,] {,} {"a"} {"a":} {"a":1,}
{:1} {1:1} {"a":1"b":2} [1:2] "true" "false" "TRUE" "False" "null" 'x' " "" ] } ) , : ; \ # // /**/
[1e400] [99999999999999999999] [18446744073709551615] {"a":1e19} {"a":1,"a":2} {"a":"\ud800"} ["\u00e9"]
[0.1,1e5,-0.0,-1] [01] ["x] {"x] ["}"] ["]"] [[[[[[]]]]]] [[[[[]]]]]] {"a":[} {"a":(1)} [tru] {"a":nul}
"""),
    b"[1 2]", b"[ 1 , 2 ]", b'{ "a" : 1 }', b"[1,\t2]", b"[1,\r2]", b"[1,\x0b2]", b"[1,\x002]",
    b"\x00", b"\x7f", b"\xff", b"\xc3\xa9", b"\xe2\x80\x83", b"\xef\xbb\xbf1", b"",
)  # fmt: skip
STRINGS: Final = (
    *_words(r"""
"" "a" "ab" "gpt-4o" "\"" "\\" "\/" "\b\f\n\r\t" "\u0041" "\u00e9" "\u20ac" "\ud83d\ude00" "\ud83d"
"\ude00" "\ude00\ud83d" "\ud83dx" "\ud83d\u0041" "\ud83d\ud83d\ude00" "\u0000" "\u001f" "\u007f" "\u0080"
"\uFFFF" "\uD83D\uDE00" "\u" "\u1" "\u12" "\u123" "\u123g" "\u123" "\U0041" "\x41" "\a" "\0" "\" "\\\"
"a\" "\\u0041" "\'" "\é" "é" "日本語" "😀smile" "naïve\n" "\u00e9é" "﻿" "a\\\\b" "\\n" "\n\u0041é"
"\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/" "tier\"one" "\\server\share"
"""),
    b'"\x7f"', b'"a\x00b"', b'"a\x1fb"', b'"tab\tin"', b'"cr\rin"', b'"\\\x00"', b'"\\\t"',
    b'"two words"', b'"' + b"\\n" * 127 + b'"', b'"' + b"\\n" * 128 + b'"',
    b'"' + b"\\n" * 129 + b'"', b'"' + b"\\t" * 200 + b'"', b'"' + "é".encode() * 300 + b'"',
    b'"' + b"a" * 5000 + b'"',
)  # fmt: skip
BAD_UTF8: Final = (
    b"\x80", b"\xbf", b"\xc0\x80", b"\xc1\xbf", b"\xc3", b"\xc3(", b"\xe0\x80\x80", b"\xe2\x82",
    b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf0\x80\x80\x80", b"\xf0\x9f\x98", b"\xf4\x90\x80\x80",
    b"\xf5\x80\x80\x80", b"\xfe", b"\xff", b"\xf8\x88\x80\x80\x80", b"\xe2\x28\xa1",
    b"\xc3\xa9\xa9",
)  # fmt: skip
ALPHABET: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-. :/"


def integer(rng: Random) -> bytes:
    """Return an integer of at most 19 digits, short ones more often."""
    digits = rng.choice((1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 18, 19))
    number = rng.randrange(10 ** (digits - 1), 10**digits)
    return b"%d" % (-number if rng.random() < 0.1 else number)


def number(rng: Random) -> bytes:
    """Return a number with a point or an exponent."""
    if rng.random() < 0.25:
        return repr(rng.uniform(-1, 1) * 10.0 ** rng.randrange(-300, 300)).encode()
    whole, part = rng.randrange(0, 17), rng.randrange(1, 17)
    head = str(rng.randrange(10**whole))
    tail = "".join(rng.choices("0123456789", k=part))
    exponent = rng.choice(["", "", "", "", "", "e5", "E-7", "e+300", "e-320", "e0"])
    return f"{rng.choice(['', '', '', '-'])}{head}.{tail}{exponent}".encode()


def decimal(rng: Random) -> bytes:
    """Return a decimal string."""
    head = rng.choice(["", "-"]) + str(rng.randrange(10 ** rng.randrange(1, 20)))
    part = "".join(rng.choices("0123456789", k=rng.randrange(0, 24)))
    exponent = rng.choice(["", "", "", "e3", "E-30", "E+20"])
    return f'"{head}{"." if part else ""}{part}{exponent}"'.encode()


def long_number(rng: Random) -> bytes:
    """Return a number that no double or int64 may hold exactly: many digits, or a far exponent."""
    chance = rng.random()
    if chance < 0.05:
        return b"-0" + rng.choice((b"", b".0", b"e5", b".00E-7000", b"e400"))
    if chance < 0.1:
        return b"%d" % rng.randrange(10**399, 10**400)
    digits = rng.randrange(15, 41) if chance < 0.8 else rng.randrange(1, 5)
    text = str(rng.randrange(10 ** (digits - 1), 10**digits))
    if rng.random() < 0.1:
        text = text[0] + "0" * (len(text) - 1)
    if rng.random() < 0.6:
        point = rng.randrange(1, len(text) + 1)
        text = f"{text[:point]}.{text[point:] or '0'}"
    if digits < 15 or rng.random() < 0.3:
        far = rng.choice((25, 310, 400, 6145, 6177, 7000))
        text += rng.choice("eE") + rng.choice(("", "+", "-")) + str(rng.randrange(far))
    return (rng.choice(("", "", "-")) + text).encode()


def letters(rng: Random, length: int) -> str:
    """Return letters that need no escape."""
    return "".join(rng.choices(ALPHABET, k=length))


def string(rng: Random) -> bytes:
    """Return a string of at most 80 letters, which may have something special in it."""
    simple = letters(rng, rng.randrange(81)).encode()
    chance = rng.random()
    at = rng.randrange(len(simple) + 1)
    if chance < 0.7:  # nothing special
        inner = b""
    elif chance < 0.95:
        inner = rng.choice(STRINGS)[1:-1]
    else:
        inner = rng.choice(BAD_UTF8)
    return b'"' + simple[:at] + inner + simple[at:] + b'"'


def text_of(rng: Random, kind: Any) -> bytes:
    """Return a value of a type that JSON holds as text."""
    day = dt.date.fromordinal(rng.randint(1, dt.date.max.toordinal())).isoformat()
    fraction = rng.choice(("", "", f".{rng.randrange(10 ** rng.randint(1, 6))}", ".1234560"))
    clock = f"{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}{fraction}"
    clock += rng.choice(("", "Z", "z", "+00:00", f"-{rng.randrange(24):02}:{rng.randrange(60):02}"))
    parts = [f"{rng.randrange(10 ** rng.randint(1, 5))}{unit}" for unit in "WDHMS"]
    parts = [part if rng.random() < 0.5 else "" for part in parts]
    timed = "".join(parts[2:])
    length = "".join(parts[:2]) + (f"T{timed}" if timed else "")
    number = rng.getrandbits(128)
    text = {
        dt.datetime: f"{day}{rng.choice('TTTt ')}{clock}",
        dt.date: day,
        dt.time: clock,
        dt.timedelta: f"{rng.choice(('', '-', '+'))}P{length or '0D'}",
        UUID: str(UUID(int=number)),
        bytes: b85encode(number.to_bytes(16, "big")[: rng.randrange(17)]).decode(),
    }[kind]
    return quoted(text)


def nested(rng: Random, depth: int) -> bytes:
    """Return a value that nests `depth` levels deep."""
    opening, closing = rng.choice(
        ((b"[", b"]"), (b'{"a":', b"}"), (b'[{"b":', b"}]"), (b"[0,", b",1]"))
    )
    levels = depth // (2 if opening == b'[{"b":' else 1)
    return opening * levels + b"1" + closing * levels


def anything(rng: Random, depth: int = 3) -> bytes:
    """Return any JSON value."""
    chance = rng.random()
    if depth and chance < 0.15:
        return b"[" + b",".join(anything(rng, depth - 1) for _ in range(rng.randrange(4))) + b"]"
    if depth and chance < 0.3:
        members = (string(rng) + b":" + anything(rng, depth - 1) for _ in range(rng.randrange(4)))
        return b"{" + b",".join(members) + b"}"
    if chance < 0.33:
        return nested(
            rng, rng.choice((20, 98, 99, 100, 101, 102, 199, 200, 201, 253, 254, 255, 1022, 1030))
        )
    makers = (integer, number, decimal, string, integer, number, decimal, string, long_number)
    if chance < 0.85:
        return rng.choice(makers)(rng)
    return rng.choice(UNUSUAL)


def quoted(text: str) -> bytes:
    """Return a JSON string."""
    return json.dumps(text, ensure_ascii=False).encode()
