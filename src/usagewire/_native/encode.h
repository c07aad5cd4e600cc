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
#include "scan.h"

/* --- the buffer ------------------------------------------------------------------------------ */

typedef struct {
    PyObject *bytes; /* of which the first `size` bytes are written */
    size_t size;
    size_t room;
} Buffer;

static bool
buffer_grow(Buffer *b, size_t more)
{
    if (more > (size_t)PY_SSIZE_T_MAX / 4 || b->room > (size_t)PY_SSIZE_T_MAX / 4) {
        PyErr_NoMemory();
        return false;
    }
    size_t room = b->room * 2 + more;
    if (b->bytes == NULL) {
        b->bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)room);
    }
    else {
        _PyBytes_Resize(&b->bytes, (Py_ssize_t)room); /* drops the bytes where it fails */
    }
    b->room = b->bytes != NULL ? room : 0;
    return b->bytes != NULL;
}

/* Make room for `more` bytes. */
static inline bool
buffer_reserve(Buffer *b, size_t more)
{
    return b->room - b->size >= more || buffer_grow(b, more);
}

/* Add bytes for which there is room. */
static inline void
buffer_put(Buffer *b, const void *text, size_t size)
{
    memcpy(PyBytes_AS_STRING(b->bytes) + b->size, text, size);
    b->size += size;
}

static inline bool
buffer_add(Buffer *b, const void *text, size_t size)
{
    if (!buffer_reserve(b, size)) {
        return false;
    }
    buffer_put(b, text, size);
    return true;
}

/* Return what was written as bytes, and leave the buffer empty. */
static PyObject *
buffer_take(Buffer *b)
{
    if (b->bytes == NULL) {
        return PyBytes_FromStringAndSize(NULL, 0);
    }
    _PyBytes_Resize(&b->bytes, (Py_ssize_t)b->size);
    PyObject *bytes = b->bytes;
    *b = (Buffer){NULL, 0, 0};
    return bytes;
}

/* --- what a type needs to be written --------------------------------------------------------- */

/* In the order of `_accel.WRITE_KINDS`. */
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

typedef struct {
    Py_ssize_t offset; /* of the slot */
    WriteKind kind;
    PyObject *omitted; /* the value that is left out, or NULL */
    PyObject *lead;    /* bytes: ,"key": */
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

/* Add the JSON that orjson makes of `value`. */
static bool
write_by_orjson(Output *out, PyObject *value)
{
    PyObject *json = PyObject_CallOneArg(out->functions->dumps, value);
    if (json == NULL) {
        return write_give_back(out);
    }
    bool added = buffer_add(&out->buffer, PyBytes_AS_STRING(json), (size_t)PyBytes_GET_SIZE(json));
    Py_DECREF(json);
    return added;
}

static inline bool
write_str(Output *out, PyObject *value)
{
    if (!PyUnicode_CheckExact(value)) {
        return false;
    }
    if (PyUnicode_IS_COMPACT_ASCII(value)) {
        size_t length = (size_t)PyUnicode_GET_LENGTH(value);
        const uint8_t *p = PyUnicode_1BYTE_DATA(value);
        if (scan_letters(p, p + length) == p + length) {
            if (!buffer_reserve(&out->buffer, length + 2)) {
                return false;
            }
            char *to = PyBytes_AS_STRING(out->buffer.bytes) + out->buffer.size;
            to[0] = '"';
            memcpy(to + 1, p, length);
            to[length + 1] = '"';
            out->buffer.size += length + 2;
            return true;
        }
    }
    return write_by_orjson(out, value);
}

enum { WRITE_DIGITS = 20 }; /* the most characters of a number of 64 bits */

static inline bool
write_number(Output *out, int64_t number)
{
    static const char pairs[] = "0001020304050607080910111213141516171819"
                                "2021222324252627282930313233343536373839"
                                "4041424344454647484950515253545556575859"
                                "6061626364656667686970717273747576777879"
                                "8081828384858687888990919293949596979899";
    char digits[WRITE_DIGITS];
    char *p = digits + sizeof digits;
    uint64_t n = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    while (n >= 100) {
        memcpy(p -= 2, pairs + 2 * (n % 100), 2);
        n /= 100;
    }
    if (n >= 10) {
        memcpy(p -= 2, pairs + 2 * n, 2);
    }
    else {
        *--p = (char)('0' + n);
    }
    if (number < 0) {
        *--p = '-';
    }
    return buffer_add(&out->buffer, p, (size_t)(digits + sizeof digits - p));
}

static inline bool
write_int(Output *out, PyObject *value)
{
    int overflow;
    if (!PyLong_CheckExact(value)) {
        return false;
    }
    int64_t number = PyLong_AsLongLongAndOverflow(value, &overflow);
    return !overflow && write_number(out, number);
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

/* Add the unknown keys of a record. */
static bool
write_extra(Output *out, const WriteClass *cls, PyObject *record)
{
    PyObject *extra = *(PyObject **)(void *)((char *)record + cls->extra);
    if (extra == cls->no_extra) {
        return true;
    }
    if (extra == NULL || cls->reserved == Py_None) {
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
        bool first = PyBytes_AS_STRING(out->buffer.bytes)[out->buffer.size - 1] == '{';
        added = (first || buffer_add(&out->buffer, ",", 1)) &&
                buffer_add(&out->buffer, PyBytes_AS_STRING(json) + 1, size - 2);
    }
    Py_DECREF(json);
    return added;
}

/* Whether a field is left out. */
static inline bool
write_omits(const WriteField *field, PyObject *value, bool *plain)
{
    if (field->omitted == NULL || value == field->omitted) {
        return field->omitted != NULL;
    }
    if (field->omitted == Py_None) {
        return false;
    }
    /* Of one type, and that a plain one: whether they are equal runs no code of anybody's. */
    *plain = Py_TYPE(value) == Py_TYPE(field->omitted);
    return *plain && PyObject_RichCompareBool(value, field->omitted, Py_EQ) == 1;
}

static bool
write_record(Output *out, const WriteClass *cls, PyObject *record)
{
    if (!buffer_add(&out->buffer, PyBytes_AS_STRING(cls->head), (size_t)PyBytes_GET_SIZE(cls->head))) {
        return false;
    }
    size_t first = PyBytes_GET_SIZE(cls->head) == 1; /* whether no comma is due */
    for (int i = 0; i < cls->n_fields; i++) {
        const WriteField *field = &cls->fields[i];
        PyObject *value = *(PyObject **)(void *)((char *)record + field->offset);
        bool plain = value != NULL;
        if (plain && write_omits(field, value, &plain)) {
            continue;
        }
        if (!plain || (i == cls->refused_field && PySet_Contains(cls->refused, value) != 0) ||
            !buffer_add(&out->buffer, PyBytes_AS_STRING(field->lead) + first,
                        (size_t)PyBytes_GET_SIZE(field->lead) - first)) {
            return false;
        }
        first = 0;
        Py_INCREF(value);
        bool written = write_value(out, &field->kind, value);
        Py_DECREF(value);
        if (!written) {
            return false;
        }
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
                return write_record(out, kind->classes[i], value);
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
