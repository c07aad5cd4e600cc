/* Repeated strings and numbers: tables of fixed size return the same object for the same bytes.
 *
 * Usage rows repeat a few models, projects and keys, and small counts are more frequent than large ones. A
 * value from a table needs no allocation and no memory. A new string replaces the one in its slot, so the
 * tables keep nothing for ever, as sys.intern would.
 */
#ifndef USAGEWIRE_INTERN_H
#define USAGEWIRE_INTERN_H

#include <Python.h>
#include "common/scan.h"

enum {
    INTERN_SLOTS = 4096,   /* a power of two */
    INTERN_MAX = 64,       /* bytes of the longest string in a table */
    INTERN_NUMBERS = 1024, /* integers from 0 to below this number; a larger table leaves the cache */
    INTERN_SLOW = 1024,    /* a power of two: strings that have escapes or are not ASCII */
};

/* A string that has escapes or is not ASCII, found by its JSON bytes. */
typedef struct {
    PyObject *text; /* NULL in an empty slot */
    size_t length;  /* of the bytes */
    uint8_t bytes[INTERN_MAX];
} InternSlow;

typedef struct {
    PyObject *slots[INTERN_SLOTS];
    PyObject *numbers[INTERN_NUMBERS];
    InternSlow *slow; /* INTERN_SLOW slots; NULL until the first string comes */
} Intern;

static inline uint64_t intern_load(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, 8);
    return word;
}

/* Whether two texts of the same length are equal. */
static inline bool intern_is_equal(const uint8_t *a, const uint8_t *b, size_t length)
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

/* Hash all bytes of texts up to 16 bytes. In longer texts, hash the two ends, where ids differ, and 8 bytes
 * in the middle. */
static inline size_t intern_hash(const uint8_t *p, size_t length)
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

/* Return a new str of ASCII characters. */
static inline PyObject *intern_new(const uint8_t *p, size_t length)
{
    PyObject *text = PyUnicode_New((Py_ssize_t)length, 127);
    if (text != NULL && length) {
        memcpy(PyUnicode_1BYTE_DATA(text), p, length);
    }
    return text;
}

/* Return the slot for a str of ASCII characters. It has 2 to INTERN_MAX of them. */
static inline PyObject **intern_slot(Intern *table, const uint8_t *p, size_t length)
{
    return &table->slots[intern_hash(p, length) & (INTERN_SLOTS - 1)];
}

/* Whether the str of a slot has these characters. Those of a compact ASCII str follow the object's header. */
static inline bool intern_has(const PyObject *kept, const uint8_t *p, size_t length)
{
    return kept != NULL && (size_t)PyUnicode_GET_LENGTH(kept) == length &&
           intern_is_equal((const uint8_t *)((const PyASCIIObject *)kept + 1), p, length);
}

/* Return a new str of ASCII characters, which replaces the one in a slot. */
static inline PyObject *intern_put(PyObject **slot, const uint8_t *p, size_t length)
{
    PyObject *text = intern_new(p, length), *kept = *slot;
    if (text != NULL) {
        *slot = Py_NewRef(text);
        Py_XDECREF(kept);
    }
    return text;
}

/* Return a str of ASCII characters, from the table if it is there. */
static inline PyObject *intern_text(Intern *table, const uint8_t *p, size_t length)
{
    if (length > INTERN_MAX) {
        return intern_new(p, length);
    }
    if (length < 2) {
        return PyUnicode_DecodeASCII((const char *)p, (Py_ssize_t)length, NULL); /* CPython shares these */
    }
    PyObject **slot = intern_slot(table, p, length);
    return intern_has(*slot, p, length) ? Py_NewRef(*slot) : intern_put(slot, p, length);
}

/* Return the slot for the bytes of a string that has escapes or is not ASCII; NULL if it is too long for the
 * table. */
static inline InternSlow *intern_slow(Intern *table, const uint8_t *p, size_t length)
{
    if (length > INTERN_MAX) {
        return NULL;
    }
    if (table->slow == NULL) {
        table->slow = PyMem_Calloc(INTERN_SLOW, sizeof *table->slow); /* if this fails, no string is kept */
    }
    return table->slow == NULL ? NULL : &table->slow[intern_hash(p, length) & (INTERN_SLOW - 1)];
}

/* Put a string into a slot, in place of the one before it. */
static void intern_slow_keep(InternSlow *slot, const uint8_t *p, size_t length, PyObject *text)
{
    PyObject *before = slot->text;
    slot->text = Py_NewRef(text);
    slot->length = length;
    memcpy(slot->bytes, p, length);
    Py_XDECREF(before);
}

/* Return a new int. In CPython 3.11 and 3.12, fill an int of one digit directly: PyLong_FromLongLong takes
 * 7 to 11 % more of the time of a row. Later versions have a short way for these ints, and may trace each new
 * object. So do builds that count references. */
static inline PyObject *intern_new_number(int64_t number)
{
#if PY_VERSION_HEX < 0x030D0000 && !defined(Py_REF_DEBUG) && !defined(Py_TRACE_REFS)
    if (number >= INTERN_NUMBERS && number <= PyLong_MASK) { /* CPython shares some smaller ones */
        PyLongObject *made = PyObject_Malloc(sizeof *made);
        if (made == NULL) {
            return PyErr_NoMemory();
        }
        ((PyObject *)made)->ob_refcnt = 1;
        ((PyObject *)made)->ob_type = &PyLong_Type;
#if PY_VERSION_HEX >= 0x030C0000
        made->long_value.lv_tag = 1 << _PyLong_NON_SIZE_BITS; /* one digit, positive */
        made->long_value.ob_digit[0] = (digit)number;
#else
        made->ob_base.ob_size = 1;
        made->ob_digit[0] = (digit)number;
#endif
        return (PyObject *)made;
    }
#endif
    return PyLong_FromLongLong(number);
}

static inline PyObject *intern_number(Intern *table, int64_t number)
{
    if (number < 0 || number >= INTERN_NUMBERS) {
        return intern_new_number(number);
    }
    PyObject **slot = &table->numbers[number];
    if (*slot == NULL) {
        *slot = PyLong_FromLongLong(number);
    }
    return Py_XNewRef(*slot);
}

static void intern_clear(Intern *table)
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
