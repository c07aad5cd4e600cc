/* `Writer`: the Python type by which records are written, as far as their classes are known. Part of
 * module.c.
 *
 * It learns classes as they come by, so that its schema grows.
 */

typedef struct {
    PyObject_HEAD
    Reference reference;
    Schema schema;
    PyObject *index;   /* dict: for each type that may stand by itself, the index of its class */
    const Class *last; /* the class that was found last, or NULL */
} Writer;

/* As for plans, any cycle goes through a class. */
static int
writer_traverse(PyObject *self, visitproc visit, void *arg)
{
    Writer *writer = (Writer *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(writer->index);
    int stopped = reference_visit(&writer->reference, visit, arg);
    return stopped ? stopped : schema_visit(&writer->schema, visit, arg);
}

static void
writer_dealloc(PyObject *self)
{
    Writer *writer = (Writer *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    schema_free(&writer->schema);
    reference_clear(&writer->reference);
    Py_CLEAR(writer->index);
    type->tp_free(self);
    Py_DECREF(type);
}

PyDoc_STRVAR(writer_doc, "Writer(reference)\n\n"
                         "Writes records. `usagewire.native.plans` makes it.");

static PyObject *
writer_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
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
    if (writer->index == NULL || !reference_fill(&writer->reference, reference)) {
        Py_DECREF(writer);
        return NULL;
    }
    return (PyObject *)writer;
}

PyDoc_STRVAR(writer_add_doc, "add(spec)\n--\n\n"
                             "Learn a class and return its index, by which later ones may name it.");

static PyObject *
writer_add(PyObject *self, PyObject *spec)
{
    Writer *writer = (Writer *)self;
    return schema_add(&writer->schema, spec) ? PyLong_FromSsize_t(writer->schema.n_classes - 1) : NULL;
}

PyDoc_STRVAR(writer_allow_doc, "allow(type, index)\n--\n\n"
                               "Write instances of `type` that stand by themselves as the class there.");

static PyObject *
writer_allow(PyObject *self, PyObject *args)
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
    PyObject *index = PyLong_FromSsize_t(at);
    int failed = index == NULL || PyDict_SetItem(writer->index, type, index) < 0;
    Py_XDECREF(index);
    return failed ? NULL : Py_NewRef(Py_None);
}

/* Write a record that stands by itself; `prefetch_record` is a later one, or NULL. */
static bool
writer_record(Writer *writer, Output *out, PyObject *record, PyObject *prefetch_record)
{
    if (writer->last == NULL || !Py_IS_TYPE(record, writer->last->type)) {
        if (!Py_IS_TYPE((PyObject *)Py_TYPE(record), &PyType_Type)) {
            return false; /* a metaclass may have a __hash__ of its own */
        }
        PyObject *at = PyDict_GetItemWithError(writer->index, (PyObject *)Py_TYPE(record));
        if (at == NULL) {
            return false;
        }
        writer->last = writer->schema.classes[PyLong_AsSsize_t(at)];
    }
    const Class *cls = writer->last;
    bool is_alike = prefetch_record != NULL && Py_IS_TYPE(prefetch_record, cls->type);
    return write_record(out, cls, record, is_alike ? prefetch_record : NULL);
}

enum { WRITER_PREFETCH = 2 }; /* which later record is brought into the cache */

/* Write a record of a list. */
static bool
writer_item(Writer *writer, Output *out, PyObject *records, Py_ssize_t at)
{
    /* The reference's functions can run Python code, which can change the list. */
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

/* Write a list of records. */
static bool
writer_list(Writer *writer, Output *out, PyObject *records)
{
    bool written = buffer_add(&out->buffer, "[", 1);
    for (Py_ssize_t i = 0; written && i < PyList_GET_SIZE(records); i++) {
        written = (i == 0 || buffer_add(&out->buffer, ",", 1)) && writer_item(writer, out, records, i);
    }
    return written && buffer_add(&out->buffer, "]", 1);
}

PyDoc_STRVAR(writer_encode_doc, "encode(record)\n--\n\n"
                                "Return a record, or a list of records, as JSON; NotImplemented where the\n"
                                "reference has to write it.");

static PyObject *
writer_encode(PyObject *self, PyObject *record)
{
    Writer *writer = (Writer *)self;
    Output out = {.reference = &writer->reference, .buffer = buffer_empty()};
    bool written = PyList_CheckExact(record) ? writer_list(writer, &out, record)
                                             : writer_record(writer, &out, record, NULL);
    if (written) {
        return buffer_take(&out.buffer);
    }
    Py_CLEAR(out.buffer.bytes);
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_NotImplemented);
}

enum {
    GUESS_FIRST = 64, /* after so many records the size of later ones is guessed, */
    GUESS_TIMES = 4,  /* and again after so many times as many, for no more than that */
};

/* Make room for `left` records, if they are like the `n` that were written. With no more room than that,
 * nothing is left to be given back. */
static bool
writer_guess(Buffer *b, size_t n, size_t left)
{
    size_t size = buffer_size(b), each = size / n + size / n / 16 + 1, most = (GUESS_TIMES - 1) * n;
    if (size > (size_t)PY_SSIZE_T_MAX / (8 * GUESS_TIMES)) {
        return true;
    }
    size_t guess = size + each * (left < most ? left : most);
    return guess <= buffer_room(b) || buffer_resize(b, guess);
}

PyDoc_STRVAR(writer_encode_lines_doc,
             "encode_lines(records, start)\n--\n\n"
             "Return the records of a list, from index `start` on, as lines, up to one that the\n"
             "reference has to write; and the index of that one, or where the list ended.");

static PyObject *
writer_encode_lines(PyObject *self, PyObject *args)
{
    Writer *writer = (Writer *)self;
    PyObject *records;
    Py_ssize_t at;
    if (!PyArg_ParseTuple(args, "O!n", &PyList_Type, &records, &at)) {
        return NULL;
    }
    Output out = {.reference = &writer->reference, .buffer = buffer_empty()};
    /* Only at the beginning: after a record that the reference wrote, which may come often, it costs more. */
    Py_ssize_t next_guess = at == 0 ? GUESS_FIRST : -1;
    for (; at >= 0 && at < PyList_GET_SIZE(records); at++) {
        size_t start = buffer_size(&out.buffer);
        if (at == next_guess) {
            if (!writer_guess(&out.buffer, (size_t)at, (size_t)(PyList_GET_SIZE(records) - at))) {
                break;
            }
            next_guess *= GUESS_TIMES;
        }
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
    {"add", writer_add, METH_O, writer_add_doc},
    {"allow", writer_allow, METH_VARARGS, writer_allow_doc},
    {"encode", writer_encode, METH_O, writer_encode_doc},
    {"encode_lines", writer_encode_lines, METH_VARARGS, writer_encode_lines_doc},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot writer_slots[] = {
    {Py_tp_doc, (void *)writer_doc},
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
