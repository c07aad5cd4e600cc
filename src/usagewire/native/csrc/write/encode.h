/* Records -> JSON text, from their slots into one growing buffer.
 *
 * What is written is byte for byte what the reference path writes. Single values that are not plain go
 * through orjson and the reference's own functions. A record that holds anything else is given back:
 * each function here returns false, without an exception, for what the reference is to write, or to
 * refuse; with one where there is no memory.
 */
#ifndef USAGEWIRE_ENCODE_H
#define USAGEWIRE_ENCODE_H

#include <Python.h>
#include "write/digits.h"
#include "common/scan.h"

#if defined(__linux__)
#include <sys/mman.h>
#if !defined(MADV_POPULATE_WRITE)
#define MADV_POPULATE_WRITE 23 /* of Linux 5.14; others refuse it, which changes nothing */
#endif
#endif

/* --- the buffer ------------------------------------------------------------------------------ */

typedef struct {
    PyObject *bytes; /* NULL, or what is written, with room at its end */
    char *to;        /* where the next byte goes */
    char *end;       /* past the room that may be used */
    char *limit;     /* past all the room */
} Buffer;

/* An empty buffer. Its pointers point at something, because C has no difference of two NULLs. */
static inline Buffer
buffer_empty(void)
{
    static char nothing[1];
    return (Buffer){NULL, nothing, nothing, nothing};
}

static inline size_t
buffer_size(const Buffer *b)
{
    return b->bytes == NULL ? 0 : (size_t)(b->to - PyBytes_AS_STRING(b->bytes));
}

enum {
    BUFFER_SLACK = 8,       /* one part in so many may stay unused */
    BUFFER_LARGE = 1 << 25, /* bytes of room that glibc's malloc gets anew from the system */
    BUFFER_STEP = 1 << 18,  /* pages of so many bytes are then asked for at once */
    BUFFER_PAGE = 1 << 12,
};

/* Return how much room there is in all. */
static inline size_t
buffer_room(const Buffer *b)
{
    return b->bytes == NULL ? 0 : (size_t)(b->limit - PyBytes_AS_STRING(b->bytes));
}

/* Let more of the room be used, at least `more` bytes, which are there. To ask for pages takes the
 * system less time than to find out, page by page, that they are written to. Where pages have another
 * size it refuses, and finds out. */
static void
buffer_open(Buffer *b, size_t more)
{
    b->end = b->limit;
#if defined(__linux__)
    size_t before = (uintptr_t)b->to & (BUFFER_PAGE - 1);
    if (buffer_room(b) >= BUFFER_LARGE && (size_t)(b->limit - b->to) > more + BUFFER_STEP) {
        b->end = b->to + more + BUFFER_STEP;
        (void)madvise(b->to - before, before + more + BUFFER_STEP, MADV_POPULATE_WRITE);
    }
#else
    (void)more;
#endif
}

/* Let there be room for so many bytes in all, which is not less than there are. */
static bool
buffer_resize(Buffer *b, size_t room)
{
    size_t size = buffer_size(b);
    if (b->bytes == NULL) {
        b->bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)room);
    }
    else {
        _PyBytes_Resize(&b->bytes, (Py_ssize_t)room); /* drops the bytes where it fails */
    }
    if (b->bytes == NULL) {
        *b = buffer_empty();
        return false;
    }
    b->to = PyBytes_AS_STRING(b->bytes) + size;
    b->limit = PyBytes_AS_STRING(b->bytes) + room;
    buffer_open(b, 0);
    return true;
}

/* Let `more` bytes be used; where there is no room, make it for as many again as there was room for. */
static bool
buffer_grow(Buffer *b, size_t more)
{
    size_t room = buffer_room(b);
    if ((size_t)(b->limit - b->to) < more) {
        if (more > (size_t)PY_SSIZE_T_MAX / 4 || room > (size_t)PY_SSIZE_T_MAX / 4) {
            PyErr_NoMemory();
            return false;
        }
        if (!buffer_resize(b, room * 2 + more)) {
            return false;
        }
    }
    if ((size_t)(b->end - b->to) < more) {
        buffer_open(b, more);
    }
    return true;
}

/* Make room for `more` bytes. */
static inline bool
buffer_reserve(Buffer *b, size_t more)
{
    return (size_t)(b->end - b->to) >= more || buffer_grow(b, more);
}

static inline bool
buffer_add(Buffer *b, const void *text, size_t size)
{
    if (!buffer_reserve(b, size)) {
        return false;
    }
    if (size) {
        memcpy(b->to, text, size);
        b->to += size;
    }
    return true;
}

/* Take back what was written after the first `size` bytes. */
static inline void
buffer_cut(Buffer *b, size_t size)
{
    if (b->bytes != NULL) {
        b->to = PyBytes_AS_STRING(b->bytes) + size;
    }
}

/* Return what was written as bytes, and leave the buffer empty. */
static PyObject *
buffer_take(Buffer *b)
{
    size_t size = buffer_size(b), left = (size_t)(b->limit - b->to);
    PyObject *bytes = b->bytes;
    *b = buffer_empty();
    if (bytes == NULL) {
        return PyBytes_FromStringAndSize(NULL, 0);
    }
    if (left > size / BUFFER_SLACK) {
        _PyBytes_Resize(&bytes, (Py_ssize_t)size);
    }
    else {
        /* To give so little back costs more than it brings: malloc would get each later buffer of this
         * size as new pages from the system. */
        Py_SET_SIZE(bytes, (Py_ssize_t)size);
        PyBytes_AS_STRING(bytes)[size] = '\0';
    }
    return bytes;
}

/* --- what a type needs to be written --------------------------------------------------------- */

/* In the order of `plans.WRITE_KINDS`. */
typedef enum {
    WRITE_INT,
    WRITE_FLOAT,
    WRITE_STR,
    WRITE_BOOL,
    WRITE_DECIMAL,
    WRITE_RECORD,
    WRITE_LIST,
    WRITE_TUPLE,
    WRITE_COUNT,
} WriteName;

typedef struct WriteClass WriteClass;

typedef struct WriteKind {
    WriteName name;
    bool nullable;
    WriteClass **classes;   /* of WRITE_RECORD: those it may be of */
    Py_ssize_t n_classes;
    struct WriteKind *item; /* of WRITE_LIST and WRITE_TUPLE */
} WriteKind;

enum { LEAD_STEP = 32 }; /* a lead is copied in steps of so many bytes */

typedef struct {
    Py_ssize_t offset; /* of the slot */
    WriteKind kind;
    PyObject *omitted; /* the value that is left out, or NULL */
    char *lead;        /* ,"key": and zeros up to a whole number of steps, and a step more */
    size_t lead_size;
} WriteField;

struct WriteClass {
    PyTypeObject *type;
    PyObject *head; /* bytes: an opening brace, and the tag with its key */
    WriteField *fields;
    int n_fields;
    Py_ssize_t extra;      /* offset of the slot of unknown keys, or 0 */
    PyObject *no_extra;    /* what stands in it where there are none */
    PyObject *reserved;    /* what `extra_json` is to be told; None where unknown keys are not plain */
    int refused_field;     /* index of the field whose value must not be in `refused`, or -1 */
    PyObject *refused;     /* frozenset of str */
};

typedef struct {
    PyObject *dumps;         /* orjson.dumps */
    PyObject *wire_error;    /* UsageWireError */
    PyObject *write_decimal; /* the reference's rule for money */
    PyObject *extra_json;    /* the reference's rule for unknown keys */
    PyObject *decimal;       /* decimal.Decimal */
} WriteFunctions;

typedef struct {
    const WriteFunctions *functions;
    Buffer buffer;
} Output;

/* --- values ---------------------------------------------------------------------------------- */

/* Turn an exception that means "this is bad" into "not plain"; leave all others. */
static bool
write_give_back(const Output *out)
{
    /* orjson's JSONEncodeError is a TypeError. */
    if (PyErr_ExceptionMatches(out->functions->wire_error) || PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_Clear();
    }
    return false;
}

/* Add the JSON that orjson makes of `value`, which may be borrowed from a slot: what orjson allocates
 * can start the collector, and a finalizer can empty the slot. */
static bool
write_by_orjson(Output *out, PyObject *value)
{
    Py_INCREF(value);
    PyObject *json = PyObject_CallOneArg(out->functions->dumps, value);
    Py_DECREF(value);
    if (json == NULL) {
        return write_give_back(out);
    }
    bool added = buffer_add(&out->buffer, PyBytes_AS_STRING(json), (size_t)PyBytes_GET_SIZE(json));
    Py_DECREF(json);
    return added;
}

/* Copy letters that are written as they are; return past them, or NULL where there is another. */
static inline char *
write_letters(char *to, const uint8_t *p, size_t length)
{
#if defined(USAGEWIRE_SSE2)
    if (length >= 16) {
        const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
        __m128i odd = _mm_setzero_si128();
        for (size_t i = 0;; i = i + 32 <= length ? i + 16 : length - 16) {
            __m128i c = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
            odd = _mm_or_si128(odd, _mm_or_si128(_mm_cmpeq_epi8(c, quote), _mm_cmpeq_epi8(c, backslash)));
            odd = _mm_or_si128(odd, _mm_cmplt_epi8(c, _mm_set1_epi8(0x20)));
            _mm_storeu_si128((__m128i *)(void *)(to + i), c);
            if (i + 16 == length) {
                return _mm_movemask_epi8(odd) ? NULL : to + length;
            }
        }
    }
#endif
    if (length >= 8) {
        uint64_t word;
        for (size_t i = 0;; i = i + 16 <= length ? i + 8 : length - 8) {
            memcpy(&word, p + i, 8);
            if (!scan_is_plain_word(word)) {
                return NULL;
            }
            memcpy(to + i, &word, 8);
            if (i + 8 == length) {
                return to + length;
            }
        }
    }
    for (size_t i = 0; i < length; i++) {
        if (!scan_is_plain_letter(p[i])) {
            return NULL;
        }
        to[i] = (char)p[i];
    }
    return to + length;
}

static inline bool
write_str(Output *out, PyObject *value)
{
    if (!PyUnicode_CheckExact(value)) {
        return false;
    }
    if (PyUnicode_IS_COMPACT_ASCII(value)) {
        size_t length = (size_t)PyUnicode_GET_LENGTH(value);
        if (!buffer_reserve(&out->buffer, length + 2)) {
            return false;
        }
        char *to = out->buffer.to;
        char *after = write_letters(to + 1, (const uint8_t *)((PyASCIIObject *)value + 1), length);
        if (after != NULL) {
            *to = *after = '"';
            out->buffer.to = after + 1;
            return true;
        }
    }
    return write_by_orjson(out, value);
}

static inline bool
write_int(Output *out, PyObject *value)
{
    int overflow;
    if (!PyLong_CheckExact(value)) {
        return false;
    }
    int64_t number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow || !buffer_reserve(&out->buffer, DIGITS_ROOM)) {
        return false;
    }
    out->buffer.to = digits_write(out->buffer.to, number);
    return true;
}

/* Whether an int is a small one, of up to 30 bits, and which. */
static inline bool
write_is_small(PyObject *value, int64_t *number)
{
#if PY_VERSION_HEX >= 0x030C0000
    if (!PyUnstable_Long_IsCompact((PyLongObject *)value)) {
        return false;
    }
    *number = PyUnstable_Long_CompactValue((PyLongObject *)value);
    return true;
#else
    Py_ssize_t size = Py_SIZE(value);
    *number = (int64_t)size * ((PyLongObject *)value)->ob_digit[0];
    return size == 1 || size == -1 || size == 0;
#endif
}

static bool
write_float(Output *out, PyObject *value)
{
    if (!PyFloat_CheckExact(value)) {
        return false;
    }
    double number = PyFloat_AS_DOUBLE(value);
    return number - number == 0 && write_by_orjson(out, value); /* neither infinite nor no number */
}

/* Add a plain decimal text the way its double is written, which with at most 15 digits is the text
 * without zeros at its end; false where it is another case. */
static bool
write_plain_decimal(Output *out, const char *text, size_t length)
{
    const char *p = text, *end = text + length, *point = NULL;
    p += p < end && *p == '-';
    const char *start = p;
    for (; p < end; p++) {
        if (*p == '.' && point == NULL && p > start) {
            point = p;
        }
        else if (!scan_is_digit((uint8_t)*p)) {
            return false;
        }
    }
    if (end - start > 15 || end == start || point == end - 1) {
        return false;
    }
    /* Zero is written without a sign or a point; what is far below one, with an exponent. */
    if (*start == '0' && (end - start < 5 || (start[2] == '0' && start[3] == '0' && start[4] == '0'))) {
        return false;
    }
    if (point != NULL) {
        while (end[-1] == '0') {
            end--;
        }
        end -= end[-1] == '.';
    }
    return buffer_add(&out->buffer, text, (size_t)(end - text));
}

static bool
write_decimal(Output *out, PyObject *value)
{
    if (!Py_IS_TYPE(value, (PyTypeObject *)out->functions->decimal)) {
        return false;
    }
    PyObject *text = PyObject_Str(value);
    if (text == NULL) {
        return false;
    }
    Py_ssize_t length;
    const char *utf8 = PyUnicode_AsUTF8AndSize(text, &length);
    bool written = utf8 != NULL && write_plain_decimal(out, utf8, (size_t)length);
    Py_DECREF(text);
    if (written || PyErr_Occurred()) {
        return written;
    }
    PyObject *plain = PyObject_CallOneArg(out->functions->write_decimal, value);
    if (plain == NULL) {
        return write_give_back(out);
    }
    written = write_by_orjson(out, plain);
    Py_DECREF(plain);
    return written;
}

/* --- records --------------------------------------------------------------------------------- */

static bool write_value(Output *out, const WriteKind *kind, PyObject *value);

/* Add the unknown keys of a record, if they are in a dict: another mapping runs code of a user's, which
 * would run again where the reference writes the record after all. */
static bool
write_extra(Output *out, const WriteClass *cls, PyObject *record)
{
    PyObject *extra = *(PyObject **)(void *)((char *)record + cls->extra);
    if (extra == cls->no_extra) {
        return true;
    }
    if (extra == NULL || !PyDict_CheckExact(extra) || cls->reserved == Py_None) {
        return false;
    }
    Py_INCREF(extra);
    PyObject *json = PyObject_CallFunctionObjArgs(out->functions->extra_json, extra, cls->reserved, NULL);
    Py_DECREF(extra);
    if (json == NULL) {
        return write_give_back(out);
    }
    /* {"key":1} becomes ,"key":1 or, first in an object, "key":1 */
    size_t size = (size_t)PyBytes_GET_SIZE(json);
    bool added = true;
    if (size > 2) {
        bool first = out->buffer.to[-1] == '{';
        added = (first || buffer_add(&out->buffer, ",", 1)) &&
                buffer_add(&out->buffer, PyBytes_AS_STRING(json) + 1, size - 2);
    }
    Py_DECREF(json);
    return added;
}

typedef enum { FIELD_WRITTEN, FIELD_OMITTED, FIELD_GIVEN_BACK } FieldFate;

/* Return whether two values of one exact type are equal, as `==` says; -1 with an exception. A value is not
 * taken to equal itself: a NaN does not. */
static int
write_equal(PyObject *value, PyObject *other)
{
    if (PyFloat_CheckExact(value)) {
        return PyFloat_AS_DOUBLE(value) == PyFloat_AS_DOUBLE(other);
    }
    Py_INCREF(value); /* comparing Decimals allocates, so that a finalizer may empty the slot */
    PyObject *equal = PyObject_RichCompare(value, other, Py_EQ);
    Py_DECREF(value);
    Py_XDECREF(equal); /* True or False, or NULL */
    return equal == NULL ? -1 : equal == Py_True;
}

/* Return what becomes of a field whose default is left out and is not None. Only types whose `==` runs
 * nobody's code are compared here; the reference compares all others. */
static FieldFate
write_compared(const Output *out, const WriteField *field, PyObject *value)
{
    PyTypeObject *type = Py_TYPE(field->omitted);
    if (!Py_IS_TYPE(value, type)) {
        return FIELD_GIVEN_BACK;
    }
    if (type == &PyTuple_Type && PyTuple_GET_SIZE(field->omitted) == 0) {
        return PyTuple_GET_SIZE(value) == 0 ? FIELD_OMITTED : FIELD_WRITTEN;
    }
    if (type != &PyLong_Type && type != &PyFloat_Type && type != &PyUnicode_Type && type != &PyBool_Type &&
        type != (PyTypeObject *)out->functions->decimal) {
        return FIELD_GIVEN_BACK;
    }
    int equal = write_equal(value, field->omitted);
    if (equal < 0) {
        if (PyErr_ExceptionMatches(PyExc_ArithmeticError)) {
            PyErr_Clear(); /* a signalling NaN */
        }
        return FIELD_GIVEN_BACK;
    }
    return equal ? FIELD_OMITTED : FIELD_WRITTEN;
}

/* Copy the lead of a field to where there is room for it; return past it. */
static inline char *
write_lead(char *to, const WriteField *field, size_t first)
{
    for (size_t i = 0; i < field->lead_size; i += LEAD_STEP) {
        memcpy(to + i, field->lead + first + i, LEAD_STEP);
    }
    return to + field->lead_size - first;
}

/* Write the value of a field after its lead. */
static inline bool
write_field(Output *out, const WriteField *field, size_t first, PyObject *value)
{
    Buffer *b = &out->buffer;
    int64_t number;
    if (!buffer_reserve(b, field->lead_size + LEAD_STEP + DIGITS_ROOM)) {
        return false;
    }
    char *to = write_lead(b->to, field, first);
    if (field->kind.name == WRITE_INT && PyLong_CheckExact(value) && write_is_small(value, &number)) {
        b->to = digits_write(to, number);
        return true;
    }
    b->to = to;
    if (field->kind.name == WRITE_STR && PyUnicode_CheckExact(value)) {
        return write_str(out, value);
    }
    Py_INCREF(value); /* others may run meanwhile */
    bool written = write_value(out, &field->kind, value);
    Py_DECREF(value);
    return written;
}

/* Write a record. `soon`, if it is not NULL, is one of the same class that will be written soon: its
 * values, which are anywhere in memory, are asked for meanwhile. */
static bool
write_record(Output *out, const WriteClass *cls, PyObject *record, PyObject *soon)
{
    if (!buffer_add(&out->buffer, PyBytes_AS_STRING(cls->head), (size_t)PyBytes_GET_SIZE(cls->head))) {
        return false;
    }
    size_t first = PyBytes_GET_SIZE(cls->head) == 1; /* whether no comma is due */
    const WriteField *end = cls->fields + cls->n_fields;
    for (const WriteField *field = cls->fields; field < end; field++) {
        PyObject *value = *(PyObject **)(void *)((char *)record + field->offset);
        if (value == Py_None && field->omitted == Py_None) {
            continue;
        }
        if (value == NULL) {
            return false;
        }
        if (soon != NULL) {
            PREFETCH(*(PyObject **)(void *)((char *)soon + field->offset));
        }
        if (field->omitted != NULL && field->omitted != Py_None) {
            FieldFate fate = write_compared(out, field, value);
            if (fate == FIELD_OMITTED) {
                continue;
            }
            if (fate == FIELD_GIVEN_BACK) {
                return false;
            }
        }
        if ((field - cls->fields == cls->refused_field &&
             (!PyUnicode_CheckExact(value) || PySet_Contains(cls->refused, value) != 0)) ||
            !write_field(out, field, first, value)) {
            return false;
        }
        first = 0;
    }
    return (!cls->extra || write_extra(out, cls, record)) && buffer_add(&out->buffer, "}", 1);
}

static bool
write_items(Output *out, const WriteKind *item, PyObject *items)
{
    bool is_list = PyList_CheckExact(items);
    if (!buffer_add(&out->buffer, "[", 1)) {
        return false;
    }
    for (Py_ssize_t i = 0; i < (is_list ? PyList_GET_SIZE(items) : PyTuple_GET_SIZE(items)); i++) {
        /* The reference's functions may let others run meanwhile, who change a list. */
        PyObject *value = Py_NewRef(is_list ? PyList_GET_ITEM(items, i) : PyTuple_GET_ITEM(items, i));
        bool written = (i == 0 || buffer_add(&out->buffer, ",", 1)) && write_value(out, item, value);
        Py_DECREF(value);
        if (!written) {
            return false;
        }
    }
    return buffer_add(&out->buffer, "]", 1);
}

static bool
write_value(Output *out, const WriteKind *kind, PyObject *value)
{
    if (value == Py_None && kind->nullable) {
        return buffer_add(&out->buffer, "null", 4);
    }
    switch (kind->name) {
    case WRITE_INT:
        return write_int(out, value);
    case WRITE_FLOAT:
        return write_float(out, value);
    case WRITE_STR:
        return write_str(out, value);
    case WRITE_BOOL:
        if (value == Py_True) {
            return buffer_add(&out->buffer, "true", 4);
        }
        return value == Py_False && buffer_add(&out->buffer, "false", 5);
    case WRITE_DECIMAL:
        return write_decimal(out, value);
    case WRITE_RECORD:
        for (Py_ssize_t i = 0; i < kind->n_classes; i++) {
            if (Py_IS_TYPE(value, kind->classes[i]->type)) {
                return write_record(out, kind->classes[i], value, NULL);
            }
        }
        return false;
    case WRITE_LIST:
        return PyList_CheckExact(value) && write_items(out, kind->item, value);
    case WRITE_TUPLE:
        return PyTuple_CheckExact(value) && write_items(out, kind->item, value);
    case WRITE_COUNT:
        break;
    }
    return false;
}

#endif
