/* Records: write their attributes as JSON into one growing buffer. Part of module.c.
 *
 * The text is the reference's, byte for byte. orjson and hooks of the reference write values that C does not
 * know. A function returns false without an exception to hand the value back: to its hook, or to the hook of
 * the value that holds it, and at last the record to the reference, which writes it or raises an error. It
 * returns false with an exception if memory runs out, or for an exception that is not an `Exception`.
 *
 * Hooks can run twice, because the reference calls them again for a record that is handed back. Their results
 * are written at once, so C does not see later changes of a result.
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
    PyObject *result = PyObject_CallOneArg(hook, value);
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

static bool write_value(Output *out, const Kind *kind, PyObject *value);

/* Add the unknown keys of a record if they are in a dict. Another mapping runs user code, which would run
 * twice if the reference then writes the record. */
static bool write_extra(Output *out, const Class *cls, PyObject *extra)
{
    if (extra == out->reference->no_extra) {
        return true;
    }
    if (!PyDict_CheckExact(extra) || cls->reserved == Py_None) {
        return false;
    }
    PyObject *json = PyObject_CallFunctionObjArgs(out->reference->extra_json, extra, cls->reserved, NULL);
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

/* Return whether a value equals the default of a field, so that it is omitted; -1 to hand the record back.
 * The reference also compares with `!=`, and makes the default for each record. */
static int write_is_default(Output *out, const Field *field, PyObject *record, PyObject *value)
{
    PyObject *other, *fallback = field->fallback;
    if (field->mode == DEFAULT_FACTORY && (PyObject *)Py_TYPE(value) == fallback) {
        if (PyList_CheckExact(value)) {
            return PyList_GET_SIZE(value) == 0;
        }
        if (PyDict_CheckExact(value)) {
            return PyDict_GET_SIZE(value) == 0;
        }
    }
    switch (field->mode) {
    case DEFAULT_FACTORY:
        other = PyObject_CallNoArgs(fallback);
        break;
    case DEFAULT_OF_SELF:
        other = PyObject_CallOneArg(fallback, record);
        break;
    default:
        other = Py_NewRef(fallback);
    }
    if (other == NULL) {
        write_hand_back(out);
        return -1;
    }
    PyObject *differs = PyObject_RichCompare(value, other, Py_NE);
    Py_DECREF(other);
    int is_other = differs == NULL ? -1 : PyObject_IsTrue(differs);
    Py_XDECREF(differs);
    if (is_other < 0) {
        write_hand_back(out);
        return -1;
    }
    return !is_other;
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

/* Write a field, unless it equals its default. `*first` says whether it needs no comma. */
static inline bool write_member(Output *out, const Class *cls, const Field *field, size_t *first,
                                PyObject *record, PyObject *value)
{
    if (field->fallback != NULL) {
        if (field->fallback == Py_None) {
            if (value == Py_None) {
                return true;
            }
        }
        else {
            Py_INCREF(value);
            int is_default = write_is_default(out, field, record, value);
            bool done = is_default > 0 || (is_default == 0 && write_field(out, field, *first, value));
            Py_DECREF(value);
            if (is_default == 0) {
                *first = 0;
            }
            return done;
        }
    }
    if (field - cls->fields == cls->tag_field &&
        (!PyUnicode_CheckExact(value) || PySet_Contains(cls->known_tags, value) != 0)) {
        return false;
    }
    bool written = write_field(out, field, *first, value);
    *first = 0;
    return written;
}

/* Return an attribute of a record: a new reference, or NULL to hand the record back. */
static PyObject *write_attribute(Output *out, const Class *cls, const Field *field, PyObject *record)
{
    PyObject *value;
    if (cls->is_slots) {
        value = *record_slot(record, field->offset);
        return Py_XNewRef(value);
    }
    value = PyObject_GetAttr(record, field->name);
    if (value == NULL) {
        write_hand_back(out);
    }
    return value;
}

/* Write the fields of a record whose attributes may run Python code. */
static bool write_attributes(Output *out, const Class *cls, size_t first, PyObject *record)
{
    for (int i = 0; i < cls->n_keyed; i++) {
        const Field *field = &cls->fields[i];
        PyObject *value = write_attribute(out, cls, field, record);
        bool written = value != NULL && write_member(out, cls, field, &first, record, value);
        Py_XDECREF(value);
        if (!written) {
            return false;
        }
    }
    return true;
}

/* Write the fields of a record by their slots. `prefetch_record` is NULL or a later record of its class. */
static bool write_slots(Output *out, const Class *cls, size_t first, PyObject *record,
                        PyObject *prefetch_record)
{
    const Field *end = cls->fields + cls->n_keyed;
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
        if (!write_member(out, cls, field, &first, record, value)) {
            return false;
        }
    }
    return true;
}

/* Write what follows the fields of a record. */
static bool write_rest(Output *out, const Class *cls, PyObject *record)
{
    if (cls->check != NULL) {
        PyObject *checked = PyObject_CallOneArg(cls->check, record);
        if (checked == NULL) {
            return write_hand_back(out);
        }
        Py_DECREF(checked);
    }
    if (cls->extra >= 0) {
        PyObject *extra = write_attribute(out, cls, &cls->fields[cls->extra], record);
        bool written = extra != NULL && write_extra(out, cls, extra);
        Py_XDECREF(extra);
        return written;
    }
    return true;
}

/* Write a record. `prefetch_record` is NULL or a later record of the same class, to be prefetched. */
static bool write_record(Output *out, const Class *cls, PyObject *record, PyObject *prefetch_record)
{
    size_t size = (size_t)PyBytes_GET_SIZE(cls->head);
    if (out->depth++ == WRITE_DEPTH) {
        return write_hand_back(out);
    }
    return buffer_add(&out->buffer, PyBytes_AS_STRING(cls->head), size) &&
           (cls->is_slots ? write_slots(out, cls, size == 1, record, prefetch_record)
                          : write_attributes(out, cls, size == 1, record)) &&
           write_rest(out, cls, record) && write_close(out, "}");
}

/* Write an item of a list or the like: a str or a small int at once. */
static inline bool write_item(Output *out, const Kind *kind, PyObject *value)
{
    int64_t number;
    bool any = kind->name == KIND_ANY;
    if ((any || kind->name == KIND_STR) && PyUnicode_CheckExact(value)) {
        return write_str(out, value);
    }
    if ((any || kind->name == KIND_INT) && PyLong_CheckExact(value) && write_is_small(value, &number) &&
        buffer_reserve(&out->buffer, DIGITS_ROOM)) {
        out->buffer.to = digits_write(out->buffer.to, number);
        return true;
    }
    return write_value(out, kind, value);
}

static bool write_items(Output *out, const Kind *item, PyObject *items)
{
    bool is_list = PyList_CheckExact(items);
    if (!write_open(out, "[")) {
        return false;
    }
    for (Py_ssize_t i = 0; i < (is_list ? PyList_GET_SIZE(items) : PyTuple_GET_SIZE(items)); i++) {
        /* Hooks can change a list. */
        PyObject *value = Py_NewRef(is_list ? PyList_GET_ITEM(items, i) : PyTuple_GET_ITEM(items, i));
        bool written = (i == 0 || buffer_add(&out->buffer, ",", 1)) && write_item(out, item, value);
        Py_DECREF(value);
        if (!written) {
            return false;
        }
    }
    return write_close(out, "]");
}

/* Write a tuple whose items have kinds of their own. */
static bool write_fixed(Output *out, const Kind *kind, PyObject *items)
{
    PyObject *type = kind->make == NULL ? (PyObject *)&PyTuple_Type : kind->make;
    if (!PyTuple_Check(items) || (PyObject *)Py_TYPE(items) != type ||
        PyTuple_GET_SIZE(items) != kind->n_items || !write_open(out, "[")) {
        return false;
    }
    for (Py_ssize_t i = 0; i < kind->n_items; i++) {
        if (!(i == 0 || buffer_add(&out->buffer, ",", 1)) ||
            !write_item(out, &kind->items[i], PyTuple_GET_ITEM(items, i))) {
            return false;
        }
    }
    return write_close(out, "]");
}

/* Write a set in the order of its iterator, which raises if a hook changes the set. */
static bool write_set(Output *out, const Kind *item, PyObject *items)
{
    PyObject *iterator = PyObject_GetIter(items), *value;
    bool first = true, written = iterator != NULL && write_open(out, "[");
    while (written && (value = PyIter_Next(iterator)) != NULL) {
        written = (first || buffer_add(&out->buffer, ",", 1)) && write_item(out, item, value);
        first = false;
        Py_DECREF(value);
    }
    Py_XDECREF(iterator);
    if (PyErr_Occurred()) {
        return write_hand_back(out);
    }
    return written && write_close(out, "]");
}

/* Write a key of a dict with its colon. `names` is a set of the keys before it, for keys of other types. */
static bool write_name(Output *out, PyObject *key_of, PyObject *names, PyObject *key)
{
    if (key_of == NULL) {
        return write_str(out, key) && buffer_add(&out->buffer, ":", 1);
    }
    PyObject *name = PyObject_CallOneArg(key_of, key);
    if (name == NULL) {
        return write_hand_back(out);
    }
    Py_ssize_t before = PySet_GET_SIZE(names);
    bool written = PyUnicode_CheckExact(name) && PySet_Add(names, name) == 0 &&
                   PySet_GET_SIZE(names) > before && write_str(out, name) &&
                   buffer_add(&out->buffer, ":", 1);
    Py_DECREF(name);
    return written;
}

/* Write a dict. If a hook changes its size, the reference raises. */
static bool write_dict(Output *out, const Kind *item, PyObject *key_of, PyObject *members)
{
    Py_ssize_t at = 0, n = 0, size = PyDict_GET_SIZE(members);
    PyObject *key, *value, *names = key_of == NULL ? NULL : PySet_New(NULL);
    bool written = (key_of == NULL || names != NULL) && write_open(out, "{");
    while (written && PyDict_Next(members, &at, &key, &value)) {
        Py_INCREF(key);
        Py_INCREF(value);
        written = (n == 0 || buffer_add(&out->buffer, ",", 1)) && write_name(out, key_of, names, key) &&
                  write_item(out, item, value);
        Py_DECREF(key);
        Py_DECREF(value);
        written = written && ++n <= size && PyDict_GET_SIZE(members) == size;
    }
    Py_XDECREF(names);
    return written && n == size && write_close(out, "}");
}

/* Write any JSON value. */
static bool write_any(Output *out, const Kind *kind, PyObject *value)
{
    if (PyList_CheckExact(value)) {
        return write_items(out, kind, value);
    }
    return PyDict_CheckExact(value) ? write_dict(out, kind, NULL, value) : write_single(out, value);
}

/* Write a value without its hook. */
static inline bool write_known(Output *out, const Kind *kind, PyObject *value)
{
    switch (kind->name) {
    case KIND_INT:
        return write_int(out, value);
    case KIND_FLOAT:
        return write_float(out, value);
    case KIND_STR:
        return write_str(out, value);
    case KIND_BOOL:
        return write_bool(out, value);
    case KIND_DECIMAL:
    case KIND_MONEY_NUMBER:
        return write_decimal(out, value, false);
    case KIND_MONEY_TEXT:
        return write_decimal(out, value, true);
    case KIND_ANY:
        return write_any(out, kind, value);
    case KIND_CLASS:
        return Py_IS_TYPE(value, kind->cls->type) && write_record(out, kind->cls, value, NULL);
    case KIND_LIST:
        return PyList_CheckExact(value) && write_items(out, kind->items, value);
    case KIND_TUPLE:
        return PyTuple_CheckExact(value) && write_items(out, kind->items, value);
    case KIND_SET:
        return Py_IS_TYPE(value, &PySet_Type) && write_set(out, kind->items, value);
    case KIND_FROZENSET:
        return PyFrozenSet_CheckExact(value) && write_set(out, kind->items, value);
    case KIND_ITEMS:
        return write_fixed(out, kind, value);
    case KIND_DICT:
        return PyDict_CheckExact(value) && write_dict(out, kind->items, kind->make, value);
    case KIND_CHOICE:
        return write_choice(out, kind->choices, value);
    case KIND_TYPES: /* a value of another type */
    case KIND_UNION: /* only read, never written */
    case KIND_JSON_TYPES:
    case KIND_CALL: /* only the hook writes it */
    case KIND_COUNT:
        break;
    }
    return false;
}

/* Return the kind of the member of a union that has the type of `value`, or the kind of the union. */
static const Kind *write_chosen(const Kind *kind, PyObject *value)
{
    for (Py_ssize_t i = 0; i < kind->n_items; i++) {
        if (Py_IS_TYPE(value, (PyTypeObject *)PyTuple_GET_ITEM(kind->type, i))) {
            return &kind->items[i];
        }
    }
    return kind;
}

/* Write a value, by its hook if C does not know it. The caller owns a reference to `value`. */
static bool write_value(Output *out, const Kind *kind, PyObject *value)
{
    if (value == Py_None && kind->nullable) {
        return buffer_add(&out->buffer, "null", 4);
    }
    if (kind->name == KIND_TYPES) {
        const Kind *member = write_chosen(kind, value);
        if (member != kind) {
            return write_item(out, member, value);
        }
    }
    size_t size = buffer_size(&out->buffer);
    int depth = out->depth;
    if (depth > WRITE_SHALLOW && Py_EnterRecursiveCall(" while a record is written")) {
        return write_hand_back(out);
    }
    bool written = write_known(out, kind, value);
    if (!written && kind->hook != NULL && !out->refused && !PyErr_Occurred()) {
        buffer_cut(&out->buffer, size);
        out->depth = depth;
        written = write_by_hook(out, kind->hook, value);
    }
    if (depth > WRITE_SHALLOW) {
        Py_LeaveRecursiveCall();
    }
    return written;
}
