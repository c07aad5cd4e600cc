/* Build kinds from the tuples of `descriptions`, and free them. Part of module.c.
 *
 * Each function names the tuple that it reads. For a tuple that C cannot use it returns false with an
 * exception. The free functions also take a kind that is only half built.
 */
#include "common/schema.h"

/* Return zeroed memory, or NULL with a MemoryError. */
static void *schema_alloc(size_t n, size_t size)
{
    void *memory = PyMem_Calloc(n, size);
    return memory != NULL ? memory : PyErr_NoMemory();
}

/* Fill a table from a tuple of str. */
static bool str_table_fill(StrTable *table, PyObject *texts)
{
    Py_ssize_t n = PyTuple_GET_SIZE(texts);
    size_t size = 8;
    while (size < 4 * (size_t)n) {
        size *= 2;
    }
    table->entries = schema_alloc((size_t)n + 1, sizeof *table->entries);
    table->slots = schema_alloc(size, sizeof *table->slots);
    if (table->entries == NULL || table->slots == NULL) {
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
        table->entries[table->n] = (StrEntry){Py_NewRef(text), utf8, (size_t)length};
        size_t at = intern_hash((const uint8_t *)utf8, (size_t)length) & table->mask;
        while (table->slots[at] >= 0) {
            at = (at + 1) & table->mask;
        }
        table->slots[at] = table->n++;
    }
    return true;
}

static void str_table_free(StrTable *table)
{
    for (int i = 0; i < table->n; i++) {
        Py_CLEAR(table->entries[i].name);
    }
    PyMem_Free(table->entries);
    PyMem_Free(table->slots);
}

static void kind_free(Kind *kind)
{
    for (Py_ssize_t i = 0; i < kind->n_items; i++) {
        kind_free(&kind->items[i]);
    }
    PyMem_Free(kind->items);
    if (kind->choice != NULL) {
        str_table_free(&kind->choice->tags);
        str_table_free(&kind->choice->keys);
        PyMem_Free(kind->choice->classes);
        PyMem_Free(kind->choice);
    }
    if (kind->choices != NULL) {
        str_table_free(&kind->choices->texts);
        Py_CLEAR(kind->choices->objects);
        Py_CLEAR(kind->choices->others);
        PyMem_Free(kind->choices->by_address);
        PyMem_Free(kind->choices);
    }
    Py_CLEAR(kind->make);
    Py_CLEAR(kind->hook);
    Py_CLEAR(kind->type);
    *kind = (Kind){0};
}

static int kind_visit(const Kind *kind, visitproc visit, void *arg)
{
    for (Py_ssize_t i = 0; i < kind->n_items; i++) {
        int stopped = kind_visit(&kind->items[i], visit, arg);
        if (stopped) {
            return stopped;
        }
    }
    if (kind->choices != NULL) {
        Py_VISIT(kind->choices->objects);
        Py_VISIT(kind->choices->others);
    }
    Py_VISIT(kind->make);
    Py_VISIT(kind->hook);
    Py_VISIT(kind->type);
    return 0;
}

/* Return the class at an index, or NULL with an exception. */
static Class *schema_class(const Schema *schema, PyObject *index)
{
    Py_ssize_t at = PyLong_AsSsize_t(index);
    if (at < 0 || at >= schema->n_classes) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_IndexError, "no such class");
        }
        return NULL;
    }
    return schema->classes[at];
}

/* Return a new reference to an object, or NULL for None. */
static PyObject *schema_optional(PyObject *object)
{
    return object == Py_None ? NULL : Py_NewRef(object);
}

/* Fill a union from (tags, indexes of its classes, index of the class for other tags or None, keys of the
 * tag). There is one tag for each class, or none. */
static bool union_fill(const Schema *schema, PyObject *spec, Union *choice)
{
    PyObject *tags, *indexes, *others, *keys;
    if (!PyArg_ParseTuple(spec, "O!O!OO!", &PyTuple_Type, &tags, &PyTuple_Type, &indexes, &others,
                          &PyTuple_Type, &keys)) {
        return false;
    }
    Py_ssize_t n = PyTuple_GET_SIZE(indexes), n_tags = PyTuple_GET_SIZE(tags);
    choice->classes = schema_alloc((size_t)n + 1, sizeof *choice->classes);
    if (choice->classes == NULL) {
        return false;
    }
    for (; choice->n_classes < n; choice->n_classes++) {
        Class *cls = schema_class(schema, PyTuple_GET_ITEM(indexes, choice->n_classes));
        if (cls == NULL) {
            return false;
        }
        choice->classes[choice->n_classes] = cls;
    }
    if (n_tags && n_tags != n) {
        PyErr_SetString(PyExc_TypeError, "not one tag for each class");
        return false;
    }
    if (others != Py_None) {
        choice->others = schema_class(schema, others);
        if (choice->others == NULL) {
            return false;
        }
    }
    if (!n_tags && PyTuple_GET_SIZE(keys) && PyTuple_GET_SIZE(keys) != n) {
        PyErr_SetString(PyExc_TypeError, "not one key for each class");
        return false;
    }
    if (!str_table_fill(&choice->tags, tags) || !str_table_fill(&choice->keys, keys)) {
        return false;
    }
    choice->by_object = n_tags && str_table_find(&choice->keys, (const uint8_t *)"object", 6) == 0;
    return true;
}

/* Fill the hash table of objects by their address. */
static bool choices_index(Choices *choices)
{
    Py_ssize_t n = PyTuple_GET_SIZE(choices->objects);
    size_t size = 8;
    while (size < 2 * (size_t)n) {
        size *= 2;
    }
    choices->by_address = schema_alloc(size, sizeof *choices->by_address);
    if (choices->by_address == NULL) {
        return false;
    }
    choices->address_mask = size - 1;
    for (size_t i = 0; i < size; i++) {
        choices->by_address[i] = -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        size_t at = address_hash(PyTuple_GET_ITEM(choices->objects, i)) & choices->address_mask;
        while (choices->by_address[at] >= 0) {
            at = (at + 1) & choices->address_mask;
        }
        choices->by_address[at] = (int)i;
    }
    return true;
}

/* Fill choices from a `descriptions.ChoiceDescription`. */
static bool choices_fill(PyObject *spec, Choices *choices)
{
    PyObject *texts, *objects, *others;
    if (!PyArg_ParseTuple(spec, "O!O!O!", &PyTuple_Type, &texts, &PyTuple_Type, &objects, &PyDict_Type,
                          &others)) {
        return false;
    }
    if (PyTuple_GET_SIZE(texts) != PyTuple_GET_SIZE(objects)) {
        PyErr_SetString(PyExc_TypeError, "not one value for each string");
        return false;
    }
    choices->objects = Py_NewRef(objects);
    choices->others = Py_NewRef(others);
    return str_table_fill(&choices->texts, texts) && choices_index(choices);
}

static bool kind_fill(const Schema *schema, PyObject *spec, Kind *kind);

/* Fill the kinds of items from a tuple. None leaves a kind that nothing reads or writes. */
static bool kind_fill_items(const Schema *schema, PyObject *specs, Kind *kind)
{
    Py_ssize_t types = kind->name == KIND_JSON_TYPES ? JSON_TYPES : 1;
    if (kind->name == KIND_TYPES) {
        types = PyTuple_Check(kind->type) ? PyTuple_GET_SIZE(kind->type) : -1;
    }
    if (!PyTuple_Check(specs) || (kind->name != KIND_ITEMS && PyTuple_GET_SIZE(specs) != types)) {
        PyErr_SetString(PyExc_TypeError, "not the kinds of the items");
        return false;
    }
    Py_ssize_t n = PyTuple_GET_SIZE(specs);
    kind->items = schema_alloc((size_t)n + 1, sizeof *kind->items);
    if (kind->items == NULL) {
        return false;
    }
    for (; kind->n_items < n; kind->n_items++) {
        PyObject *spec = PyTuple_GET_ITEM(specs, kind->n_items);
        Kind *item = &kind->items[kind->n_items];
        item->name = KIND_COUNT;
        if (spec != Py_None && !kind_fill(schema, spec, item)) {
            kind_free(item);
            return false;
        }
    }
    return true;
}

/* Fill a kind from a `descriptions.Kind`. */
static bool kind_fill(const Schema *schema, PyObject *spec, Kind *kind)
{
    int name, nullable;
    PyObject *of, *make, *hook, *type;
    if (!PyArg_ParseTuple(spec, "ipOOOO", &name, &nullable, &of, &make, &hook, &type)) {
        return false;
    }
    if (name < 0 || name >= KIND_COUNT) {
        PyErr_SetString(PyExc_ValueError, "no such kind");
        return false;
    }
    kind->name = (KindName)name;
    kind->nullable = nullable != 0;
    kind->make = schema_optional(make);
    kind->hook = schema_optional(hook);
    kind->type = Py_NewRef(type);
    if (kind->name == KIND_CLASS) {
        kind->cls = schema_class(schema, of);
        return kind->cls != NULL;
    }
    if (kind->name == KIND_UNION) {
        kind->choice = schema_alloc(1, sizeof *kind->choice);
        return kind->choice != NULL && union_fill(schema, of, kind->choice);
    }
    if (kind->name == KIND_CHOICE) {
        kind->choices = schema_alloc(1, sizeof *kind->choices);
        return kind->choices != NULL && choices_fill(of, kind->choices);
    }
    return kind->name < KIND_LIST || kind->name > KIND_TYPES || kind_fill_items(schema, of, kind);
}
