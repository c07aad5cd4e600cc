/* Records: write their attributes as JSON. Part of module.c.
 *
 * The comment of write/scalars.c says when a record is handed back.
 */
/* Add the unknown keys of a record if they are in a dict. Another mapping runs user code, which would run
 * twice if the reference then writes the record. */
static bool write_extra(Output *out, const Class *cls, PyObject *extra)
{
    if (extra == out->reference->no_extra) {
        return true;
    }
    if (!PyDict_CheckExact(extra) || cls->reserved == Py_None) {
        return write_hand_back(out);
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
    hooks_running++;
    value = PyObject_GetAttr(record, field->name);
    hooks_running--;
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
    bool written = buffer_add(&out->buffer, PyBytes_AS_STRING(cls->head), size) &&
                   (cls->is_slots ? write_slots(out, cls, size == 1, record, prefetch_record)
                                  : write_attributes(out, cls, size == 1, record)) &&
                   write_rest(out, cls, record) && write_close(out, "}");
    /* A hook of a value around this record would write it again. */
    return written || write_hand_back(out);
}
