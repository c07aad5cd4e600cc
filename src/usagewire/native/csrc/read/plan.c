/* `Plan`: the Python type that reads one type from bytes. Part of module.c.
 *
 * It adds to a schema what only reading needs: the functions of the reference, the repeated strings, and the
 * objects whose GC tracking is deferred.
 */

typedef struct {
    PyObject_HEAD
    Values values;
    Schema schema;
    Kind root;
    bool strict;
    bool calls_hooks; /* whether a kind has a hook */
} Plan;

/* A plan needs no tp_clear: any cycle through it has a class in it, which can be cleared. */
static int plan_traverse(PyObject *self, visitproc visit, void *arg)
{
    Plan *plan = (Plan *)self;
    Py_VISIT(Py_TYPE(self));
    int stopped = reference_visit(&plan->values.reference, visit, arg);
    stopped = stopped ? stopped : kind_visit(&plan->root, visit, arg);
    return stopped ? stopped : schema_visit(&plan->schema, visit, arg);
}

static void plan_dealloc(PyObject *self)
{
    Plan *plan = (Plan *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    gc_deferred_track(&plan->values.deferred);
    kind_free(&plan->root);
    schema_free(&plan->schema);
    intern_clear(&plan->values.intern);
    reference_clear(&plan->values.reference);
    Py_CLEAR(plan->values.no_arguments);
    Py_CLEAR(plan->values.zone);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *plan_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    PyObject *reference, *classes, *root;
    int strict, calls_hooks;
    if (!PyArg_ParseTuple(args, "OO!Opp", &reference, &PyTuple_Type, &classes, &root, &strict,
                          &calls_hooks)) {
        return NULL;
    }
    Plan *plan = (Plan *)type->tp_alloc(type, 0);
    if (plan == NULL) {
        return NULL;
    }
    plan->strict = strict != 0;
    plan->calls_hooks = calls_hooks != 0;
    plan->values.no_arguments = PyTuple_New(0);
    bool filled = plan->values.no_arguments != NULL && reference_fill(&plan->values.reference, reference);
    plan->schema.no_extra = plan->values.reference.no_extra;
    if (!filled || !schema_add(&plan->schema, classes) || !kind_fill(&plan->schema, root, &plan->root)) {
        Py_DECREF(plan);
        return NULL;
    }
    return (PyObject *)plan;
}

/* Call `note` with the number of unknown rows of a record, if it has any. Hooks added an item to the list
 * `found` for each one that they read. Return false with an exception. */
static bool plan_note_unknown(const Input *input, PyObject *note, PyObject *found)
{
    Py_ssize_t n = input->n_unknown + (found == NULL ? 0 : PyList_GET_SIZE(found));
    if (n == 0 || note == NULL) {
        return true;
    }
    PyObject *done = PyObject_CallFunction(note, "n", n);
    Py_XDECREF(done);
    return done != NULL;
}

/* Empty the list in which hooks note unknown rows. */
static bool plan_forget(PyObject *found)
{
    return found == NULL || PyList_GET_SIZE(found) == 0 ||
           PyList_SetSlice(found, 0, PyList_GET_SIZE(found), NULL) == 0;
}

/* Return the record of the document `args[0]`. The function `args[1]`, which may be left out, receives its
 * number of unknown rows. */
static PyObject *plan_decode(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    Plan *plan = (Plan *)self;
    if (nargs < 1 || nargs > 2 || !PyBytes_CheckExact(args[0])) {
        PyErr_SetString(PyExc_TypeError, "decode takes bytes and a function");
        return NULL;
    }
    if (hooks_running) {
        return Py_NewRef(Py_NotImplemented);
    }
    PyObject *text = args[0];
    const uint8_t *start = (const uint8_t *)PyBytes_AS_STRING(text);
    Input input = {.s = {start, start + PyBytes_GET_SIZE(text), false}, .values = &plan->values};
    scan_space(&input.s);
    PyObject *value = record_value(&input, &plan->root);
    gc_deferred_track(&plan->values.deferred);
    if (value == NULL) {
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_NotImplemented);
    }
    scan_space(&input.s);
    if (input.s.p != input.s.end) {
        Py_DECREF(value);
        return Py_NewRef(Py_NotImplemented);
    }
    if (!plan_note_unknown(&input, nargs > 1 ? args[1] : NULL, NULL)) {
        Py_DECREF(value);
        return NULL;
    }
    return value;
}

/* Whether a line is not blank and not an object, and the type is an object. */
static bool plan_is_not_object(const Plan *plan, const uint8_t *p, const uint8_t *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r')) {
        p++;
    }
    bool other = p < end && *p != '{';
    return other && !plan->root.nullable && (plan->root.name == KIND_CLASS || plan->root.name == KIND_UNION);
}

/* `progress_from` in `line_decoder` describes these. */
enum { PROGRESS_NEXT, PROGRESS_MALFORMED, PROGRESS_SKIPPED, PROGRESS_BLANK, PROGRESS_SIZE };

/* The lines to skip, as flags: malformed lines, and blank lines before and after the first record. */
enum { SKIP_MALFORMED = 1, SKIP_LEADING_BLANK = 2, SKIP_BLANK = 4 };

/* The options of reading lines, and the progress. */
typedef struct {
    Py_ssize_t longest; /* most bytes of a line */
    Py_ssize_t most;    /* most lines to read */
    int skips;          /* SKIP_... */
    const uint8_t *text;
    const uint8_t *line; /* the start of the next line */
    char *progress;      /* PROGRESS_SIZE values of int64, not aligned */
    PyObject *note;      /* receives the number of unknown rows of a record; borrowed, or NULL */
    PyObject *found;     /* a list to which hooks add unknown rows; borrowed, or NULL */
} Lines;

static void progress_set(const Lines *lines, size_t which, int64_t value)
{
    memcpy(lines->progress + which * sizeof value, &value, sizeof value);
}

static int64_t progress_get(const Lines *lines, size_t which)
{
    int64_t value;
    memcpy(&value, lines->progress + which * sizeof value, sizeof value);
    return value;
}

/* Read the next line. Return false if it gives no record, with or without an exception. */
static bool plan_read_line(Plan *plan, Input *input, const Lines *lines, PyObject *records)
{
    Scan *s = &input->s;
    input->root = true;
    input->malformed = false;
    input->refused = false;
    input->depth = 0;
    input->n_unknown = 0;
    PyObject *record = record_value(input, &plan->root);
    if (record == NULL) {
        input->malformed |= plan_is_not_object(plan, lines->line, s->end);
        return false;
    }
    scan_space(s);
    bool ends = s->p < s->end && *s->p == '\n';
    bool fits = ends && s->p - lines->line <= lines->longest;
    input->malformed = s->p < s->end && !ends;
    bool read = fits && plan_note_unknown(input, lines->note, lines->found) && plan_forget(lines->found) &&
                PyList_Append(records, record) == 0;
    Py_DECREF(record);
    return read;
}

/* Return where a blank line ends, or NULL for another line. */
static const uint8_t *plan_blank(const Lines *lines, const uint8_t *end)
{
    const uint8_t *p = lines->line;
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r')) {
        p++;
    }
    return p < end && *p == '\n' && p - lines->line <= lines->longest ? p : NULL;
}

/* Read lines up to one that gives no record. Return false with an exception. Blank lines after a record are
 * counted with the next record, because they come after the position of the record before them. */
static bool plan_read_lines(Plan *plan, Input *input, Lines *lines, PyObject *records)
{
    Scan *s = &input->s;
    Py_ssize_t before = PyList_GET_SIZE(records);
    int64_t blank = 0;
    for (; lines->line < s->end && lines->most; lines->most--) {
        size_t count = PROGRESS_SIZE;
        if (!plan_read_line(plan, input, lines, records)) {
            if (PyErr_Occurred() || !plan_forget(lines->found)) {
                return false;
            }
            gc_deferred_track(&plan->values.deferred); /* the objects of this line are garbage */
            bool leading = PyList_GET_SIZE(records) == before;
            const uint8_t *from = s->p > lines->line ? s->p - 1 : s->p; /* `s->p` may be past the LF */
            const uint8_t *end = plan_blank(lines, s->end);
            if (end != NULL) {
                if (!(lines->skips & (leading ? SKIP_LEADING_BLANK : SKIP_BLANK))) {
                    break;
                }
                blank++;
                if (!leading) {
                    lines->line = s->p = end + 1;
                    continue;
                }
            }
            else {
                count = PROGRESS_SKIPPED;
                end = memchr(from, '\n', (size_t)(s->end - from));
                input->malformed &= *lines->line != 0xEF; /* the reference may skip a byte order mark */
                if (!input->malformed || !(lines->skips & SKIP_MALFORMED) || end == NULL) {
                    input->malformed &= blank == 0;
                    return true;
                }
            }
            s->p = end;
        }
        lines->line = ++s->p;
        /* Update at once: a signal handler or finalizer may ask for the position during a later line. */
        progress_set(lines, PROGRESS_NEXT, lines->line - lines->text);
        if (blank) {
            progress_set(lines, PROGRESS_BLANK, progress_get(lines, PROGRESS_BLANK) + blank);
            blank = 0;
        }
        if (count < PROGRESS_SIZE) {
            progress_set(lines, count, progress_get(lines, count) + 1);
        }
    }
    input->malformed = false;
    return true;
}

/* Add the records of lines to the list `records`, from byte `progress[0]` of `text` to byte `stop`. Stop at
 * `most` lines, and at a line for the reference, which may also have no LF or over `longest` bytes before it.
 * Leave four int64 in `progress`: the start of the next line, whether it is malformed (certainly gives no
 * record), and the numbers of malformed and blank lines that were skipped. The function `args[7]`
 * receives the number of unknown rows before their record is added. Hooks add an item to the list `args[8]`
 * for each unknown row that they read. Both may be left out. The caller then calls `track`. */
static PyObject *plan_decode_lines(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    Plan *plan = (Plan *)self;
    if (nargs < 7 || nargs > 9 || !PyBytes_CheckExact(args[0]) || !PyList_CheckExact(args[6]) ||
        (nargs > 8 && !PyList_CheckExact(args[8]))) {
        PyErr_SetString(PyExc_TypeError, "takes bytes, a buffer, four ints, a list, a function and a list");
        return NULL;
    }
    Py_ssize_t stop = PyLong_AsSsize_t(args[2]);
    Lines lines = {.longest = PyLong_AsSsize_t(args[3]),
                   .most = PyLong_AsSsize_t(args[4]),
                   .skips = (int)PyLong_AsLong(args[5]),
                   .note = nargs > 7 ? args[7] : NULL,
                   .found = nargs > 8 ? args[8] : NULL};
    Py_buffer view;
    if (PyErr_Occurred() || PyObject_GetBuffer(args[1], &view, PyBUF_WRITABLE) < 0) {
        return NULL;
    }
    lines.text = (const uint8_t *)PyBytes_AS_STRING(args[0]);
    lines.progress = view.buf;
    int64_t start = view.len == PROGRESS_SIZE * sizeof start ? progress_get(&lines, PROGRESS_NEXT) : -1;
    if (start < 0 || start > stop || stop > PyBytes_GET_SIZE(args[0]) || lines.longest < 0 ||
        lines.most < 0) {
        PyBuffer_Release(&view);
        PyErr_SetString(PyExc_ValueError, "progress, stop, longest or most is out of range");
        return NULL;
    }
    lines.line = lines.text + start;
    Input input = {.s = {lines.line, lines.text + stop, true},
                   .values = &plan->values,
                   .strict = plan->strict};
    bool read = hooks_running || plan_read_lines(plan, &input, &lines, args[6]);
    progress_set(&lines, PROGRESS_MALFORMED, input.malformed);
    PyBuffer_Release(&view);
    return read ? Py_NewRef(Py_None) : NULL;
}

static PyObject *plan_track(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    gc_deferred_track(&((Plan *)self)->values.deferred);
    Py_RETURN_NONE;
}

static PyMethodDef plan_methods[] = {
    {"decode", (PyCFunction)(void (*)(void))plan_decode, METH_FASTCALL, "Read a JSON document."},
    {"decode_lines", (PyCFunction)(void (*)(void))plan_decode_lines, METH_FASTCALL,
     "Read lines and add their records to a list."},
    {"track", plan_track, METH_NOARGS, "GC-track the objects that `decode_lines` made."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef plan_members[] = {
    {"calls_hooks", Py_T_BOOL, offsetof(Plan, calls_hooks), Py_READONLY, "Whether it may call hooks."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot plan_slots[] = {
    {Py_tp_doc, (void *)"Reads one type from bytes. `usagewire.native.plans` makes it."},
    {Py_tp_new, plan_new},
    {Py_tp_dealloc, plan_dealloc},
    {Py_tp_traverse, plan_traverse},
    {Py_tp_methods, plan_methods},
    {Py_tp_members, plan_members},
    {0, NULL},
};

static PyType_Spec plan_spec = {
    .name = "usagewire.native.extension.Plan",
    .basicsize = sizeof(Plan),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = plan_slots,
};
