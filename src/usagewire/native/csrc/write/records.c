/* Records: write their slots as JSON into one growing buffer. Part of module.c.
 *
 * The text is the reference's, byte for byte. orjson and functions of the reference write unusual values. A
 * function returns false without an exception to hand the record back to the reference, which writes it or
 * raises an error. It returns false with an exception if memory runs out.
 *
 * Values of slots are borrowed references. Take a reference before any code that can run Python: a call, a
 * comparison or an allocation. An allocation can, because the collector runs finalizers.
 */
#include "common/scan.h"
#include "common/schema.h"
#include "write/buffer.h"
#include "write/digits.h"

typedef struct {
    const Reference *reference;
    Buffer buffer;
} Output;

/* Clear an exception with which the reference rejects a value. Keep all others. */
static bool write_hand_back(const Output *out)
{
    /* orjson's JSONEncodeError is a TypeError. At the end of the stack the reference names the place. */
    if (PyErr_ExceptionMatches(out->reference->wire_error) || PyErr_ExceptionMatches(PyExc_TypeError) ||
        PyErr_ExceptionMatches(PyExc_RecursionError)) {
        PyErr_Clear();
    }
    return false;
}

/* Add the JSON that orjson makes of `value`, which may be borrowed from a slot. An allocation in orjson can
 * start the collector, and a finalizer can empty the slot. */
static bool write_by_orjson(Output *out, PyObject *value)
{
    Py_INCREF(value);
    PyObject *json = PyObject_CallOneArg(out->reference->dumps, value);
    Py_DECREF(value);
    if (json == NULL) {
        return write_hand_back(out);
    }
    bool added = buffer_add(&out->buffer, PyBytes_AS_STRING(json), (size_t)PyBytes_GET_SIZE(json));
    Py_DECREF(json);
    return added;
}

/* Copy simple characters; return the end, or NULL if one is not simple. */
static inline char *write_simple(char *to, const uint8_t *p, size_t length)
{
#if defined(USAGEWIRE_SSE2)
    if (length >= 16) {
        const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
        __m128i special = _mm_setzero_si128();
        for (size_t i = 0;; i = i + 32 <= length ? i + 16 : length - 16) {
            __m128i c = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
            special = _mm_or_si128(special, _mm_cmpeq_epi8(c, quote));
            special = _mm_or_si128(special, _mm_cmpeq_epi8(c, backslash));
            special = _mm_or_si128(special, _mm_cmplt_epi8(c, _mm_set1_epi8(0x20)));
            _mm_storeu_si128((__m128i *)(void *)(to + i), c);
            if (i + 16 == length) {
                return _mm_movemask_epi8(special) ? NULL : to + length;
            }
        }
    }
#endif
    if (length >= 8) {
        uint64_t word;
        for (size_t i = 0;; i = i + 16 <= length ? i + 8 : length - 8) {
            memcpy(&word, p + i, 8);
            if (!scan_is_simple_word(word)) {
                return NULL;
            }
            memcpy(to + i, &word, 8);
            if (i + 8 == length) {
                return to + length;
            }
        }
    }
    for (size_t i = 0; i < length; i++) {
        if (!scan_is_simple(p[i])) {
            return NULL;
        }
        to[i] = (char)p[i];
    }
    return to + length;
}

static inline bool write_str(Output *out, PyObject *value)
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
        char *after = write_simple(to + 1, (const uint8_t *)((PyASCIIObject *)value + 1), length);
        if (after != NULL) {
            *to = *after = '"';
            out->buffer.to = after + 1;
            return true;
        }
    }
    return write_by_orjson(out, value);
}

static inline bool write_int(Output *out, PyObject *value)
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

/* Whether an int has at most 30 bits; `*number` becomes its value. */
static inline bool write_is_small(PyObject *value, int64_t *number)
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

static bool write_float(Output *out, PyObject *value)
{
    if (!PyFloat_CheckExact(value)) {
        return false;
    }
    double number = PyFloat_AS_DOUBLE(value);
    return number - number == 0 && write_by_orjson(out, value); /* not NaN or infinite */
}

/* Add the text of a Decimal as its double is written. With at most 15 digits and no exponent, that is the
 * text without trailing zeros. Return false for other texts. */
static bool write_simple_decimal(Output *out, const char *text, size_t length)
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
    /* orjson writes zero without a sign or point, and numbers far below one with an exponent. */
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

/* Add a Decimal of at most 34 digits and no exponent as text. Return false for others and for zero. */
static bool write_simple_money(Output *out, const char *text, size_t length)
{
    bool is_zero = true;
    for (size_t i = 0; i < length; i++) {
        is_zero &= text[i] == '0' || text[i] == '.' || text[i] == '-';
        if (!scan_is_digit((uint8_t)text[i]) && text[i] != '.' && text[i] != '-') {
            return false;
        }
    }
    if (is_zero || length > 36 || !buffer_reserve(&out->buffer, length + 2)) {
        return false;
    }
    char *to = out->buffer.to;
    memcpy(to + 1, text, length);
    *to = to[length + 1] = '"';
    out->buffer.to = to + length + 2;
    return true;
}

/* Write a Decimal: as text, or as a number. `function` of the reference writes unusual ones. */
static bool write_decimal(Output *out, PyObject *value, bool as_text, PyObject *function)
{
    if (!Py_IS_TYPE(value, (PyTypeObject *)out->reference->decimal)) {
        return false;
    }
    PyObject *text = PyObject_Str(value);
    if (text == NULL) {
        return false;
    }
    Py_ssize_t length;
    const char *utf8 = PyUnicode_AsUTF8AndSize(text, &length);
    bool written = utf8 != NULL && (as_text ? write_simple_money(out, utf8, (size_t)length)
                                            : write_simple_decimal(out, utf8, (size_t)length));
    Py_DECREF(text);
    if (written || PyErr_Occurred()) {
        return written;
    }
    PyObject *plain = PyObject_CallOneArg(function, value);
    if (plain == NULL) {
        return write_hand_back(out);
    }
    written = write_by_orjson(out, plain);
    Py_DECREF(plain);
    return written;
}

static bool write_value(Output *out, const Kind *kind, PyObject *value);

/* Add the unknown keys of a record if they are in a dict. Another mapping runs user code, which would run
 * twice if the reference then writes the record. */
static bool write_extra(Output *out, const Class *cls, PyObject *record)
{
    PyObject *extra = *record_slot(record, cls->fields[cls->extra].offset);
    if (extra == out->reference->no_extra) {
        return true;
    }
    if (extra == NULL || !PyDict_CheckExact(extra) || cls->reserved == Py_None) {
        return false;
    }
    Py_INCREF(extra);
    PyObject *json = PyObject_CallFunctionObjArgs(out->reference->extra_json, extra, cls->reserved, NULL);
    Py_DECREF(extra);
    if (json == NULL) {
        return write_hand_back(out);
    }
    /* {"key":1} becomes ,"key":1 or, as the first member, "key":1 */
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

typedef enum { FIELD_WRITTEN, FIELD_OMITTED, FIELD_HANDED_BACK } FieldFate;

/* Return whether two values of one exact type are equal (`==`); -1 with an exception. Identical values can
 * differ: NaN does. */
static int write_equal(PyObject *value, PyObject *other)
{
    if (PyFloat_CheckExact(value)) {
        return PyFloat_AS_DOUBLE(value) == PyFloat_AS_DOUBLE(other);
    }
    PyObject *equal = PyObject_RichCompare(value, other, Py_EQ);
    Py_XDECREF(equal); /* True or False, or NULL */
    return equal == NULL ? -1 : equal == Py_True;
}

/* Return what to do with a field that is omitted if it equals a default other than None. C compares only
 * types whose `==` CPython implements in C; the reference compares others. The caller owns `value`. */
static FieldFate write_compared(const Output *out, const Field *field, PyObject *value)
{
    PyTypeObject *type = Py_TYPE(field->fallback);
    if (!Py_IS_TYPE(value, type)) {
        return FIELD_HANDED_BACK;
    }
    if (type == &PyTuple_Type && PyTuple_GET_SIZE(field->fallback) == 0) {
        return PyTuple_GET_SIZE(value) == 0 ? FIELD_OMITTED : FIELD_WRITTEN;
    }
    if (type != &PyLong_Type && type != &PyFloat_Type && type != &PyUnicode_Type && type != &PyBool_Type &&
        type != (PyTypeObject *)out->reference->decimal) {
        return FIELD_HANDED_BACK;
    }
    int equal = write_equal(value, field->fallback);
    if (equal < 0) {
        if (PyErr_ExceptionMatches(PyExc_ArithmeticError)) {
            PyErr_Clear(); /* a signalling NaN */
        }
        return FIELD_HANDED_BACK;
    }
    return equal ? FIELD_OMITTED : FIELD_WRITTEN;
}

/* Write a field: its key prefix and its value. */
static inline bool write_field(Output *out, const Field *field, size_t first, PyObject *value)
{
    Buffer *b = &out->buffer;
    int64_t number;
    if (!buffer_reserve(b, field->key_prefix_size + KEY_PREFIX_STEP + DIGITS_ROOM)) {
        return false;
    }
    for (size_t i = 0; i < field->key_prefix_size; i += KEY_PREFIX_STEP) {
        memcpy(b->to + i, field->key_prefix + first + i, KEY_PREFIX_STEP);
    }
    char *to = b->to + field->key_prefix_size - first;
    if (field->kind.name == KIND_INT && PyLong_CheckExact(value) && write_is_small(value, &number)) {
        b->to = digits_write(to, number);
        return true;
    }
    b->to = to;
    if (field->kind.name == KIND_STR && PyUnicode_CheckExact(value)) {
        return write_str(out, value);
    }
    Py_INCREF(value); /* Python code can run in write_value */
    bool written = write_value(out, &field->kind, value);
    Py_DECREF(value);
    return written;
}

/* Write a field, unless it equals its default. */
static bool write_unless_default(Output *out, const Field *field, size_t *first, PyObject *value)
{
    Py_INCREF(value); /* comparing Decimals allocates, so a finalizer can empty the slot */
    FieldFate fate = write_compared(out, field, value);
    bool done = fate == FIELD_OMITTED || (fate == FIELD_WRITTEN && write_field(out, field, *first, value));
    Py_DECREF(value);
    if (fate == FIELD_WRITTEN) {
        *first = 0;
    }
    return done;
}

/* Write a record. `prefetch_record` is NULL or a later record of the same class, to be prefetched. */
static bool write_record(Output *out, const Class *cls, PyObject *record, PyObject *prefetch_record)
{
    if (!cls->is_slots ||
        !buffer_add(&out->buffer, PyBytes_AS_STRING(cls->head), (size_t)PyBytes_GET_SIZE(cls->head))) {
        return false;
    }
    size_t first = PyBytes_GET_SIZE(cls->head) == 1; /* whether no comma is needed */
    const Field *end = cls->fields + cls->n_keyed;
    const Field *tag_field = cls->tag_field < 0 ? NULL : cls->fields + cls->tag_field;
    for (const Field *field = cls->fields; field < end; field++) {
        PyObject *value = *record_slot(record, field->offset);
        if (value == Py_None && field->fallback == Py_None) {
            continue;
        }
        if (value == NULL) {
            return false;
        }
        if (prefetch_record != NULL) {
            PREFETCH(*record_slot(prefetch_record, field->offset));
        }
        if (field->fallback != NULL && field->fallback != Py_None) {
            if (!write_unless_default(out, field, &first, value)) {
                return false;
            }
            continue;
        }
        if ((field == tag_field &&
             (!PyUnicode_CheckExact(value) || PySet_Contains(cls->known_tags, value) != 0)) ||
            !write_field(out, field, first, value)) {
            return false;
        }
        first = 0;
    }
    return (cls->extra < 0 || write_extra(out, cls, record)) && buffer_add(&out->buffer, "}", 1);
}

static bool write_items(Output *out, const Kind *item, PyObject *items)
{
    bool is_list = PyList_CheckExact(items);
    if (!buffer_add(&out->buffer, "[", 1)) {
        return false;
    }
    for (Py_ssize_t i = 0; i < (is_list ? PyList_GET_SIZE(items) : PyTuple_GET_SIZE(items)); i++) {
        /* Functions of the reference can run Python code, which can change a list. */
        PyObject *value = Py_NewRef(is_list ? PyList_GET_ITEM(items, i) : PyTuple_GET_ITEM(items, i));
        bool written = (i == 0 || buffer_add(&out->buffer, ",", 1)) && write_value(out, item, value);
        Py_DECREF(value);
        if (!written) {
            return false;
        }
    }
    return buffer_add(&out->buffer, "]", 1);
}

static bool write_value(Output *out, const Kind *kind, PyObject *value)
{
    if (value == Py_None && kind->nullable) {
        return buffer_add(&out->buffer, "null", 4);
    }
    switch (kind->name) {
    case KIND_INT:
        return write_int(out, value);
    case KIND_FLOAT:
        return write_float(out, value);
    case KIND_STR:
        return write_str(out, value);
    case KIND_BOOL:
        if (value == Py_True) {
            return buffer_add(&out->buffer, "true", 4);
        }
        return value == Py_False && buffer_add(&out->buffer, "false", 5);
    case KIND_DECIMAL:
        return write_decimal(out, value, false, out->reference->write_decimal);
    case KIND_MONEY_TEXT:
        return write_decimal(out, value, true, out->reference->write_money_text);
    case KIND_MONEY_NUMBER:
        return write_decimal(out, value, false, out->reference->write_money_number);
    case KIND_CLASS:
        return Py_IS_TYPE(value, kind->cls->type) && write_record(out, kind->cls, value, NULL);
    case KIND_UNION:
        for (Py_ssize_t i = 0; i < kind->choice->n_classes; i++) {
            if (Py_IS_TYPE(value, kind->choice->classes[i]->type)) {
                return write_record(out, kind->choice->classes[i], value, NULL);
            }
        }
        return false;
    case KIND_LIST:
        return PyList_CheckExact(value) && write_items(out, kind->items, value);
    case KIND_TUPLE:
        return PyTuple_CheckExact(value) && write_items(out, kind->items, value);
    case KIND_DATETIME:
    case KIND_DATE:
    case KIND_TIME:
    case KIND_TIMEDELTA:
    case KIND_UUID:
    case KIND_BYTES:
        return text_write(&out->buffer, kind, value);
    case KIND_SET:
    case KIND_FROZENSET:
    case KIND_ITEMS:
    case KIND_DICT:
    case KIND_CHOICE:
    case KIND_JSON_TYPES:
    case KIND_CALL:
    case KIND_ANY: /* only read, never written */
    case KIND_COUNT:
        break;
    }
    return false;
}
