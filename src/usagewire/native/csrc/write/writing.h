/* `Writer`: the Python type of what is known of the classes that are written.
 *
 * It is filled from tuples that `plans` makes; each function here names the tuple it takes.
 */
#ifndef USAGEWIRE_WRITING_H
#define USAGEWIRE_WRITING_H

#include "write/encode.h"
#include "read/reading.h" /* for slot_offset and class_is_plain */

typedef struct {
    PyObject_HEAD
    WriteFunctions functions;
    WriteClass **classes;
    Py_ssize_t n_classes;
    PyObject *index; /* dict: for each type that may stand by itself, the index of its class */
    Py_ssize_t last; /* the index that was found last, or -1 */
} Writer;

static void
write_kind_free(WriteKind *kind)
{
    if (kind->item != NULL) {
        write_kind_free(kind->item);
        PyMem_Free(kind->item);
    }
    PyMem_Free(kind->classes);
}

/* Take a kind from (name, nullable, indexes of its classes, or the kind of the items). */
static bool
write_kind_fill(const Writer *writer, PyObject *spec, WriteKind *kind)
{
    int name, nullable;
    PyObject *of;
    if (!PyArg_ParseTuple(spec, "ipO", &name, &nullable, &of)) {
        return false;
    }
    if (name < 0 || name >= WRITE_COUNT) {
        PyErr_SetString(PyExc_ValueError, "no such kind");
        return false;
    }
    kind->name = (WriteName)name;
    kind->nullable = nullable != 0;
    if (kind->name == WRITE_LIST || kind->name == WRITE_TUPLE) {
        kind->item = PyMem_Calloc(1, sizeof *kind->item);
        if (kind->item == NULL) {
            PyErr_NoMemory();
            return false;
        }
        return write_kind_fill(writer, of, kind->item);
    }
    if (kind->name != WRITE_RECORD) {
        return true;
    }
    Py_ssize_t n = PyTuple_Size(of);
    if (n < 0) {
        return false;
    }
    kind->classes = PyMem_Calloc((size_t)n + 1, sizeof *kind->classes);
    if (kind->classes == NULL) {
        PyErr_NoMemory();
        return false;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        Py_ssize_t at = PyLong_AsSsize_t(PyTuple_GET_ITEM(of, i));
        if (at < 0 || at >= writer->n_classes) {
            if (!PyErr_Occurred()) {
                PyErr_SetString(PyExc_IndexError, "no such class");
            }
            return false;
        }
        kind->classes[kind->n_classes++] = writer->classes[at];
    }
    return true;
}

static void
write_class_free(WriteClass *cls)
{
    for (int i = 0; i < cls->n_fields; i++) {
        write_kind_free(&cls->fields[i].kind);
        Py_CLEAR(cls->fields[i].omitted);
        PyMem_Free(cls->fields[i].lead);
    }
    PyMem_Free(cls->fields);
    Py_CLEAR(cls->head);
    Py_CLEAR(cls->no_extra);
    Py_CLEAR(cls->reserved);
    Py_CLEAR(cls->refused);
    Py_CLEAR(cls->type);
    PyMem_Free(cls);
}

/* Take a field from (descriptor, kind, lead, whether one value is left out, which). */
static bool
write_field_fill(const Writer *writer, PyObject *spec, WriteClass *cls)
{
    PyObject *descriptor, *kind, *lead, *omitted;
    int omits;
    WriteField *field = &cls->fields[cls->n_fields];
    if (!PyArg_ParseTuple(spec, "OOSpO", &descriptor, &kind, &lead, &omits, &omitted)) {
        return false;
    }
    field->offset = slot_offset(cls->type, descriptor);
    if (field->offset < 0) {
        return false;
    }
    cls->n_fields++;
    field->lead_size = (size_t)PyBytes_GET_SIZE(lead);
    field->lead = PyMem_Calloc(field->lead_size / LEAD_STEP + 2, LEAD_STEP);
    if (field->lead == NULL) {
        PyErr_NoMemory();
        return false;
    }
    memcpy(field->lead, PyBytes_AS_STRING(lead), field->lead_size);
    field->omitted = omits ? Py_NewRef(omitted) : NULL;
    return write_kind_fill(writer, kind, &field->kind);
}

/* Take a class from (type, head, fields, descriptor of the slot of unknown keys or None, what stands
 * there where there are none, what `extra_json` is to be told or None, index of the field that must
 * not be in the set that comes last). */
static bool
write_class_fill(const Writer *writer, PyObject *spec, WriteClass *cls)
{
    PyObject *type, *head, *fields, *extra, *no_extra, *reserved, *refused;
    int refused_field;
    if (!PyArg_ParseTuple(spec, "O!SO!OOOiO!", &PyType_Type, &type, &head, &PyTuple_Type, &fields, &extra,
                          &no_extra, &reserved, &refused_field, &PyFrozenSet_Type, &refused)) {
        return false;
    }
    cls->type = (PyTypeObject *)Py_NewRef(type);
    cls->head = Py_NewRef(head);
    cls->no_extra = Py_NewRef(no_extra);
    cls->reserved = Py_NewRef(reserved);
    cls->refused_field = refused_field;
    cls->refused = Py_NewRef(refused);
    Py_ssize_t n = PyTuple_GET_SIZE(fields);
    cls->fields = PyMem_Calloc((size_t)n + 1, sizeof *cls->fields);
    if (cls->fields == NULL) {
        PyErr_NoMemory();
        return false;
    }
    if (!class_is_plain(cls->type)) {
        PyErr_SetString(PyExc_TypeError, "not a class of plain slots");
        return false;
    }
    if (extra != Py_None) {
        cls->extra = slot_offset(cls->type, extra);
        if (cls->extra < 0) {
            return false;
        }
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        if (!write_field_fill(writer, PyTuple_GET_ITEM(fields, i), cls)) {
            return false;
        }
    }
    return true;
}

/* As for plans, any cycle goes through a class. */
static int
writer_traverse(PyObject *self, visitproc visit, void *arg)
{
    Writer *writer = (Writer *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(writer->functions.dumps);
    Py_VISIT(writer->functions.wire_error);
    Py_VISIT(writer->functions.write_decimal);
    Py_VISIT(writer->functions.extra_json);
    Py_VISIT(writer->functions.decimal);
    Py_VISIT(writer->index);
    for (Py_ssize_t i = 0; i < writer->n_classes; i++) {
        Py_VISIT(writer->classes[i]->type);
        for (int k = 0; k < writer->classes[i]->n_fields; k++) {
            Py_VISIT(writer->classes[i]->fields[k].omitted);
        }
    }
    return 0;
}

static void
writer_dealloc(PyObject *self)
{
    Writer *writer = (Writer *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    for (Py_ssize_t i = 0; i < writer->n_classes; i++) {
        write_class_free(writer->classes[i]);
    }
    PyMem_Free(writer->classes);
    Py_CLEAR(writer->functions.dumps);
    Py_CLEAR(writer->functions.wire_error);
    Py_CLEAR(writer->functions.write_decimal);
    Py_CLEAR(writer->functions.extra_json);
    Py_CLEAR(writer->functions.decimal);
    Py_CLEAR(writer->index);
    type->tp_free(self);
    Py_DECREF(type);
}

PyDoc_STRVAR(writer_doc, "Writer(functions)\n\n"
                         "What is known of the classes that are written; see `usagewire._accel`.");

static PyObject *
writer_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    PyObject *dumps, *wire_error, *write_decimal, *extra_json, *decimal;
    if (!PyArg_ParseTuple(args, "(OOOOO!)", &dumps, &wire_error, &write_decimal, &extra_json, &PyType_Type,
                          &decimal)) {
        return NULL;
    }
    Writer *writer = (Writer *)type->tp_alloc(type, 0);
    if (writer == NULL) {
        return NULL;
    }
    writer->functions.dumps = Py_NewRef(dumps);
    writer->functions.wire_error = Py_NewRef(wire_error);
    writer->functions.write_decimal = Py_NewRef(write_decimal);
    writer->functions.extra_json = Py_NewRef(extra_json);
    writer->functions.decimal = Py_NewRef(decimal);
    writer->last = -1;
    writer->index = PyDict_New();
    if (writer->index == NULL) {
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
    size_t n = (size_t)writer->n_classes;
    WriteClass **classes = PyMem_Realloc(writer->classes, (n + 1) * sizeof *classes);
    if (classes == NULL) {
        return PyErr_NoMemory();
    }
    writer->classes = classes;
    WriteClass *cls = PyMem_Calloc(1, sizeof *cls);
    if (cls == NULL) {
        return PyErr_NoMemory();
    }
    PyObject *index = write_class_fill(writer, spec, cls) ? PyLong_FromSize_t(n) : NULL;
    if (index == NULL) {
        write_class_free(cls);
        return NULL;
    }
    writer->classes[writer->n_classes++] = cls;
    return index;
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
    if (at < 0 || at >= writer->n_classes || (PyObject *)writer->classes[at]->type != type) {
        PyErr_SetString(PyExc_IndexError, "no such class");
        return NULL;
    }
    PyObject *index = PyLong_FromSsize_t(at);
    int failed = index == NULL || PyDict_SetItem(writer->index, type, index) < 0;
    Py_XDECREF(index);
    return failed ? NULL : Py_NewRef(Py_None);
}

/* Write a record that stands by itself; `soon` is one that will be written soon, or NULL. */
static bool
writer_record(Writer *writer, Output *out, PyObject *record, PyObject *soon)
{
    if (writer->last < 0 || !Py_IS_TYPE(record, writer->classes[writer->last]->type)) {
        PyObject *at = PyDict_GetItemWithError(writer->index, (PyObject *)Py_TYPE(record));
        if (at == NULL) {
            return false;
        }
        writer->last = PyLong_AsSsize_t(at);
    }
    const WriteClass *cls = writer->classes[writer->last];
    return write_record(out, cls, record, soon != NULL && Py_IS_TYPE(soon, cls->type) ? soon : NULL);
}

enum { WRITER_AHEAD = 2 }; /* how many records further on the memory of one is asked for */

/* Write a record of a list. */
static bool
writer_item(Writer *writer, Output *out, PyObject *records, Py_ssize_t at)
{
    /* The reference's functions may let others run meanwhile, who change the list. */
    PyObject *record = Py_NewRef(PyList_GET_ITEM(records, at));
    PyObject *soon = NULL;
    if (at + WRITER_AHEAD < PyList_GET_SIZE(records)) {
        soon = Py_NewRef(PyList_GET_ITEM(records, at + WRITER_AHEAD));
    }
    bool written = writer_record(writer, out, record, soon);
    Py_DECREF(record);
    Py_XDECREF(soon);
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
                                "Return a record, or a list of records, as JSON; NotImplemented where it is\n"
                                "not plain.");

static PyObject *
writer_encode(PyObject *self, PyObject *record)
{
    Writer *writer = (Writer *)self;
    Output out = {.functions = &writer->functions, .buffer = buffer_empty()};
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
             "Return the records of a list, from index `start` on, as lines, up to one that is not\n"
             "plain; and the index of that one, or where the list ended.");

static PyObject *
writer_encode_lines(PyObject *self, PyObject *args)
{
    Writer *writer = (Writer *)self;
    PyObject *records;
    Py_ssize_t at;
    if (!PyArg_ParseTuple(args, "O!n", &PyList_Type, &records, &at)) {
        return NULL;
    }
    Output out = {.functions = &writer->functions, .buffer = buffer_empty()};
    /* Not where the list is gone on with after a record that is not plain, which may come often. */
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

#endif
