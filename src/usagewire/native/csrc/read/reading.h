/* `Plan`: the Python type of what one type of records needs to be read from bytes.
 *
 * It is filled from tuples that `plans` makes; each function here names the tuple it takes.
 */
#ifndef USAGEWIRE_READING_H
#define USAGEWIRE_READING_H

#include "read/records.h"

typedef struct {
    PyObject_HEAD
    Values values;
    Class *classes;
    Py_ssize_t n_classes;
    Union *unions;
    Py_ssize_t n_unions;
    Kind root;
    bool strict;
} Plan;

/* --- making a plan --------------------------------------------------------------------------- */

/* Take texts from a tuple of str. */
static bool
table_fill(Table *table, PyObject *texts)
{
    Py_ssize_t n = PyTuple_GET_SIZE(texts);
    size_t size = 8;
    while (size < 4 * (size_t)n) {
        size *= 2;
    }
    table->words = PyMem_Calloc((size_t)n + 1, sizeof *table->words);
    table->slots = PyMem_Malloc(size * sizeof *table->slots);
    if (table->words == NULL || table->slots == NULL) {
        PyErr_NoMemory();
        return false;
    }
    table->mask = size - 1;
    for (size_t i = 0; i < size; i++) {
        table->slots[i] = -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        Py_ssize_t length;
        PyObject *text = PyTuple_GET_ITEM(texts, i);
        const char *utf8 = PyUnicode_AsUTF8AndSize(text, &length);
        if (utf8 == NULL) {
            return false;
        }
        table->words[table->n] = (Word){Py_NewRef(text), utf8, (size_t)length};
        size_t at = intern_hash((const uint8_t *)utf8, (size_t)length) & table->mask;
        while (table->slots[at] >= 0) {
            at = (at + 1) & table->mask;
        }
        table->slots[at] = table->n++;
    }
    return true;
}

static void
table_free(Table *table)
{
    for (int i = 0; i < table->n; i++) {
        Py_CLEAR(table->words[i].name);
    }
    PyMem_Free(table->words);
    PyMem_Free(table->slots);
}

static void
kind_free(Kind *kind)
{
    if (kind->item != NULL) {
        kind_free(kind->item);
        PyMem_Free(kind->item);
        kind->item = NULL;
    }
}

/* Take a kind from (name, nullable, index of a class or union, or the kind of the items). */
static bool
kind_fill(Plan *plan, PyObject *spec, Kind *kind)
{
    int name, nullable;
    PyObject *of;
    if (!PyArg_ParseTuple(spec, "ipO", &name, &nullable, &of)) {
        return false;
    }
    if (name < 0 || name >= KIND_COUNT) {
        PyErr_SetString(PyExc_ValueError, "no such kind");
        return false;
    }
    kind->name = (KindName)name;
    kind->nullable = nullable != 0;
    if (kind->name == KIND_CLASS || kind->name == KIND_UNION) {
        Py_ssize_t index = PyLong_AsSsize_t(of);
        if (index < 0 || index >= (kind->name == KIND_CLASS ? plan->n_classes : plan->n_unions)) {
            if (!PyErr_Occurred()) {
                PyErr_SetString(PyExc_IndexError, "no such class or union");
            }
            return false;
        }
        if (kind->name == KIND_CLASS) {
            kind->cls = &plan->classes[index];
        }
        else {
            kind->choice = &plan->unions[index];
        }
    }
    else if (kind->name == KIND_LIST || kind->name == KIND_TUPLE) {
        kind->item = PyMem_Calloc(1, sizeof *kind->item);
        if (kind->item == NULL) {
            PyErr_NoMemory();
            return false;
        }
        return kind_fill(plan, of, kind->item);
    }
    return true;
}

/* Return the offset of the slot of instances of `type` behind a member descriptor, or -1. */
static Py_ssize_t
slot_offset(PyTypeObject *type, PyObject *descriptor)
{
    if (!Py_IS_TYPE(descriptor, &PyMemberDescr_Type) || !PyType_IsSubtype(type, PyDescr_TYPE(descriptor))) {
        PyErr_SetString(PyExc_TypeError, "not a slot");
        return -1;
    }
    PyMemberDef *member = ((PyMemberDescrObject *)descriptor)->d_member;
    if (member->type != T_OBJECT_EX) {
        PyErr_SetString(PyExc_TypeError, "not a slot of an object");
        return -1;
    }
    return member->offset;
}

/* Take a field from (descriptor, kind, mode, fallback). */
static bool
field_fill(Plan *plan, PyObject *spec, Class *cls)
{
    PyObject *descriptor, *kind, *fallback;
    int mode;
    Field *field = &cls->fields[cls->n_fields];
    if (!PyArg_ParseTuple(spec, "OOiO", &descriptor, &kind, &mode, &fallback)) {
        return false;
    }
    field->offset = slot_offset(cls->type, descriptor);
    if (field->offset < 0) {
        return false;
    }
    uint64_t bit = UINT64_C(1) << cls->n_fields++;
    field->mode = (DefaultMode)mode;
    field->fallback = Py_NewRef(fallback);
    if (!kind_fill(plan, kind, &field->kind)) {
        return false;
    }
    cls->every |= bit;
    if (field->mode == DEFAULT_NONE) {
        cls->required |= bit;
    }
    else if (field->mode == DEFAULT_VALUE && fallback == Py_None) {
        cls->nones |= bit;
        cls->blank[((size_t)field->offset - cls->slots_start) / sizeof(PyObject *)] = Py_None;
    }
    KindName name = field->kind.name;
    if (name == KIND_CLASS || name == KIND_UNION || name == KIND_TUPLE) {
        cls->records |= bit;
    }
    else if (cls->n_fields - 1 != cls->extra ? name > KIND_DECIMAL || PyObject_IS_GC(fallback)
                                             : PyDict_Check(fallback)) {
        cls->atomic = false;
    }
    if (field->mode == DEFAULT_MADE) {
        cls->atomic = false; /* what is made may get the record for a part, one day */
    }
    return true;
}

/* Take what the key at `index` stands for. */
static bool
key_fill(Class *cls, int index, PyObject *field)
{
    Key *key = &cls->keys[index];
    const Word *word = &cls->names.words[index];
    size_t size = word->length + 4;
    key->size = (uint32_t)size;
    if (size <= sizeof key->words) {
        uint8_t *quoted = (uint8_t *)key->words;
        memcpy(quoted, ",\"", 2);
        memcpy(quoted + 2, word->utf8, word->length);
        memcpy(quoted + 2 + word->length, "\":", 2);
        key->n_words = (uint32_t)(size + 7) / 8;
        memset(&key->mask, 0xFF, size - 8 * (key->n_words - 1));
    }
    long at = PyLong_AsLong(field);
    if (at == -1 && PyErr_Occurred()) {
        return false;
    }
    if (at < KEY_ODD || at >= cls->n_fields) {
        PyErr_SetString(PyExc_IndexError, "no such field");
        return false;
    }
    key->field = (int)at;
    if (at >= 0) {
        key->kind = cls->fields[at].kind;
        key->offset = cls->fields[at].offset;
        key->bit = UINT64_C(1) << at;
    }
    return true;
}

/* Whether instances are a head and slots, made and dropped in the usual way. */
static bool
class_is_plain(PyTypeObject *type)
{
    return !type->tp_itemsize && !type->tp_dictoffset && PyType_IS_GC(type) &&
           type->tp_alloc == PyType_GenericAlloc && type->tp_finalize == NULL && type->tp_del == NULL;
}

/* Take a class from (type, fields, names of the keys, what each stands for, tags, index of the field
 * for unknown keys or -1, whether they are kept there, whether they are passed over, whether the class
 * is frozen, index of the field that must not be in the set that comes last). */
static bool
class_fill(Plan *plan, PyObject *spec, Class *cls)
{
    PyObject *type, *fields, *names, *indexes, *tags, *refused;
    int extra, keeps, passes, frozen, refused_field;
    if (!PyArg_ParseTuple(spec, "O!O!O!O!O!ipppiO!", &PyType_Type, &type, &PyTuple_Type, &fields,
                          &PyTuple_Type, &names, &PyTuple_Type, &indexes, &PyTuple_Type, &tags, &extra,
                          &keeps, &passes, &frozen, &refused_field, &PyFrozenSet_Type, &refused)) {
        return false;
    }
    cls->type = (PyTypeObject *)Py_NewRef(type);
    cls->refused = Py_NewRef(refused);
    cls->refused_field = refused_field;
    cls->extra = extra;
    cls->keeps = keeps && extra >= 0;
    cls->passes = passes != 0;
    cls->frozen = frozen != 0;
    cls->atomic = true;
    Py_ssize_t n = PyTuple_GET_SIZE(fields), n_keys = PyTuple_GET_SIZE(names);
    if (n > FIELDS_MOST || refused_field >= n || extra >= n || PyTuple_GET_SIZE(indexes) != n_keys ||
        !class_is_plain(cls->type)) {
        PyErr_SetString(PyExc_TypeError, "not a class of plain slots");
        return false;
    }
    cls->slots_start = sizeof(PyObject);
    cls->slots_size = (size_t)cls->type->tp_basicsize - sizeof(PyObject);
    cls->blank = PyMem_Calloc(1, cls->slots_size + 1);
    cls->fields = PyMem_Calloc((size_t)n + 1, sizeof *cls->fields);
    cls->keys = PyMem_Calloc((size_t)n_keys + 1, sizeof *cls->keys);
    if (cls->blank == NULL || cls->fields == NULL || cls->keys == NULL) {
        PyErr_NoMemory();
        return false;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        if (!field_fill(plan, PyTuple_GET_ITEM(fields, i), cls)) {
            return false;
        }
    }
    if (!table_fill(&cls->names, names) || !table_fill(&cls->tags, tags)) {
        return false;
    }
    for (int i = 0; i < cls->names.n; i++) {
        if (!key_fill(cls, i, PyTuple_GET_ITEM(indexes, i))) {
            return false;
        }
    }
    int tag = table_find(&cls->names, (const uint8_t *)"object", 6);
    cls->tag = tag < 0 ? NULL : &cls->keys[tag];
    return true;
}

/* Take a union from (tags, indexes of their classes, index of the class for other tags or -1, keys of
 * the tag). */
static bool
union_fill(Plan *plan, PyObject *spec, Union *choice)
{
    PyObject *tags, *indexes, *keys;
    Py_ssize_t others;
    if (!PyArg_ParseTuple(spec, "O!O!nO!", &PyTuple_Type, &tags, &PyTuple_Type, &indexes, &others,
                          &PyTuple_Type, &keys)) {
        return false;
    }
    Py_ssize_t n = PyTuple_GET_SIZE(tags);
    choice->classes = PyMem_Calloc((size_t)n + 1, sizeof *choice->classes);
    if (choice->classes == NULL) {
        PyErr_NoMemory();
        return false;
    }
    bool fits = PyTuple_GET_SIZE(indexes) == n && others < plan->n_classes;
    for (Py_ssize_t i = 0; fits && i < n; i++) {
        Py_ssize_t index = PyLong_AsSsize_t(PyTuple_GET_ITEM(indexes, i));
        fits = index >= 0 && index < plan->n_classes;
        if (fits) {
            choice->classes[i] = &plan->classes[index];
            fits = choice->classes[i]->tag != NULL;
        }
    }
    if (!fits) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_IndexError, "no such class, or one without tag");
        }
        return false;
    }
    choice->others = others >= 0 ? &plan->classes[others] : NULL;
    return table_fill(&choice->tags, tags) && table_fill(&choice->keys, keys);
}

static int
values_visit(Values *values, visitproc visit, void *arg)
{
    Py_VISIT(values->loads);
    Py_VISIT(values->json_error);
    Py_VISIT(values->wire_error);
    Py_VISIT(values->check_any);
    Py_VISIT(values->check_extra);
    Py_VISIT(values->read_decimal);
    Py_VISIT(values->decimal);
    return 0;
}

/* There is no tp_clear: any cycle through a plan goes through a class, which can be cleared. */
static int
plan_traverse(PyObject *self, visitproc visit, void *arg)
{
    Plan *plan = (Plan *)self;
    Py_VISIT(Py_TYPE(self));
    int stopped = values_visit(&plan->values, visit, arg);
    for (Py_ssize_t i = 0; !stopped && i < plan->n_classes; i++) {
        Class *cls = &plan->classes[i];
        Py_VISIT(cls->type);
        for (int k = 0; k < cls->n_fields; k++) {
            Py_VISIT(cls->fields[k].fallback);
        }
    }
    return stopped;
}

static void
class_free(Class *cls)
{
    for (int i = 0; i < cls->n_fields; i++) {
        kind_free(&cls->fields[i].kind);
        Py_CLEAR(cls->fields[i].fallback);
    }
    table_free(&cls->names);
    table_free(&cls->tags);
    PyMem_Free(cls->blank);
    PyMem_Free(cls->fields);
    PyMem_Free(cls->keys);
    Py_CLEAR(cls->refused);
    Py_CLEAR(cls->type);
}

static void
values_free(Values *values)
{
    unseen_track(&values->unseen);
    intern_clear(&values->intern);
    Py_CLEAR(values->loads);
    Py_CLEAR(values->json_error);
    Py_CLEAR(values->wire_error);
    Py_CLEAR(values->check_any);
    Py_CLEAR(values->check_extra);
    Py_CLEAR(values->read_decimal);
    Py_CLEAR(values->decimal);
    Py_CLEAR(values->zero);
}

static void
plan_dealloc(PyObject *self)
{
    Plan *plan = (Plan *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    for (Py_ssize_t i = 0; i < plan->n_classes; i++) {
        class_free(&plan->classes[i]);
    }
    for (Py_ssize_t i = 0; i < plan->n_unions; i++) {
        table_free(&plan->unions[i].tags);
        table_free(&plan->unions[i].keys);
        PyMem_Free(plan->unions[i].classes);
    }
    kind_free(&plan->root);
    PyMem_Free(plan->classes);
    PyMem_Free(plan->unions);
    values_free(&plan->values);
    type->tp_free(self);
    Py_DECREF(type);
}

static bool
plan_fill(Plan *plan, PyObject *classes, PyObject *unions, PyObject *root)
{
    Py_ssize_t n_classes = PyTuple_GET_SIZE(classes), n_unions = PyTuple_GET_SIZE(unions);
    plan->classes = PyMem_Calloc((size_t)n_classes + 1, sizeof *plan->classes);
    plan->unions = PyMem_Calloc((size_t)n_unions + 1, sizeof *plan->unions);
    if (plan->classes == NULL || plan->unions == NULL) {
        PyErr_NoMemory();
        return false;
    }
    plan->n_classes = n_classes;
    plan->n_unions = n_unions;
    for (Py_ssize_t i = 0; i < n_classes; i++) {
        if (!class_fill(plan, PyTuple_GET_ITEM(classes, i), &plan->classes[i])) {
            return false;
        }
    }
    for (Py_ssize_t i = 0; i < n_unions; i++) {
        if (!union_fill(plan, PyTuple_GET_ITEM(unions, i), &plan->unions[i])) {
            return false;
        }
    }
    return kind_fill(plan, root, &plan->root);
}

PyDoc_STRVAR(plan_doc, "Plan(functions, classes, unions, kind, strict)\n\n"
                       "What one type needs to be read from bytes; see `usagewire._accel`.");

static PyObject *
plan_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    PyObject *classes, *unions, *root;
    PyObject *loads, *json_error, *wire_error, *any, *extra, *read_decimal, *decimal, *zero;
    int strict;
    if (!PyArg_ParseTuple(args, "(OOOOOOOO)O!O!Op", &loads, &json_error, &wire_error, &any, &extra,
                          &read_decimal, &decimal, &zero, &PyTuple_Type, &classes, &PyTuple_Type,
                          &unions, &root, &strict)) {
        return NULL;
    }
    Plan *plan = (Plan *)type->tp_alloc(type, 0);
    if (plan == NULL) {
        return NULL;
    }
    plan->strict = strict != 0;
    plan->values.loads = Py_NewRef(loads);
    plan->values.json_error = Py_NewRef(json_error);
    plan->values.wire_error = Py_NewRef(wire_error);
    plan->values.check_any = Py_NewRef(any);
    plan->values.check_extra = Py_NewRef(extra);
    plan->values.read_decimal = Py_NewRef(read_decimal);
    plan->values.decimal = Py_NewRef(decimal);
    plan->values.zero = Py_NewRef(zero);
    if (!plan_fill(plan, classes, unions, root)) {
        Py_DECREF(plan);
        return NULL;
    }
    return (PyObject *)plan;
}

/* --- reading by it --------------------------------------------------------------------------- */

PyDoc_STRVAR(plan_decode_doc,
             "decode(text)\n--\n\n"
             "Return what the one JSON document `text`, of bytes, holds; NotImplemented where it is\n"
             "not plain.");

static PyObject *
plan_decode(PyObject *self, PyObject *text)
{
    Plan *plan = (Plan *)self;
    if (!PyBytes_CheckExact(text)) {
        PyErr_SetString(PyExc_TypeError, "decode takes bytes");
        return NULL;
    }
    const uint8_t *start = (const uint8_t *)PyBytes_AS_STRING(text);
    Input input = {.s = {start, start + PyBytes_GET_SIZE(text), false}, .values = &plan->values};
    scan_space(&input.s);
    PyObject *value = record_value(&input, &plan->root);
    unseen_track(&plan->values.unseen);
    if (value == NULL) {
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_NotImplemented);
    }
    scan_space(&input.s);
    if (input.s.p != input.s.end) {
        Py_DECREF(value);
        return Py_NewRef(Py_NotImplemented);
    }
    return value;
}

/* Whether a line is neither blank nor an object, where the type is objects. */
static bool
plan_is_no_object(const Plan *plan, const uint8_t *p, const uint8_t *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r')) {
        p++;
    }
    /* A byte order mark may be skipped, which is not for here to say. */
    bool odd = p < end && *p != '\n' && *p != '{' && *p != 0xEF;
    return odd && !plan->root.nullable && (plan->root.name == KIND_CLASS || plan->root.name == KIND_UNION);
}

/* How lines are read, and how far that has come. */
typedef struct {
    Py_ssize_t longest;  /* bytes of a line */
    Py_ssize_t most;     /* lines to read */
    bool passes;         /* whether lines that are refused are passed over */
    const uint8_t *line; /* where the next line begins */
    Py_ssize_t passed;   /* lines that were passed over */
} Lines;

/* Read the next line; false where it gave no record, with or without an exception. */
static bool
plan_read_line(Plan *plan, Input *input, const Lines *lines, PyObject *records)
{
    Scan *s = &input->s;
    input->root = true;
    input->refused = false;
    PyObject *record = record_value(input, &plan->root);
    if (record == NULL) {
        input->refused |= plan_is_no_object(plan, lines->line, s->end);
        return false;
    }
    scan_space(s);
    bool ends = s->p < s->end && *s->p == '\n';
    bool fits = ends && s->p - lines->line <= lines->longest;
    input->refused = s->p < s->end && !ends;
    bool read = fits && PyList_Append(records, record) == 0;
    Py_DECREF(record);
    return read;
}

/* Read lines up to one that gives no record. False with an exception. */
static bool
plan_read_lines(Plan *plan, Input *input, Lines *lines, PyObject *records)
{
    Scan *s = &input->s;
    for (; lines->line < s->end && lines->most; lines->most--) {
        if (!plan_read_line(plan, input, lines, records)) {
            if (PyErr_Occurred()) {
                return false;
            }
            unseen_track(&plan->values.unseen); /* what was made of this line is garbage */
            const uint8_t *from = s->p > lines->line ? s->p - 1 : s->p; /* it may be past the LF */
            const uint8_t *end = memchr(from, '\n', (size_t)(s->end - from));
            if (!input->refused || !lines->passes || end == NULL) {
                return true;
            }
            s->p = end;
            lines->passed++;
        }
        lines->line = ++s->p;
    }
    input->refused = false;
    return true;
}

/* As `progress_from` in `line_decoder` describes them. */
enum { PROGRESS_NEXT, PROGRESS_REFUSED, PROGRESS_PASSED, PROGRESS_SIZE };

PyDoc_STRVAR(plan_decode_lines_doc,
             "decode_lines(text, progress, stop, longest, most, passes, records)\n--\n\n"
             "Add the records of the lines of `text`, from byte `progress[0]` up to `stop`, to `records`:\n"
             "up to a line that is not plain, or `most` lines. `progress` is a buffer of three int64. Leave\n"
             "in it where the next line begins, whether that line surely gives no record, and how many such\n"
             "lines were passed over: with `passes` they are. A line that has no LF, or more than `longest`\n"
             "bytes before it, is not plain. Call `track` when all is done.");

static PyObject *
plan_decode_lines(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    Plan *plan = (Plan *)self;
    if (nargs != 7 || !PyBytes_CheckExact(args[0]) || !PyList_CheckExact(args[6])) {
        PyErr_SetString(PyExc_TypeError, "decode_lines takes bytes, a buffer, four ints, a list");
        return NULL;
    }
    Py_ssize_t stop = PyLong_AsSsize_t(args[2]);
    Lines lines = {.longest = PyLong_AsSsize_t(args[3]),
                   .most = PyLong_AsSsize_t(args[4]),
                   .passes = PyObject_IsTrue(args[5]) == 1};
    Py_buffer view;
    if (PyErr_Occurred() || PyObject_GetBuffer(args[1], &view, PyBUF_WRITABLE) < 0) {
        return NULL;
    }
    int64_t progress[PROGRESS_SIZE] = {-1, 0, 0};
    bool fits = view.len == sizeof progress;
    if (fits) {
        memcpy(progress, view.buf, sizeof progress);
    }
    if (!fits || progress[PROGRESS_NEXT] < 0 || progress[PROGRESS_NEXT] > stop ||
        stop > PyBytes_GET_SIZE(args[0]) || lines.longest < 0 || lines.most < 0) {
        PyBuffer_Release(&view);
        PyErr_SetString(PyExc_ValueError, "progress, stop, longest or most is out of range");
        return NULL;
    }
    const uint8_t *text = (const uint8_t *)PyBytes_AS_STRING(args[0]);
    Input input = {.s = {text + progress[PROGRESS_NEXT], text + stop, true},
                   .values = &plan->values,
                   .strict = plan->strict};
    lines.line = input.s.p;
    bool read = plan_read_lines(plan, &input, &lines, args[6]);
    /* Nothing from here on can fail, so that records and progress go together. */
    progress[PROGRESS_NEXT] = lines.line - text;
    progress[PROGRESS_REFUSED] = input.refused;
    progress[PROGRESS_PASSED] += lines.passed;
    memcpy(view.buf, progress, sizeof progress);
    PyBuffer_Release(&view);
    return read ? Py_NewRef(Py_None) : NULL;
}

PyDoc_STRVAR(plan_track_doc, "track()\n--\n\n"
                             "Let the garbage collector see what `decode_lines` has made.");

static PyObject *
plan_track(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    unseen_track(&((Plan *)self)->values.unseen);
    Py_RETURN_NONE;
}

static PyMethodDef plan_methods[] = {
    {"decode", plan_decode, METH_O, plan_decode_doc},
    {"decode_lines", (PyCFunction)(void (*)(void))plan_decode_lines, METH_FASTCALL, plan_decode_lines_doc},
    {"track", plan_track, METH_NOARGS, plan_track_doc},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot plan_slots[] = {
    {Py_tp_doc, (void *)plan_doc},
    {Py_tp_new, plan_new},
    {Py_tp_dealloc, plan_dealloc},
    {Py_tp_traverse, plan_traverse},
    {Py_tp_methods, plan_methods},
    {0, NULL},
};

static PyType_Spec plan_spec = {
    .name = "usagewire.native.extension.Plan",
    .basicsize = sizeof(Plan),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = plan_slots,
};

#endif
