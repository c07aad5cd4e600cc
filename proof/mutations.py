r"""One-line faults to plant in the C text, each of which a test has to find.

A fault names the file, the text it replaces, which stands there just once, and what it breaks. None
is there that changes nothing but speed, or that only a sanitizer could see.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Mutation(NamedTuple):
    """A fault: `new` instead of `old` in a file of `src/usagewire/native/csrc`."""

    file: str
    old: str
    new: str
    why: str


MUTATIONS: Final = (
    # --- scan.h
    Mutation(
        "common/scan.h",
        "(c == '\\n' && !s->lines)",
        "c == '\\n'",
        "an object may go on in the next line",
    ),
    Mutation("common/scan.h", "c == '\\t' || c == '\\r'", "c == '\\r'", "a tab is no space"),
    Mutation(
        "common/scan.h",
        "(size_t)(s->end - s->p) < length",
        "(size_t)(s->end - s->p) <= length",
        "a word at the very end is not seen",
    ),
    Mutation(
        "common/scan.h", "c >= 0x20 && c < 0x80", "c >= 0x20 && c <= 0x80", "0x80 passes for ASCII"
    ),
    Mutation(
        "common/scan.h",
        "_mm_set1_epi8(0x20)",
        "_mm_set1_epi8(0x1f)",
        "a control character passes among sixteen letters",
    ),
    Mutation(
        "common/scan.h",
        "const __m128i backslash = _mm_set1_epi8('\\\\');\n    const __m128i space",
        "const __m128i backslash = _mm_set1_epi8('/');\n    const __m128i space",
        "an escape is not seen among sixteen letters",
    ),
    Mutation(
        "common/scan.h",
        "const __m128i backslash = _mm_set1_epi8('\\\\');\n    const __m128i control",
        "const __m128i backslash = _mm_set1_epi8('/');\n    const __m128i control",
        "an escape is not seen among sixteen letters, of which one is not ASCII",
    ),
    Mutation(
        "common/scan.h",
        "_mm_set1_epi8(0x1F)",
        "_mm_set1_epi8(0x1E)",
        "a control character passes among sixteen letters, of which one is not ASCII",
    ),
    Mutation(
        "common/scan.h",
        "*ascii &= (high & (found - 1) & ~found) == 0;",
        "",
        "UTF-8 passes for ASCII before a quote",
    ),
    Mutation(
        "common/scan.h",
        "*ascii &= high == 0;",
        "",
        "UTF-8 passes for ASCII among sixteen letters",
    ),
    Mutation(
        "common/scan.h",
        "        if (p == s->end || *p < 0x20) {\n            return false;\n        }\n        if (*p == '\"') {",
        "        if (p == s->end) {\n            return false;\n        }\n        if (*p <= '\"') {",
        "a control character ends a string",
    ),
    Mutation(
        "common/scan.h",
        "p++;\n        if (p == s->end || *p < 0x20) {",
        "p++;\n        if (p == s->end) {",
        "a backslash takes the line's end into the string",
    ),
    Mutation(
        "common/scan.h",
        "*ascii &= *p < 0x80;",
        "*ascii &= *p < 0xF0;",
        "UTF-8 passes for ASCII",
    ),
    Mutation(
        "common/scan.h", "SCAN_DIGITS = 18", "SCAN_DIGITS = 19", "19 digits may be past 64 bits"
    ),
    Mutation("common/scan.h", "SCAN_DEPTH = 200", "SCAN_DEPTH = 201", "a bound is off by one"),
    Mutation(
        "common/scan.h",
        "(unsigned)(c - '0') < 10",
        "(unsigned)(c - '0') <= 10",
        "a colon is a digit",
    ),
    Mutation(
        "common/scan.h",
        "digits + UINT64_C(0x0606060606060606)",
        "digits + UINT64_C(0x0505050505050505)",
        "a colon is a digit among eight",
    ),
    Mutation(
        "common/scan.h",
        "n == 0 || (n > 1 && *s->p == '0')",
        "n == 0",
        "a short number may begin with zeros",
    ),
    Mutation(
        "common/scan.h",
        "after == '.' || (after | 0x20) == 'e'",
        "(after | 0x20) == 'e'",
        "what is before a point is an integer, and the rest no JSON",
    ),
    Mutation(
        "common/scan.h",
        "digits <<= 64 - 8 * n",
        "digits <<= 56 - 8 * n",
        "short numbers are shifted",
    ),
    Mutation(
        "common/scan.h",
        "UINT64_C(0x0000271000000001)",
        "UINT64_C(0x0000271100000001)",
        "a power of ten is off by one",
    ),
    Mutation(
        "common/scan.h",
        "(*start == '0' && (p - start > 1 || negative))",
        "(*start == '0' && negative)",
        "a number may begin with zeros",
    ),
    Mutation(
        "common/scan.h",
        "negative ? -(int64_t)n : (int64_t)n",
        "(int64_t)n",
        "negative numbers lose their sign",
    ),
    Mutation(
        "common/scan.h",
        "scan_is_digit(*p) || *p == '.' || *p == 'e'",
        "*p == '.' || *p == 'e'",
        "a long number is cut after its 18th digit",
    ),
    Mutation(
        "common/scan.h",
        "(backslash - ones) | word",
        "word",
        "a backslash is written as it is",
    ),
    Mutation(
        "common/scan.h",
        "scan_sign(s, objects & 1 ? '}' : ']')",
        "(scan_sign(s, '}') || scan_sign(s, ']'))",
        "any bracket ends a list",
    ),
    Mutation(
        "common/scan.h",
        "(objects & 1) && !scan_plain_key(s)",
        "0",
        "a later member of an object that is passed over needs no key",
    ),
    Mutation(
        "common/scan.h",
        "if (opened == '{' && !scan_plain_key(s)) {",
        "if (0) {",
        "the first member of an object that is passed over needs no key",
    ),
    Mutation(
        "common/scan.h",
        "(point || s->p - start > SCAN_DIGITS)",
        "point",
        "a long integer in what is kept is not looked at",
    ),
    Mutation(
        "common/scan.h",
        "depth > seen->depth ? depth : seen->depth",
        "seen->depth",
        "how deep a value nests is not seen",
    ),
    # --- intern.h
    Mutation(
        "common/intern.h",
        "i = i + 32 <= length ? i + 16 : length - 16",
        "i = length - 16",
        "texts that differ in their middle are one",
    ),
    Mutation(
        "common/intern.h",
        "_mm_cmpeq_epi8(one, other)) != 0xFFFF",
        "_mm_cmpeq_epi8(one, other)) == 0",
        "texts that are alike are one",
    ),
    Mutation(
        "common/intern.h",
        "return Py_NewRef(kept);",
        "return kept;",
        "a shared text is owned too rarely",
    ),
    Mutation(
        "common/intern.h", "Py_XDECREF(kept);", "(void)0;", "texts that made room are kept for ever"
    ),
    Mutation(
        "common/intern.h",
        "*slot = Py_NewRef(text);",
        "*slot = text;",
        "the table does not own its texts",
    ),
    Mutation(
        "common/intern.h",
        "number < 0 || number >= INTERN_NUMBERS",
        "number < 0 || number > INTERN_NUMBERS",
        "one number past the end of the table",
    ),
    Mutation(
        "common/intern.h",
        "return Py_XNewRef(*slot);",
        "return *slot;",
        "a shared number is owned too rarely",
    ),
    Mutation(
        "common/intern.h",
        "length > INTERN_LONGEST) {\n        return intern_new",
        "length >= INTERN_LONGEST) {\n        return intern_new",
        "a bound is off",
    ),
    Mutation(
        "common/intern.h",
        "length > INTERN_LONGEST) {\n        return NULL",
        "length >= INTERN_LONGEST) {\n        return NULL",
        "a bound is off, of strings that are not plain",
    ),
    Mutation(
        "common/intern.h",
        "slot->length == length && intern_is_equal(slot->bytes",
        "intern_is_equal(slot->bytes",
        "a string that is not plain is another of which it is the beginning",
    ),
    Mutation(
        "common/intern.h",
        "&& intern_is_equal(slot->bytes, p, length)",
        "",
        "a string that is not plain is any of its length",
    ),
    Mutation(
        "common/intern.h",
        "slot->text = Py_NewRef(text);",
        "slot->text = text;",
        "a string that is kept is not owned",
    ),
    Mutation(
        "common/intern.h",
        "    Py_XDECREF(before);\n",
        "    (void)before;\n",
        "a string that is not plain is kept for ever",
    ),
    Mutation(
        "read/records.h",
        "    r->held++;\n",
        "",
        "what holds something that is held back is hidden from the collector",
    ),
    Mutation(
        "read/reading.h",
        "            unseen_track(&plan->values.unseen); /*",
        "            /*",
        "what a refused line made is kept until all lines were read",
    ),
    # --- tracking.h
    Mutation(
        "common/tracking.h",
        "        if (!PyObject_GC_IsTracked(held.objects[i])) {\n"
        "            PyObject_GC_Track(held.objects[i]);\n        }\n",
        "",
        "what was held back from the collector is never shown to it",
    ),
    Mutation(
        "common/tracking.h",
        "        Py_DECREF(held.objects[i]);\n",
        "",
        "what was held back from the collector is kept for ever",
    ),
    # --- plan.h
    Mutation(
        "read/plan.h",
        "word->length == length && memcmp",
        "memcmp",
        "a key that begins like another is that one",
    ),
    Mutation(
        "read/plan.h", "& key->mask) == 0", "& (key->mask >> 8)) == 0", "the colon is not looked at"
    ),
    Mutation(
        "read/plan.h",
        "key->size - 1) == 0",
        "key->size - 2) == 0",
        "the colon after a first key is not looked at",
    ),
    Mutation(
        "read/plan.h",
        "for (uint32_t i = 0; i < last; i++)",
        "for (uint32_t i = 1; i < last; i++)",
        "a long key is compared by its end",
    ),
    # --- values.h
    Mutation(
        "read/values.h",
        "return overflow ? NULL : value_float_of(number);",
        "return NULL;",
        "minus zero is no float",
    ),
    Mutation(
        "read/values.h",
        "if (PyErr_ExceptionMatches(r->values->wire_error)) {",
        "if (0) {",
        "what the reference refuses is raised out of C",
    ),
    Mutation(
        "read/values.h", "Py_DECREF(token);", "(void)0;", "each token for orjson is kept for ever"
    ),
    Mutation(
        "read/values.h",
        "case 'f': *out++ = '\\f'; break;",
        "case 'f': *out++ = 'f'; break;",
        "\\f is f",
    ),
    Mutation(
        "read/values.h",
        "        PyErr_Clear();\n        return value_refuse(r);\n    }\n    return decoded;",
        "        return value_refuse(r);\n    }\n    return decoded;",
        "wrong UTF-8 is raised out of C",
    ),
    Mutation(
        "read/values.h", "        if (!overflow) {", "        if (1) {", "2**63 is an integer"
    ),
    Mutation(
        "read/values.h",
        "value != NULL && PyLong_CheckExact(value)",
        "value != NULL",
        "a float is an integer",
    ),
    Mutation(
        "read/values.h",
        "number <= (INT64_C(1) << 53)",
        "number <= (INT64_C(1) << 54)",
        "an integer that no double holds is rounded",
    ),
    Mutation("read/values.h", "p - start <= 16", "p - start <= 18", "17 digits are rounded twice"),
    Mutation(
        "read/values.h",
        "powers[p - point - 1]",
        "powers[p - point]",
        "a number with a point is a tenth of itself",
    ),
    Mutation(
        "read/values.h", "negative ? -value : value", "value", "negative floats lose their sign"
    ),
    Mutation(
        "read/values.h",
        "(*start != '0' || point - start == 1)",
        "1",
        "a float may begin with zeros",
    ),
    Mutation(
        "read/values.h",
        "i == start || i == length - 1 || points++",
        "i == start || i == length - 1",
        "money may have two points",
    ),
    Mutation(
        "read/values.h",
        "!leading && length <= 16",
        "length <= 16",
        "a number of money may begin with zeros",
    ),
    Mutation(
        "read/values.h",
        "start[length - 1] == '0' && start[length - 2] != '.'",
        "start[length - 1] == '0'",
        "the zero after a point is lost",
    ),
    Mutation(
        "read/values.h", "return Py_NewRef(values->zero);", "return values->zero;", "zero is freed"
    ),
    Mutation(
        "read/values.h",
        "value != NULL && check != NULL",
        "0 && check != NULL",
        "an unknown value that cannot be written back is kept",
    ),
    Mutation(
        "read/values.h",
        "VALUE_DEPTH = 50",
        "VALUE_DEPTH = 150",
        "a value is kept that is too deep to be written",
    ),
    # --- records.h
    Mutation(
        "read/records.h",
        "if (!cls->keeps && !cls->passes) {",
        "if (!cls->keeps && 0) {",
        "a forbidden key is passed over",
    ),
    Mutation(
        "read/records.h",
        "    PyObject_GC_UnTrack(tuple);\n}",
        "}",
        "the collector sees each tuple of atoms",
    ),
    Mutation(
        "read/records.h",
        "if (PyObject_GC_IsTracked(PyTuple_GET_ITEM(tuple, i))) {",
        "if (0) {",
        "a tuple of what may be in a cycle is hidden from the collector",
    ),
    Mutation(
        "read/records.h",
        "    Py_XDECREF(extra);\n    Py_DECREF(record);",
        "    Py_DECREF(record);",
        "unknown keys of a bad row are kept for ever",
    ),
    Mutation(
        "read/records.h",
        "Py_REFCNT(Py_None) + (Py_ssize_t)count_bits(nones)",
        "Py_REFCNT(Py_None)",
        "None is owned too rarely",
    ),
    Mutation(
        "read/records.h",
        "extra != NULL || !cls->atomic || !cls->frozen",
        "extra != NULL || !cls->atomic",
        "a record that can be changed is hidden from the collector",
    ),
    Mutation(
        "read/records.h",
        "extra != NULL || !cls->atomic || !cls->frozen",
        "!cls->atomic || !cls->frozen",
        "a record with unknown keys is hidden from the collector",
    ),
    Mutation(
        "read/records.h",
        "within || extra != NULL",
        "extra != NULL",
        "a record is hidden from the collector that holds one which is not",
    ),
    Mutation(
        "read/records.h",
        "    if (within) {\n        return;\n    }\n",
        "    (void)within;\n",
        "a tuple is hidden from the collector that holds a record which is not",
    ),
    Mutation(
        "read/records.h",
        "        record_hold(r, extra);\n",
        "",
        "an object under an unknown key is hidden from the collector for ever",
    ),
    Mutation(
        "read/records.h",
        "tracked |= PyObject_GC_IsTracked(inner) != 0;",
        "(void)inner;",
        "a record that holds a tracked one is hidden from the collector",
    ),
    Mutation(
        "read/records.h",
        ": Py_NewRef(field->fallback);",
        ": field->fallback;",
        "a default is owned too rarely",
    ),
    Mutation(
        "read/records.h",
        "    if (text->escaped) {\n        return NEXT_ODD;\n    }\n",
        "",
        "a key with an escape is unknown",
    ),
    Mutation(
        "read/records.h",
        "    Py_XDECREF(value);\n    Py_DECREF(name);",
        "    Py_XDECREF(value);",
        "unknown keys are kept for ever",
    ),
    Mutation(
        "read/records.h",
        "table_find(&cls->tags, text.text, text.length) >= 0",
        "text.length > 0",
        "a class takes any tag",
    ),
    Mutation(
        "read/records.h",
        "(found->filled | found->wrong) & key->bit",
        "found->wrong & key->bit",
        "a key comes twice, and the first value is kept for ever",
    ),
    Mutation(
        "read/records.h",
        "!found->root || !r->strict || r->refused",
        "!found->root || r->refused",
        "what leniency takes is refused for sure",
    ),
    Mutation(
        "read/records.h",
        "key->field == KEY_ODD || found->tagged",
        "key->field == KEY_ODD",
        "two tags are taken",
    ),
    Mutation(
        "read/records.h",
        "cls->refused_field < 0 ||\n           PySet_Contains",
        "1 ||\n           PySet_Contains",
        "an UnknownResult has a known tag",
    ),
    Mutation(
        "read/records.h",
        "(found.filled & cls->required) != cls->required",
        "0",
        "a required field may be missing",
    ),
    Mutation(
        "read/records.h",
        "index < 0 ? choice->others : choice->classes[index]",
        "index < 0 ? choice->classes[0] : choice->classes[index]",
        "an unknown tag is the first class",
    ),
    Mutation(
        "read/records.h",
        "            Py_DECREF(value);\n        } while (scan_sign(s, ','));",
        "        } while (scan_sign(s, ','));",
        "items of lists are kept for ever",
    ),
    Mutation(
        "read/records.h",
        "        if (!scan_sign(s, ']')) {\n            Py_DECREF(list);",
        "        if (!scan_sign(s, ']') && 0) {\n            Py_DECREF(list);",
        "a list needs no end",
    ),
    Mutation(
        "read/records.h",
        "kind->nullable && *s->p == 'n'",
        "*s->p == 'n'",
        "null is taken where it must not be",
    ),
    Mutation(
        "read/records.h",
        "kind->name == KIND_TUPLE) : NULL",
        "kind->name != KIND_TUPLE) : NULL",
        "lists are tuples and tuples are lists",
    ),
    # --- reading.h
    Mutation(
        "read/reading.h",
        "|| !PyType_IsSubtype(type, PyDescr_TYPE(descriptor))",
        "|| (type == NULL)",
        "a slot of another class is taken for one of this class",
    ),
    Mutation(
        "read/reading.h",
        "name == KIND_UNION || name == KIND_TUPLE",
        "name == KIND_UNION",
        "a tuple in a record is not looked into, and taken for more than atoms",
    ),
    Mutation(
        "read/reading.h",
        "cls->atomic = false; /* what is made may",
        "; /* what is made may",
        "a record that holds a list is hidden from the collector",
    ),
    Mutation("read/reading.h", "cls->required |= bit;", "(void)bit;", "no field is required"),
    Mutation(
        "read/reading.h",
        "cls->frozen = frozen != 0;",
        "cls->frozen = true;",
        "every class is taken for a frozen one",
    ),
    Mutation("read/reading.h", "name > KIND_DECIMAL ||", "", "a list is taken for an atom"),
    Mutation(
        "read/reading.h",
        "n > FIELDS_MOST ||",
        "n >= FIELDS_MOST ||",
        "64 fields are one too many",
    ),
    Mutation(
        "read/reading.h",
        "!type->tp_dictoffset && ",
        "",
        "a class with a dict is made without it",
    ),
    Mutation(
        "read/reading.h",
        "type->tp_finalize == NULL && ",
        "",
        "a class with a finaliser is made and dropped without it",
    ),
    Mutation(
        "read/reading.h",
        "if (input.s.p != input.s.end) {",
        "if (0) {",
        "anything may stand after a document",
    ),
    Mutation(
        "read/reading.h",
        "s->p - lines->line <= lines->longest",
        "s->p - lines->line < lines->longest",
        "the longest line is too long",
    ),
    Mutation(
        "read/reading.h",
        "bool ends = s->p < s->end && *s->p == '\\n';",
        "bool ends = s->p < s->end;",
        "anything may stand after a row",
    ),
    Mutation(
        "read/reading.h",
        "!input->refused || !lines->passes || end == NULL",
        "!lines->passes || end == NULL",
        "odd lines are passed over like bad ones",
    ),
    Mutation(
        "read/reading.h", "lines->passed++;", "(void)0;", "lines are passed over and not counted"
    ),
    Mutation(
        "read/reading.h",
        "odd = p < end && *p != '\\n' && *p != '{'",
        "odd = p < end && *p != '{'",
        "a blank line is a bad one",
    ),
    Mutation(
        "read/reading.h",
        "stop > PyBytes_GET_SIZE(args[0]) ||",
        "",
        "a text may be read past its end",
    ),
    Mutation(
        "read/reading.h",
        "Py_CLEAR(cls->type);\n}\n\nstatic void\nvalues_free",
        "\n}\n\nstatic void\nvalues_free",
        "a class is kept for ever",
    ),
    # --- digits.h
    Mutation("write/digits.h", "(n >= first[sure])", "(n > first[sure])", "100 has two digits"),
    Mutation("write/digits.h", "* 5243 >> 19", "* 5242 >> 19", "9900 is written wrong"),
    Mutation(
        "write/digits.h", "* 103 >> 10", "* 102 >> 10", "some numbers of two digits are wrong"
    ),
    Mutation(
        "write/digits.h",
        "return n < DIGITS_EIGHT ?",
        "return n <= DIGITS_EIGHT ?",
        "-10**8 is written as one of eight digits",
    ),
    Mutation(
        "write/digits.h",
        "before < DIGITS_EIGHT ?",
        "before <= DIGITS_EIGHT ?",
        "10**16 is written as one of sixteen digits",
    ),
    Mutation(
        "write/digits.h",
        "= 0 - (uint64_t)number",
        "= (uint64_t)number",
        "negative numbers are written wrong",
    ),
    # --- encode.h
    Mutation(
        "write/encode.h",
        "b->end = b->to + more + BUFFER_STEP;",
        "b->end = b->to + BUFFER_STEP;",
        "a long string ends past what may be used, and all after it has room",
    ),
    Mutation(
        "write/encode.h",
        "(size_t)(b->limit - b->to) > more + BUFFER_STEP)",
        "more < BUFFER_LARGE)",
        "more may be used than there is",
    ),
    Mutation(
        "write/encode.h",
        "_mm_or_si128(_mm_cmpeq_epi8(c, quote), _mm_cmpeq_epi8(c, backslash))",
        "_mm_cmpeq_epi8(c, quote)",
        "a backslash is written as it is",
    ),
    Mutation(
        "write/encode.h",
        "for (size_t i = 0;; i = i + 16 <= length ? i + 8 : length - 8) {",
        "for (size_t i = length - 8;; i = length - 8) {",
        "of nine letters the first is not written",
    ),
    Mutation(
        "write/encode.h",
        "size == 1 || size == -1 || size == 0",
        "size == 1 || size == -1 || size == 0 || size == 2",
        "an int of two words is written as its lower one",
    ),
    Mutation(
        "write/encode.h",
        "if (overflow || !buffer_reserve",
        "if (!buffer_reserve",
        "2**63 is written as -1",
    ),
    Mutation(
        "write/encode.h",
        "number - number == 0 && write_by_orjson",
        "write_by_orjson",
        "NaN is written as null",
    ),
    Mutation(
        "write/encode.h",
        "if (end - start > 15 ||",
        "if (end - start > 17 ||",
        "money is written with more digits than a double holds",
    ),
    Mutation(
        "write/encode.h",
        "*start == '0' && (end - start < 5 || ",
        "*start == '0' && (",
        "zero is written with a point or a sign",
    ),
    Mutation(
        "write/encode.h",
        "end -= end[-1] == '.';",
        "(void)0;",
        "whole money is written with a point",
    ),
    Mutation(
        "write/encode.h",
        'added = (first || buffer_add(&out->buffer, ",", 1))',
        'added = buffer_add(&out->buffer, ",", 1)',
        "a comma stands first in an object",
    ),
    Mutation(
        "write/encode.h",
        "*plain = Py_TYPE(value) == Py_TYPE(field->omitted);",
        "*plain = true;",
        "True is left out for 1",
    ),
    Mutation(
        "write/encode.h",
        "|| PySet_Contains(cls->refused, value) != 0))",
        "))",
        "an UnknownResult is written with a known tag",
    ),
    Mutation(
        "write/encode.h",
        "return value == Py_False && buffer_add",
        "return buffer_add",
        "anything is false",
    ),
    Mutation(
        "write/encode.h",
        "value == Py_None && kind->nullable",
        "value == Py_None",
        "null is written where it is not read",
    ),
    Mutation(
        "write/encode.h",
        "if (Py_IS_TYPE(value, kind->classes[i]->type)) {",
        "if (PyObject_TypeCheck(value, kind->classes[i]->type)) {",
        "a derived record is written as its base",
    ),
    Mutation(
        "write/encode.h",
        "(size_t)PyBytes_GET_SIZE(json));\n    Py_DECREF(json);",
        "(size_t)PyBytes_GET_SIZE(json));",
        "what orjson writes is kept for ever",
    ),
    Mutation(
        "write/encode.h",
        "        Py_DECREF(value);\n        if (!written) {",
        "        if (!written) {",
        "what is written in a list is kept for ever",
    ),
    # --- writing.h
    Mutation(
        "write/writing.h",
        'written = (i == 0 || buffer_add(&out->buffer, ",", 1)) && writer_item',
        "written = writer_item",
        "records of a list stand without commas",
    ),
    Mutation(
        "write/writing.h",
        'return written && buffer_add(&out->buffer, "]", 1);',
        'return buffer_add(&out->buffer, "]", 1);',
        "a list is written up to what cannot be",
    ),
    Mutation(
        "write/writing.h",
        "buffer_cut(&out.buffer, start);",
        "(void)start;",
        "half a record stays in the text",
    ),
    Mutation(
        "write/writing.h",
        "writer->last < 0 || !Py_IS_TYPE",
        "writer->last < 0 || 0 && !Py_IS_TYPE",
        "every record is written as the class of the first",
    ),
    Mutation(
        "write/writing.h",
        "for (; at >= 0 && at < PyList_GET_SIZE(records); at++)",
        "for (; at >= 0 && at < PyList_GET_SIZE(records) - 1; at++)",
        "the last record is left out",
    ),
    Mutation(
        "write/writing.h",
        ' || !buffer_add(&out.buffer, "\\n", 1)) {',
        ") {",
        "lines have no end",
    ),
    Mutation(
        "write/writing.h",
        "    Py_DECREF(record);\n    Py_XDECREF(soon);",
        "    Py_XDECREF(soon);",
        "records that were written are kept for ever",
    ),
    Mutation(
        "write/writing.h",
        "    Py_XDECREF(soon);",
        "",
        "records that come next are kept for ever",
    ),
)
