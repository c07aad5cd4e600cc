/* Values of any kind, and containers: write them as JSON. Part of module.c.
 *
 * The comment of write/scalars.c says when a value is handed back.
 */
static bool write_value(Output *out, const Kind *kind, PyObject *value);
static bool write_record(Output *out, const Class *cls, PyObject *record, PyObject *prefetch_record);

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
    case KIND_DATETIME:
    case KIND_DATE:
    case KIND_TIME:
    case KIND_TIMEDELTA:
    case KIND_UUID:
    case KIND_BYTES:
        return text_write(&out->buffer, kind, value);
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
