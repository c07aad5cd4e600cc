/* Constructors: make instances of classes that C cannot make by filling slots. Part of module.c.
 *
 * The values wait in an array. Then the class is called with those that are present, as by the reference.
 * NULL without an exception hands the line back to the reference.
 */

/* Move the values that are there to the front. Return their number, and set `cls->call_names` to the names of
 * their arguments. Return -1 with an exception. */
static Py_ssize_t record_arguments(Class *cls, PyObject **values, uint64_t filled)
{
    Py_ssize_t n = 0, at = 0;
    bool is_last = cls->call_names != NULL && cls->call_fields == filled && cls->n_fields <= FIELDS_MAX;
    for (int i = 0; i < cls->n_fields; i++) {
        n += values[i] != NULL;
    }
    PyObject *names = is_last ? NULL : PyTuple_New(n);
    if (names == NULL && !is_last) {
        return -1;
    }
    for (int i = 0; i < cls->n_fields; i++) {
        if (values[i] != NULL) {
            if (!is_last) {
                PyTuple_SET_ITEM(names, at, Py_NewRef(cls->fields[i].name));
            }
            PyObject *value = values[i];
            values[i] = NULL;
            values[at++] = value;
        }
    }
    if (!is_last) {
        Py_XSETREF(cls->call_names, names);
        cls->call_fields = filled;
    }
    return n;
}

/* Return an instance made of the values: by the constructor, or by `__init__` alone if the constructor does
 * no more. `values[-1]` may be used. */
static PyObject *record_construct(Input *r, Class *cls, PyObject **values, uint64_t filled)
{
    Py_ssize_t n = record_arguments(cls, values, filled);
    if (n < 0) {
        return NULL;
    }
    PyObject *names = Py_NewRef(cls->call_names), *made = NULL; /* the call may replace `cls->call_names` */
    if (cls->init == NULL) {
        made = value_called(r, cls->make, values, 0, names);
    }
    else if ((values[-1] = PyBaseObject_Type.tp_new(cls->type, r->values->no_arguments, NULL)) != NULL) {
        PyObject *done = value_called(r, cls->init, values - 1, 1, names);
        made = done == Py_None ? Py_NewRef(values[-1]) : NULL;
        Py_XDECREF(done);
        Py_CLEAR(values[-1]);
    }
    else {
        value_hand_back();
    }
    Py_DECREF(names);
    return made;
}

/* Whether an object has each field that it needs. Add the unknown keys to its values. */
static bool record_is_complete(Input *r, const Class *cls, PyObject **values, Found *found)
{
    if (cls->extra >= 0) {
        if (found->extra == NULL && cls->fields[cls->extra].mode == DEFAULT_NONE) {
            found->extra = PyDict_New();
            if (found->extra == NULL) {
                return false;
            }
        }
        if (found->extra != NULL) {
            found->filled |= cls->extra < FIELDS_MAX ? UINT64_C(1) << cls->extra : 0;
            values[cls->extra] = found->extra;
            found->extra = NULL;
        }
    }
    for (int i = 0; i < cls->n_fields; i++) {
        if (values[i] == NULL && cls->fields[i].mode == DEFAULT_NONE) {
            r->malformed |= found->root;
            return false;
        }
    }
    return cls->tag_field < 0 || record_is_unknown(r, cls, values[cls->tag_field]);
}

/* Read the rest of an object whose class makes its instances. The values wait in an array, as in slots. */
static PyObject *record_made(Input *r, Class *cls, Key *tag)
{
    PyObject *few[FIELDS_MAX + 1], **values = few;
    size_t n = (size_t)cls->n_fields;
    if (n > FIELDS_MAX) {
        values = PyMem_Malloc((n + 1) * sizeof *values);
        if (values == NULL) {
            return PyErr_NoMemory();
        }
    }
    memset(values++, 0, (n + 1) * sizeof *values);
    Found found = {.root = r->root, .tagged = tag != NULL};
    r->root = false;
    PyObject *made = NULL;
    if (record_members(r, cls, tag, (PyObject *)(void *)values, &found) &&
        record_is_complete(r, cls, values, &found)) {
        made = record_construct(r, cls, values, found.filled);
    }
    for (size_t i = 0; i < n; i++) {
        Py_XDECREF(values[i]);
    }
    Py_XDECREF(found.extra);
    if (--values != few) {
        PyMem_Free(values);
    }
    return made;
}
