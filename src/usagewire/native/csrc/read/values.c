/* Single values: make a Python object of a kind from a JSON token. Part of module.c.
 *
 * Each function returns a new reference, or NULL. NULL without an exception hands the line back to the
 * reference, because the token is unusual. NULL with an exception is lack of memory. Short numbers and
 * strings of simple characters are read here; orjson and functions of the reference read other tokens.
 *
 * The reference certainly rejects a line that is not JSON, whatever follows the token. `malformed` notes this
 * for callers that only count such lines. It never notes why.
 */
#include "common/gc_deferred.h"
#include "common/schema.h"

typedef struct {
    Reference reference;
    Intern intern;
    GcDeferred deferred;
    PyObject *no_arguments; /* an empty tuple */
    PyObject *zone;         /* the last `timezone` that was made, or NULL */
    int zone_offset;        /* its offset in minutes */
} Values;

typedef struct {
    Scan s;
    Values *values;
    size_t n_deferred;    /* number of objects deferred so far */
    unsigned depth;       /* number of values around the next one */
    Py_ssize_t n_unknown; /* number of unknown rows in the document or line */
    bool strict;          /* whether a value of another type is rejected */
    bool root;            /* whether the next value is a whole line */
    bool refused;         /* whether a hook has failed, so that only the reference reads the line */
    bool malformed;       /* whether the text is certainly not JSON, or JSON of another type */
} Input;

/* Note that the text is not JSON. */
static inline void *value_malformed(Input *r)
{
    r->malformed = true;
    return NULL;
}

/* Call a function of the reference, or orjson. */
static PyObject *value_call(Input *r, PyObject *function, PyObject *argument)
{
    PyObject *result = PyObject_CallOneArg(function, argument);
    if (result != NULL) {
        return result;
    }
    if (PyErr_ExceptionMatches(r->values->reference.json_error)) {
        PyErr_Clear();
        return value_malformed(r);
    }
    if (PyErr_ExceptionMatches(r->values->reference.wire_error)) {
        PyErr_Clear();
    }
    return NULL;
}

/* Parse a token with `loads` of orjson, or with `parse`, which keeps numbers exact. */
static PyObject *value_of_token(Input *r, const uint8_t *p, const uint8_t *end, PyObject *function)
{
    PyObject *token = PyBytes_FromStringAndSize((const char *)p, end - p);
    if (token == NULL) {
        return NULL;
    }
    PyObject *value = value_call(r, function, token);
    Py_DECREF(token);
    return value;
}

/* Return the str of a string with escapes. Read escapes of one letter here, and \u with orjson. */
static PyObject *value_unescaped(Input *r, const Text *text)
{
    uint8_t small[256];
    if (text->ascii && text->length <= sizeof small) {
        uint8_t *out = small;
        const uint8_t *p = text->text, *end = p + text->length;
        while (p < end) {
            if (*p != '\\') {
                *out++ = *p++;
                continue;
            }
            uint8_t c = p[1]; /* scan_string has checked that there is one */
            p += 2;
            switch (c) {
            case '"': case '\\': case '/': *out++ = c; break;
            case 'b': *out++ = '\b'; break;
            case 'f': *out++ = '\f'; break;
            case 'n': *out++ = '\n'; break;
            case 'r': *out++ = '\r'; break;
            case 't': *out++ = '\t'; break;
            default: goto orjson;
            }
        }
        return intern_new(small, (size_t)(out - small));
    }
orjson:
    return value_of_token(r, text->text - 1, text->text + text->length + 1, r->values->reference.loads);
}

/* Return the str of UTF-8 without escapes. */
static PyObject *value_decoded(Input *r, const Text *text)
{
    PyObject *decoded = PyUnicode_DecodeUTF8((const char *)text->text, (Py_ssize_t)text->length, NULL);
    if (decoded == NULL && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
        PyErr_Clear();
        return value_malformed(r);
    }
    return decoded;
}

/* Return the str of a string that has escapes or is not ASCII. */
static PyObject *value_slow_text(Input *r, const Text *text)
{
    InternSlow *slot = intern_slow(&r->values->intern, text->text, text->length);
    if (slot != NULL && slot->text != NULL && slot->length == text->length &&
        intern_is_equal(slot->bytes, text->text, text->length)) {
        return Py_NewRef(slot->text);
    }
    PyObject *made = text->escaped ? value_unescaped(r, text) : value_decoded(r, text);
    if (slot != NULL && made != NULL) {
        intern_slow_keep(slot, text->text, text->length, made);
    }
    return made;
}

static inline PyObject *value_text(Input *r, const Text *text)
{
    return text->escaped || !text->ascii ? value_slow_text(r, text)
                                         : intern_text(&r->values->intern, text->text, text->length);
}

static inline PyObject *value_str(Input *r)
{
    Text text;
    if (r->s.p == r->s.end || *r->s.p != '"') {
        return NULL;
    }
    r->s.p++;
    return scan_string(&r->s, &text) ? value_text(r, &text) : value_malformed(r);
}

/* After TEXT_MISSES strings of a key that were not in the table, only one of TEXT_PROBES is looked up. A
 * string that goes into the table frees an older one. Later objects then take its place, far from each
 * other. Rows with four strings that never repeat took 419, 402, 355 and 283 ns with 16, 64, 128 and 1,024. A
 * larger number notices too late that strings repeat again. */
enum { TEXT_MISSES = 32, TEXT_PROBES = 128 };

/* Read the string of simple characters whose opening quote is at `s->p`. Return NULL for another one, or
 * without memory.
 *
 * Most keys have strings of one length, and those of an organization repeat. If a str of the table has the
 * same characters up to a quote, they need no scan. */
static inline PyObject *value_usual_str(Intern *table, Scan *s, Key *key)
{
    const uint8_t *text = s->p + 1;
    bool ask = key->misses < TEXT_MISSES || key->misses % TEXT_PROBES == 0;
    size_t length = key->length;
    if (ask && length && length < (size_t)(s->end - text) && text[length] == '"') {
        PyObject *kept = *intern_slot(table, text, length);
        if (intern_has(kept, text, length)) {
            s->p = text + length + 1;
            key->misses = 0;
            return Py_NewRef(kept);
        }
    }
    const uint8_t *end = scan_simple(text, s->end);
    if (end == s->end || *end != '"') {
        return NULL;
    }
    length = (size_t)(end - text);
    s->p = end + 1;
    key->length = 0;
    if (length < 2 || length > INTERN_MAX) {
        return intern_text(table, text, length);
    }
    key->length = (uint32_t)length;
    PyObject **slot = ask ? intern_slot(table, text, length) : NULL;
    if (ask && intern_has(*slot, text, length)) {
        key->misses = 0;
        return Py_NewRef(*slot);
    }
    key->misses++;
    return ask ? intern_put(slot, text, length) : intern_new(text, length);
}

static inline PyObject *value_bool(Input *r)
{
    if (scan_literal(&r->s, "true", 4)) {
        return Py_NewRef(Py_True);
    }
    return scan_literal(&r->s, "false", 5) ? Py_NewRef(Py_False) : NULL;
}

/* Read a number in an unusual form: find its end, and parse it with `function`. */
static PyObject *value_number(Input *r, PyObject *function)
{
    const uint8_t *start = r->s.p;
    if (start == r->s.end || !(scan_is_digit(*start) || *start == '-') || !scan_value(&r->s)) {
        return NULL;
    }
    PyObject *value = value_of_token(r, start, r->s.p, function);
    /* orjson also rejects numbers beyond a double, which are JSON. */
    r->malformed &= function == r->values->reference.parse;
    return value;
}

static inline PyObject *value_int(Input *r)
{
    int64_t number;
    if (scan_short_integer(&r->s, &number) || scan_integer(&r->s, &number)) {
        return intern_number(&r->values->intern, number);
    }
    PyObject *value = value_number(r, r->values->reference.loads);
    int overflow = 0;
    if (value != NULL && PyLong_CheckExact(value)) {
        PyLong_AsLongLongAndOverflow(value, &overflow);
        if (!overflow) {
            return value;
        }
    }
    Py_XDECREF(value);
    return NULL;
}

/* Read a float. A number with a point and at most 15 digits is an integer divided by a power of ten. A double
 * holds both exactly, so one division rounds correctly. orjson reads other numbers. */
static PyObject *value_float(Input *r)
{
    static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    int64_t number;
    if (scan_integer(&r->s, &number)) {
        return PyFloat_FromDouble((double)number);
    }
    const uint8_t *p = r->s.p, *end = r->s.end;
    bool negative = p < end && *p == '-';
    const uint8_t *start = p += negative;
    while (p < end && scan_is_digit(*p)) {
        p++;
    }
    const uint8_t *point = p;
    bool whole = point > start && (*start != '0' || point - start == 1) && p < end && *p == '.';
    p += whole;
    while (whole && p < end && scan_is_digit(*p)) {
        p++;
    }
    bool ends = p < end && *p != 'e' && *p != 'E';
    if (whole && ends && p - point > 1 && p - start <= 16) {
        int64_t digits = 0;
        for (const uint8_t *d = start; d < p; d++) {
            digits = d == point ? digits : digits * 10 + (*d - '0');
        }
        double value = (double)digits / powers[p - point - 1];
        r->s.p = p;
        return PyFloat_FromDouble(negative ? -value : value);
    }
    p = r->s.p;
    PyObject *value = value_number(r, r->values->reference.loads);
    if (value != NULL && PyLong_CheckExact(value)) {
        Py_SETREF(value, PyNumber_Float(value));
    }
    else if (value != NULL && PyFloat_AS_DOUBLE(value) == 0) {
        /* The reference rejects an exponent that a Decimal does not hold: `parse` makes it infinite. */
        Py_SETREF(value, value_of_token(r, p, r->s.p, r->values->reference.parse));
        if (value != NULL) {
            Py_SETREF(value, PyNumber_Float(value));
        }
        if (value != NULL && PyFloat_AS_DOUBLE(value) != 0) {
            Py_CLEAR(value);
        }
    }
    return value;
}

/* Whether a text is digits with at most one point between them, and at most 34 digits. */
static bool value_is_simple_decimal(const uint8_t *p, size_t length, bool *is_zero)
{
    size_t points = 0;
    *is_zero = true;
    size_t start = length && *p == '-';
    if (length == start || length > 36) {
        return false;
    }
    for (size_t i = start; i < length; i++) {
        if (p[i] == '.') {
            if (i == start || i == length - 1 || points++) {
                return false;
            }
        }
        else if (!scan_is_digit(p[i])) {
            return false;
        }
        else if (p[i] != '0') {
            *is_zero = false;
        }
    }
    return true;
}

static PyObject *value_decimal_of(Values *values, const uint8_t *p, size_t length, bool is_zero)
{
    if (is_zero) {
        return Py_NewRef(values->reference.zero);
    }
    PyObject *text = intern_new(p, length);
    if (text == NULL) {
        return NULL;
    }
    PyObject *number = PyObject_CallOneArg(values->reference.decimal, text);
    Py_DECREF(text);
    return number;
}

/* Whether a text is a number of JSON, and its Decimal in the reference is that of its text without trailing
 * zeros. With at most 15 digits before the point, the shortest text of a double has no exponent. */
static bool value_is_plain_number(const uint8_t *p, size_t length, bool *is_zero)
{
    const uint8_t *end = p + length, *start = p + (*p == '-');
    const uint8_t *point = memchr(p, '.', length);
    return value_is_simple_decimal(p, length, is_zero) &&
           (*start != '0' || end - start == 1 || start[1] == '.') && (point == NULL || point - start <= 15);
}

/* Read money. The Decimal of a string has its text. The Decimal of a number drops trailing zeros. */
static PyObject *value_decimal(Input *r)
{
    Values *values = r->values;
    const uint8_t *start = r->s.p;
    bool is_zero;
    if (start == r->s.end) {
        return NULL;
    }
    PyObject *value;
    if (*start == '"') {
        Text text;
        r->s.p++;
        if (!scan_string(&r->s, &text)) {
            return value_malformed(r);
        }
        if (!text.escaped && value_is_simple_decimal(text.text, text.length, &is_zero)) {
            return value_decimal_of(values, text.text, text.length, is_zero);
        }
        value = value_text(r, &text);
    }
    else {
        const uint8_t *p = start;
        while (p < r->s.end && (scan_is_digit(*p) || *p == '.' || *p == '-')) {
            p++;
        }
        size_t length = (size_t)(p - start);
        bool ends = p < r->s.end && *p != 'e' && *p != 'E' && *p != '+';
        if (ends && length && value_is_plain_number(start, length, &is_zero)) {
            r->s.p = p;
            if (memchr(start, '.', length) != NULL) {
                while (length > 2 && start[length - 1] == '0' && start[length - 2] != '.') {
                    length--;
                }
            }
            return value_decimal_of(values, start, length, is_zero);
        }
        value = value_number(r, values->reference.parse);
    }
    if (value == NULL) {
        return NULL;
    }
    PyObject *number = value_call(r, values->reference.read_decimal, value);
    Py_DECREF(value);
    return number;
}

/* Read a literal, an integer or a string. */
static PyObject *value_single(Input *r)
{
    int64_t number;
    if (r->s.p == r->s.end) {
        return NULL;
    }
    switch (*r->s.p) {
    case '"':
        return value_str(r);
    case 't':
    case 'f':
        return value_bool(r);
    case 'n':
        return scan_literal(&r->s, "null", 4) ? Py_NewRef(Py_None) : NULL;
    default:
        return scan_integer(&r->s, &number) ? intern_number(&r->values->intern, number) : NULL;
    }
}

/* Add one member to an object of single values. */
static bool value_member(Input *r, PyObject *object)
{
    scan_space(&r->s);
    PyObject *value = NULL, *name = value_str(r);
    if (name != NULL && scan_char(&r->s, ':')) {
        scan_space(&r->s);
        value = value_single(r);
    }
    bool added = value != NULL && PyDict_SetItem(object, name, value) == 0;
    Py_XDECREF(value);
    Py_XDECREF(name);
    return added;
}

/* Read an object of single values after its opening brace. */
static PyObject *value_flat_object(Input *r)
{
    PyObject *object = PyDict_New();
    if (object == NULL || scan_char(&r->s, '}')) {
        return object;
    }
    do {
        if (!value_member(r, object)) {
            Py_DECREF(object);
            return NULL;
        }
    } while (scan_char(&r->s, ','));
    if (!scan_char(&r->s, '}')) {
        Py_CLEAR(object);
    }
    return object;
}

/* Read any value as the parser of the reference gives it. `*info` says whether it is unusual. */
static PyObject *value_parsed(Input *r, ValueInfo *info)
{
    const uint8_t *start = r->s.p;
    *info = (ValueInfo){0, false};
    PyObject *value = scan_char(&r->s, '{') ? value_flat_object(r) : value_single(r);
    if (value != NULL || PyErr_Occurred()) {
        return value;
    }
    r->s.p = start;
    if (!scan_value_info(&r->s, info)) {
        return NULL;
    }
    const Reference *reference = &r->values->reference;
    return value_of_token(r, start, r->s.p, info->numbers ? reference->parse : reference->loads);
}

/* Deepest value that is kept without a check. The reference's limit is higher. */
enum { VALUE_DEPTH = 50 };

/* Read any value, and drop it if `read` is NULL. `read` makes exact numbers to what the reference keeps, and
 * rejects values that cannot be written back. It is called only for deep values and for long numbers. */
static PyObject *value_any(Input *r, PyObject *read)
{
    if (read == NULL && scan_simple_value(&r->s)) {
        return Py_NewRef(Py_None); /* the caller drops it */
    }
    ValueInfo info;
    PyObject *value = value_parsed(r, &info);
    if (value != NULL && read != NULL && (info.numbers || info.depth > VALUE_DEPTH)) {
        Py_SETREF(value, value_call(r, read, value));
    }
    return value;
}
