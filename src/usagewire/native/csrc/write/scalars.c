/* Single values: write them as JSON into one growing buffer. Part of module.c.
 *
 * The text is the reference's, byte for byte. orjson and hooks of the reference write values that C does not
 * know. A function returns false without an exception to hand the value back. Then its hook writes it, or the
 * hook of the value that holds it. At last the reference writes the record, or raises an error. A function
 * returns false with an exception if memory runs out, or for an exception that is not an `Exception`.
 *
 * Hooks can run twice, because the reference calls them again for a record that is handed back. C writes
 * their results at once, so it does not see later changes of a result.
 *
 * Values of slots are borrowed references. Take a reference before any code that can run Python: a call, a
 * comparison or an allocation. An allocation can, because the collector runs finalizers. A hook can do
 * anything: change the record, its class, a dict or set that is being written, or use the same writer.
 */
#include "common/scan.h"
#include "common/schema.h"
#include "write/buffer.h"
#include "write/digits.h"

typedef struct {
    const Reference *reference;
    Buffer buffer;
    int depth;    /* how many arrays and objects are open */
    bool refused; /* whether only the reference can write the record, so no other hook is called */
} Output;

enum {
    WRITE_DEPTH = 100, /* the reference's limit for any value and for recursive classes is not lower */
    WRITE_SHALLOW = 8, /* deeper values use up Python's stack, because a hook can begin at depth 0 again */
};

/* Let the reference write the record. It raises an `Exception` again, with its place. */
static bool write_hand_back(Output *out)
{
    out->refused = true;
    if (PyErr_Occurred()) {
        value_hand_back();
    }
    return false;
}

/* Add an opening bracket. */
static inline bool write_open(Output *out, const char *bracket)
{
    return out->depth++ < WRITE_DEPTH ? buffer_add(&out->buffer, bracket, 1) : write_hand_back(out);
}

static inline bool write_close(Output *out, const char *bracket)
{
    out->depth--;
    return buffer_add(&out->buffer, bracket, 1);
}

/* Whether a JSON text keeps within WRITE_DEPTH. Each level takes two bytes. */
static bool write_is_shallow(const Output *out, const char *text, Py_ssize_t size)
{
    ValueInfo info;
    size_t left = (size_t)(WRITE_DEPTH - out->depth);
    Scan scan = {(const uint8_t *)text, (const uint8_t *)text + size, false};
    return (size_t)size / 2 <= left || (scan_value_info(&scan, &info) && info.depth <= left);
}

/* Add the JSON that `dumps` makes of a value. */
static bool write_by(Output *out, PyObject *dumps, PyObject *value)
{
    PyObject *json = PyObject_CallOneArg(dumps, value);
    if (json == NULL) {
        return write_hand_back(out);
    }
    const char *text = PyBytes_AS_STRING(json);
    Py_ssize_t size = PyBytes_GET_SIZE(json);
    bool is_single = size > 0 && *text != '{' && *text != '[';
    bool added = is_single || write_is_shallow(out, text, size) ? buffer_add(&out->buffer, text, (size_t)size)
                                                                : write_hand_back(out);
    Py_DECREF(json);
    return added;
}

/* Add the JSON that orjson makes of a str or float, which may be borrowed from a slot. An allocation in
 * orjson can start the collector, and a finalizer can empty the slot. */
static bool write_by_orjson(Output *out, PyObject *value)
{
    Py_INCREF(value);
    bool written = write_by(out, out->reference->dumps, value);
    Py_DECREF(value);
    return written;
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

/* Write a usual Decimal: as text, or as a number. */
static bool write_decimal(Output *out, PyObject *value, bool as_text)
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
    return written;
}

static inline bool write_bool(Output *out, PyObject *value)
{
    if (value == Py_True) {
        return buffer_add(&out->buffer, "true", 4);
    }
    return value == Py_False && buffer_add(&out->buffer, "false", 5);
}

/* Write None, or a value of exactly the type str, int, float or bool. */
static bool write_single(Output *out, PyObject *value)
{
    if (PyUnicode_CheckExact(value)) {
        return write_str(out, value);
    }
    if (PyLong_CheckExact(value)) {
        return write_int(out, value);
    }
    if (value == Py_None) {
        return buffer_add(&out->buffer, "null", 4);
    }
    return write_bool(out, value) || write_float(out, value);
}

/* Write a value by its hook. The reference calls the hook with the same value. */
static bool write_by_hook(Output *out, PyObject *hook, PyObject *value)
{
    hooks_running++;
    PyObject *result = PyObject_CallOneArg(hook, value);
    hooks_running--;
    if (result == NULL) {
        return write_hand_back(out);
    }
    bool written = write_single(out, result);
    if (!written && !PyErr_Occurred() && !out->refused) {
        written = write_by(out, out->reference->exact_dumps, result);
    }
    Py_DECREF(result);
    return written;
}

/* Write an enum or a literal. */
static bool write_choice(Output *out, const Choices *choices, PyObject *value)
{
    int index;
    size_t at = address_hash(value);
    do {
        index = choices->by_address[at++ & choices->address_mask];
    } while (index >= 0 && PyTuple_GET_ITEM(choices->objects, index) != value);
    if (index < 0 && (PyUnicode_CheckExact(value) || PyLong_CheckExact(value))) {
        PyObject *found = PyDict_GetItemWithError(choices->others, value);
        index = found == NULL ? -1 : (int)PyLong_AsLong(found);
    }
    if (index < 0 || index >= choices->texts.n) {
        return false;
    }
    const StrEntry *json = &choices->texts.entries[index];
    return buffer_add(&out->buffer, json->utf8, json->length);
}
