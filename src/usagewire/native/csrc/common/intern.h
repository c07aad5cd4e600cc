/* Strings and numbers of data that repeat: the same object for the same bytes, from tables of fixed size.
 *
 * Usage rows name a few models, projects and keys over and over, and small counts are more frequent than
 * large ones. What is in a table costs neither an allocation nor memory of its own. A new string takes
 * the place of the one before it, so that nothing is kept for ever, as sys.intern would.
 */
#ifndef USAGEWIRE_INTERN_H
#define USAGEWIRE_INTERN_H

#include <Python.h>
#include "common/scan.h"

enum {
    INTERN_SLOTS = 4096, /* a power of two */
    INTERN_LONGEST = 64, /* bytes of the longest string that is kept */
    INTERN_NUMBERS = 8192, /* numbers from 0 on, up to this one */
    INTERN_SLOW = 1024,     /* a power of two: strings that have escapes or are not ASCII */
};

/* A string that has escapes or is not ASCII, by its bytes as JSON writes it. */
typedef struct {
    PyObject *text; /* NULL where there is none */
    size_t length;  /* of the bytes */
    uint8_t bytes[INTERN_LONGEST];
} InternSlow;

typedef struct {
    PyObject *slots[INTERN_SLOTS];
    PyObject *numbers[INTERN_NUMBERS];
    InternSlow *slow; /* INTERN_SLOW of them; NULL until the first comes */
} Intern;

static inline uint64_t
intern_load(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, 8);
    return word;
}

/* Whether two texts of one length are equal. */
static inline bool
intern_is_equal(const uint8_t *a, const uint8_t *b, size_t length)
{
    if (length < 8) {
        return memcmp(a, b, length) == 0;
    }
#if defined(USAGEWIRE_SSE2)
    if (length >= 16) {
        for (size_t i = 0;; i = i + 32 <= length ? i + 16 : length - 16) {
            __m128i one = _mm_loadu_si128((const __m128i *)(const void *)(a + i));
            __m128i other = _mm_loadu_si128((const __m128i *)(const void *)(b + i));
            if (_mm_movemask_epi8(_mm_cmpeq_epi8(one, other)) != 0xFFFF) {
                return false;
            }
            if (i + 16 == length) {
                return true;
            }
        }
    }
#endif
    size_t i = 0;
    for (; i + 8 < length; i += 8) {
        if (intern_load(a + i) != intern_load(b + i)) {
            return false;
        }
    }
    return intern_load(a + length - 8) == intern_load(b + length - 8);
}

/* Every byte counts in what is at most 16 bytes long; of longer text the ends do, where ids differ,
 * and what is 8 bytes around the middle. */
static inline size_t
intern_hash(const uint8_t *p, size_t length)
{
    uint64_t a = 0, b = 0;
    if (length >= 8) {
        a = intern_load(p);
        b = intern_load(p + length - 8);
        if (length > 16) {
            b ^= intern_load(p + (length - 8) / 2) * UINT64_C(0x9E3779B97F4A7C15);
        }
    }
    else if (length >= 4) {
        uint32_t start, end;
        memcpy(&start, p, 4);
        memcpy(&end, p + length - 4, 4);
        a = start;
        b = end;
    }
    else if (length) {
        a = (uint64_t)(p[0] << 16 | p[length / 2] << 8 | p[length - 1]);
    }
    uint64_t h = (a ^ (b << 32 | b >> 32) ^ length) * UINT64_C(0xD6E8FEB86659FD93);
    h ^= h >> 32;
    h *= UINT64_C(0xD6E8FEB86659FD93);
    return (size_t)(h >> 40);
}

/* Return a new str of ASCII letters. */
static inline PyObject *
intern_new(const uint8_t *p, size_t length)
{
    PyObject *text = PyUnicode_New((Py_ssize_t)length, 127);
    if (text != NULL && length) {
        memcpy(PyUnicode_1BYTE_DATA(text), p, length);
    }
    return text;
}

/* Return a str of ASCII letters, the one in the table if it is there. */
static inline PyObject *
intern_text(Intern *table, const uint8_t *p, size_t length)
{
    if (length > INTERN_LONGEST) {
        return intern_new(p, length);
    }
    if (length < 2) {
        return PyUnicode_DecodeASCII((const char *)p, (Py_ssize_t)length, NULL); /* CPython's own */
    }
    PyObject **slot = &table->slots[intern_hash(p, length) & (INTERN_SLOTS - 1)];
    PyObject *kept = *slot;
    /* Compact ASCII: the letters follow the head of the object. */
    if (kept != NULL && (size_t)PyUnicode_GET_LENGTH(kept) == length &&
        intern_is_equal((const uint8_t *)((PyASCIIObject *)kept + 1), p, length)) {
        return Py_NewRef(kept);
    }
    PyObject *text = intern_new(p, length);
    if (text != NULL) {
        *slot = Py_NewRef(text);
        Py_XDECREF(kept);
    }
    return text;
}

/* Return the slot for a string of such bytes, which have escapes or are not ASCII; NULL where it is too long
 * to be kept. */
static inline InternSlow *
intern_slow(Intern *table, const uint8_t *p, size_t length)
{
    if (length > INTERN_LONGEST) {
        return NULL;
    }
    if (table->slow == NULL) {
        table->slow = PyMem_Calloc(INTERN_SLOW, sizeof *table->slow); /* without it, none is kept */
    }
    return table->slow == NULL ? NULL : &table->slow[intern_hash(p, length) & (INTERN_SLOW - 1)];
}

/* Whether it is such bytes that are kept there. */
static inline bool
intern_slow_is(const InternSlow *slot, const uint8_t *p, size_t length)
{
    return slot->text != NULL && slot->length == length && intern_is_equal(slot->bytes, p, length);
}

/* Keep a string there, in the place of the one before it. */
static void
intern_slow_keep(InternSlow *slot, const uint8_t *p, size_t length, PyObject *text)
{
    PyObject *before = slot->text;
    slot->text = Py_NewRef(text);
    slot->length = length;
    memcpy(slot->bytes, p, length);
    Py_XDECREF(before);
}

/* Return an int. */
static inline PyObject *
intern_number(Intern *table, int64_t number)
{
    if (number < 0 || number >= INTERN_NUMBERS) {
        return PyLong_FromLongLong(number);
    }
    PyObject **slot = &table->numbers[number];
    if (*slot == NULL) {
        *slot = PyLong_FromLongLong(number);
    }
    return Py_XNewRef(*slot);
}

static void
intern_clear(Intern *table)
{
    for (size_t i = 0; i < INTERN_NUMBERS; i++) {
        Py_CLEAR(table->numbers[i]);
    }
    for (size_t i = 0; i < INTERN_SLOTS; i++) {
        Py_CLEAR(table->slots[i]);
    }
    for (size_t i = 0; table->slow != NULL && i < INTERN_SLOW; i++) {
        Py_CLEAR(table->slow[i].text);
    }
    PyMem_Free(table->slow);
}

#endif
