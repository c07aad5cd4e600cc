/* `Writer`: the Python type that writes records of the classes that it knows. Part of module.c.
 *
 * It adds a class to its schema when it first meets one.
 */

typedef struct {
    PyObject_HEAD
    Reference reference;
    Schema schema;
    PyObject *index;      /* dict: the index of the class for each key of `writer_key` */
    PyObject *class_name; /* "__class__" */
    const Class *last;    /* the class of the last record, or NULL */
} Writer;

/* As with plans, any cycle has a class in it. */
static int writer_traverse(PyObject *self, visitproc visit, void *arg)
{
    Writer *writer = (Writer *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(writer->index);
    int stopped = reference_visit(&writer->reference, visit, arg);
    return stopped ? stopped : schema_visit(&writer->schema, visit, arg);
}

static void writer_dealloc(PyObject *self)
{
    Writer *writer = (Writer *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    schema_free(&writer->schema);
    reference_clear(&writer->reference);
    Py_CLEAR(writer->index);
    Py_CLEAR(writer->class_name);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *writer_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    PyObject *reference;
    if (!PyArg_ParseTuple(args, "O", &reference)) {
        return NULL;
    }
    Writer *writer = (Writer *)type->tp_alloc(type, 0);
    if (writer == NULL) {
        return NULL;
    }
    writer->index = PyDict_New();
    writer->class_name = PyUnicode_InternFromString("__class__");
    bool made = writer->index != NULL && writer->class_name != NULL;
    if (!made || !reference_fill(&writer->reference, reference)) {
        Py_DECREF(writer);
        return NULL;
    }
    return (PyObject *)writer;
}

static PyObject *writer_add(PyObject *self, PyObject *specs)
{
    Schema *schema = &((Writer *)self)->schema;
    if (!PyTuple_Check(specs)) {
        PyErr_SetString(PyExc_TypeError, "takes a tuple of classes");
        return NULL;
    }
    if (!schema_add(schema, specs)) {
        return NULL;
    }
    return PyLong_FromSsize_t(schema->n_classes - PyTuple_GET_SIZE(specs));
}

/* Return the key of a type in the index: a new reference. It is the type, or its address if it has a
 * metaclass, which may have a `__hash__` of its own. */
static PyObject *writer_key(PyTypeObject *type)
{
    PyObject *object = (PyObject *)type;
    return Py_IS_TYPE(object, &PyType_Type) ? Py_NewRef(object) : PyLong_FromVoidPtr(object);
}

static PyObject *writer_allow(PyObject *self, PyObject *args)
{
    Writer *writer = (Writer *)self;
    PyObject *type;
    Py_ssize_t at;
    if (!PyArg_ParseTuple(args, "O!n", &PyType_Type, &type, &at)) {
        return NULL;
    }
    if (at < 0 || at >= writer->schema.n_classes ||
        (PyObject *)writer->schema.classes[at]->type != type) {
        PyErr_SetString(PyExc_IndexError, "no such class");
        return NULL;
    }
    PyObject *index = PyLong_FromSsize_t(at), *key = writer_key((PyTypeObject *)type);
    int failed = index == NULL || key == NULL || PyDict_SetItem(writer->index, key, index) < 0;
    Py_XDECREF(index);
    Py_XDECREF(key);
    return failed ? NULL : Py_NewRef(Py_None);
}

/* Return the class of a record, or NULL if the writer may not write it. */
static const Class *writer_class(Writer *writer, PyObject *record)
{
    if (writer->last == NULL || !Py_IS_TYPE(record, writer->last->type)) {
        PyObject *key = writer_key(Py_TYPE(record));
        PyObject *at = key == NULL ? NULL : PyDict_GetItemWithError(writer->index, key);
        Py_XDECREF(key);
        if (at == NULL) {
            return NULL;
        }
        writer->last = writer->schema.classes[PyLong_AsSsize_t(at)];
    }
    return writer->last;
}

/* Whether `__class__` of a record is its type, as for nearly all. The reference chooses the hook by it. */
static bool writer_is_honest(const Writer *writer, Output *out, const Class *cls, PyObject *record)
{
    if (cls->is_slots) {
        return true;
    }
    PyObject *named = PyObject_GetAttr(record, writer->class_name);
    Py_XDECREF(named);
    return named == NULL ? write_hand_back(out) : named == (PyObject *)cls->type;
}

/* Write a record that is not part of another. `prefetch_record` is a later one, or NULL. */
static bool writer_record(Writer *writer, Output *out, PyObject *record, PyObject *prefetch_record)
{
    const Class *cls = writer_class(writer, record);
    if (cls == NULL || !writer_is_honest(writer, out, cls, record)) {
        return false;
    }
    bool is_alike = prefetch_record != NULL && Py_IS_TYPE(prefetch_record, cls->type);
    return write_record(out, cls, record, is_alike ? prefetch_record : NULL);
}

enum { WRITER_PREFETCH = 2 }; /* distance of the record that is prefetched */

/* Write the record at an index of a list. */
static bool writer_item(Writer *writer, Output *out, PyObject *records, Py_ssize_t at)
{
    /* Functions of the reference can run Python code, which can change the list. */
    PyObject *record = Py_NewRef(PyList_GET_ITEM(records, at));
    PyObject *prefetch_record = NULL;
    if (at + WRITER_PREFETCH < PyList_GET_SIZE(records)) {
        prefetch_record = Py_NewRef(PyList_GET_ITEM(records, at + WRITER_PREFETCH));
    }
    bool written = writer_record(writer, out, record, prefetch_record);
    Py_DECREF(record);
    Py_XDECREF(prefetch_record);
    return written;
}

static bool writer_list(Writer *writer, Output *out, PyObject *records)
{
    bool written = write_open(out, "[");
    for (Py_ssize_t i = 0; written && i < PyList_GET_SIZE(records); i++) {
        written = (i == 0 || buffer_add(&out->buffer, ",", 1)) && writer_item(writer, out, records, i) &&
                  (i % 4096 != 4095 || PyErr_CheckSignals() == 0);
    }
    return written && write_close(out, "]");
}

static PyObject *writer_encode(PyObject *self, PyObject *record)
{
    Writer *writer = (Writer *)self;
    Output out = {.reference = &writer->reference, .buffer = buffer_empty()};
    bool written = false;
    if (!hooks_running) {
        written = PyList_CheckExact(record) ? writer_list(writer, &out, record)
                                            : writer_record(writer, &out, record, NULL);
    }
    if (written) {
        return buffer_take(&out.buffer);
    }
    Py_CLEAR(out.buffer.bytes);
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_NotImplemented);
}

enum {
    ESTIMATE_FIRST = 64, /* estimate the size of the rest after 64 records, */
    ESTIMATE_FACTOR = 4, /* and again each time their number has grown four times */
};

/* Make room for `left` records the size of the `n` written ones, at most for as many as before the next
 * estimate. An exact estimate leaves no room to give back at the end. */
static bool writer_estimate(Buffer *b, size_t n, size_t left)
{
    size_t size = buffer_size(b), each = size / n + size / n / 16 + 1, most = (ESTIMATE_FACTOR - 1) * n;
    if (size > (size_t)PY_SSIZE_T_MAX / (8 * ESTIMATE_FACTOR)) {
        return true;
    }
    size_t guess = size + each * (left < most ? left : most);
    return guess <= buffer_room(b) || buffer_resize(b, guess);
}

static PyObject *writer_encode_lines(PyObject *self, PyObject *args)
{
    Writer *writer = (Writer *)self;
    PyObject *records;
    Py_ssize_t at;
    if (!PyArg_ParseTuple(args, "O!n", &PyList_Type, &records, &at)) {
        return NULL;
    }
    Output out = {.reference = &writer->reference, .buffer = buffer_empty()};
    /* Estimate only from the start. After each record that the reference wrote, it would cost more than it
     * saves. */
    Py_ssize_t next_estimate = at == 0 ? ESTIMATE_FIRST : -1;
    for (; at >= 0 && at < PyList_GET_SIZE(records) && !hooks_running; at++) {
        size_t start = buffer_size(&out.buffer);
        if (at == next_estimate) {
            if (!writer_estimate(&out.buffer, (size_t)at, (size_t)(PyList_GET_SIZE(records) - at))) {
                break;
            }
            next_estimate *= ESTIMATE_FACTOR;
        }
        out.depth = 0;
        out.refused = false;
        if (!writer_item(writer, &out, records, at) || !buffer_add(&out.buffer, "\n", 1)) {
            buffer_cut(&out.buffer, start);
            break;
        }
        if (at % 4096 == 4095 && PyErr_CheckSignals() < 0) {
            break;
        }
    }
    if (PyErr_Occurred()) {
        Py_CLEAR(out.buffer.bytes);
        return NULL;
    }
    PyObject *text = buffer_take(&out.buffer);
    return text == NULL ? NULL : Py_BuildValue("Nn", text, at);
}

static PyMethodDef writer_methods[] = {
    {"add", writer_add, METH_O, "Add classes; return the index of the first."},
    {"allow", writer_allow, METH_VARARGS, "Write records of a type as the class at an index."},
    {"encode", writer_encode, METH_O, "Return a record, or a list of records, as JSON."},
    {"encode_lines", writer_encode_lines, METH_VARARGS, "Return records of a list as lines."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot writer_slots[] = {
    {Py_tp_doc, (void *)"Writes records. `usagewire.native.plans` makes it."},
    {Py_tp_new, writer_new},
    {Py_tp_dealloc, writer_dealloc},
    {Py_tp_traverse, writer_traverse},
    {Py_tp_methods, writer_methods},
    {0, NULL},
};

static PyType_Spec writer_spec = {
    .name = "usagewire.native.extension.Writer",
    .basicsize = sizeof(Writer),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = writer_slots,
};
