/* Build a schema from the tuples of `descriptions`, and free it. Part of module.c.
 *
 * Each function names the tuple that it reads. For a tuple that C cannot use it returns false with an
 * exception. The free functions also take a schema that is only half built.
 */
#include <structmember.h>
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
    if (kind->item != NULL) {
        kind_free(kind->item);
        PyMem_Free(kind->item);
        kind->item = NULL;
    }
    if (kind->choice != NULL) {
        str_table_free(&kind->choice->tags);
        str_table_free(&kind->choice->keys);
        PyMem_Free(kind->choice->classes);
        PyMem_Free(kind->choice);
        kind->choice = NULL;
    }
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

/* Fill a union from (tags, indexes of its classes, index of the class for other tags or None, keys of the
 * tag). Each class has a tag, or none has. */
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
        if (n_tags && cls->tag == NULL) {
            PyErr_SetString(PyExc_TypeError, "a class without a tag");
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
    return str_table_fill(&choice->tags, tags) && str_table_fill(&choice->keys, keys);
}

/* Fill a kind from (name, nullable, index of a class, a union, or the kind of the items). */
static bool kind_fill(const Schema *schema, PyObject *spec, Kind *kind)
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
    if (kind->name == KIND_CLASS) {
        kind->cls = schema_class(schema, of);
        return kind->cls != NULL;
    }
    if (kind->name == KIND_UNION) {
        kind->choice = schema_alloc(1, sizeof *kind->choice);
        return kind->choice != NULL && union_fill(schema, of, kind->choice);
    }
    if (kind->name == KIND_LIST || kind->name == KIND_TUPLE) {
        kind->item = schema_alloc(1, sizeof *kind->item);
        return kind->item != NULL && kind_fill(schema, of, kind->item);
    }
    return true;
}

/* Return the offset of the slot that a member descriptor reads in instances of `type`, or -1. */
static Py_ssize_t slot_offset(PyTypeObject *type, PyObject *descriptor)
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

/* Note what reading needs to know of a field. */
static void field_note(const Schema *schema, Class *cls, const Field *field, uint64_t bit)
{
    cls->every |= bit;
    if (field->mode == DEFAULT_NONE) {
        cls->required |= bit;
    }
    else if (field->mode == DEFAULT_VALUE && field->fallback == Py_None) {
        cls->none_default_mask |= bit;
        cls->slot_template[((size_t)field->offset - SLOTS_START) / sizeof(PyObject *)] = Py_None;
    }
    KindName name = field->kind.name;
    PyObject *fallback = field->mode == DEFAULT_NONE ? Py_None : field->fallback;
    bool is_extra = field - cls->fields == cls->extra;
    bool is_changeable = PyDict_Check(fallback) && fallback != schema->no_extra;
    if (name == KIND_CLASS || name == KIND_UNION || name == KIND_TUPLE) {
        cls->records |= bit;
    }
    else if (is_extra ? is_changeable : name > KIND_MONEY_NUMBER || PyObject_IS_GC(fallback)) {
        cls->atomic = false;
    }
    if (field->mode == DEFAULT_FACTORY) {
        cls->atomic = false; /* a factory's object may one day hold the record */
    }
}

/* Fill a field from (descriptor, kind, mode, default or factory, key prefix or None). */
static bool field_fill(const Schema *schema, PyObject *spec, Class *cls)
{
    PyObject *descriptor, *kind, *fallback, *prefix;
    int mode;
    Field *field = &cls->fields[cls->n_fields];
    if (!PyArg_ParseTuple(spec, "OOiOO", &descriptor, &kind, &mode, &fallback, &prefix)) {
        return false;
    }
    field->offset = slot_offset(cls->type, descriptor);
    if (field->offset < 0) {
        return false;
    }
    uint64_t bit = UINT64_C(1) << cls->n_fields++;
    field->mode = (DefaultMode)mode;
    field->fallback = field->mode == DEFAULT_NONE ? NULL : Py_NewRef(fallback);
    if (prefix != Py_None) {
        char *text;
        Py_ssize_t size;
        if (PyBytes_AsStringAndSize(prefix, &text, &size) < 0) {
            return false;
        }
        field->key_prefix_size = (size_t)size;
        field->key_prefix = schema_alloc(field->key_prefix_size / KEY_PREFIX_STEP + 2, KEY_PREFIX_STEP);
        if (field->key_prefix == NULL) {
            return false;
        }
        memcpy(field->key_prefix, text, field->key_prefix_size);
        cls->n_keyed = cls->n_fields;
    }
    if (!kind_fill(schema, kind, &field->kind)) {
        return false;
    }
    field_note(schema, cls, field, bit);
    return true;
}

/* Take the index of the field for the key at `index`. */
static bool key_fill(Class *cls, int index, PyObject *field)
{
    Key *key = &cls->keys[index];
    const StrEntry *entry = &cls->names.entries[index];
    size_t size = entry->length + 4;
    key->size = (uint32_t)size;
    if (size <= KEY_BYTES) {
        memcpy(key->quoted, ",\"", 2);
        memcpy(key->quoted + 2, entry->utf8, entry->length);
        memcpy(key->quoted + 2 + entry->length, "\":", 2);
        key->mask = UINT32_MAX >> (KEY_BYTES - size);
    }
    long at = PyLong_AsLong(field);
    if (at == -1 && PyErr_Occurred()) {
        return false;
    }
    if (at < KEY_FALLBACK || at >= cls->n_fields) {
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

/* Whether instances are a header and slots, allocated and freed in the usual way. */
static bool class_is_slots(PyTypeObject *type)
{
    return !type->tp_itemsize && !type->tp_dictoffset && PyType_IS_GC(type) &&
           type->tp_alloc == PyType_GenericAlloc && type->tp_finalize == NULL && type->tp_del == NULL;
}

/* Fill a class from a `ClassDescription`. */
static bool class_fill(const Schema *schema, PyObject *spec, Class *cls)
{
    PyObject *type, *fields, *names, *indexes, *tags, *known_tags;
    int keep_extra, ignore_extra, frozen;
    if (!PyArg_ParseTuple(spec, "O!O!O!O!O!ipppiO!SO", &PyType_Type, &type, &PyTuple_Type, &fields,
                          &PyTuple_Type, &names, &PyTuple_Type, &indexes, &PyTuple_Type, &tags, &cls->extra,
                          &keep_extra, &ignore_extra, &frozen, &cls->tag_field, &PyFrozenSet_Type,
                          &known_tags, &cls->head, &cls->reserved)) {
        cls->head = cls->reserved = NULL;
        return false;
    }
    cls->type = (PyTypeObject *)Py_NewRef(type);
    Py_INCREF(cls->head);
    Py_INCREF(cls->reserved);
    cls->known_tags = Py_NewRef(known_tags);
    cls->keep_extra = keep_extra && cls->extra >= 0;
    cls->ignore_extra = ignore_extra != 0;
    cls->frozen = frozen != 0;
    cls->atomic = true;
    Py_ssize_t n = PyTuple_GET_SIZE(fields), n_keys = PyTuple_GET_SIZE(names);
    if (n > FIELDS_MAX || cls->tag_field >= n || cls->extra >= n || PyTuple_GET_SIZE(indexes) != n_keys ||
        !class_is_slots(cls->type)) {
        PyErr_SetString(PyExc_TypeError, "not a class with slots only");
        return false;
    }
    cls->slots_size = (size_t)cls->type->tp_basicsize - SLOTS_START;
    cls->slot_template = schema_alloc(1, cls->slots_size + 1);
    cls->fields = schema_alloc((size_t)n + 1, sizeof *cls->fields);
    cls->keys = schema_alloc((size_t)n_keys + 1, sizeof *cls->keys);
    if (cls->slot_template == NULL || cls->fields == NULL || cls->keys == NULL) {
        return false;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        if (!field_fill(schema, PyTuple_GET_ITEM(fields, i), cls)) {
            return false;
        }
    }
    if (!str_table_fill(&cls->names, names) || !str_table_fill(&cls->tags, tags)) {
        return false;
    }
    for (int i = 0; i < cls->names.n; i++) {
        if (!key_fill(cls, i, PyTuple_GET_ITEM(indexes, i))) {
            return false;
        }
    }
    int tag = str_table_find(&cls->names, (const uint8_t *)"object", 6);
    cls->tag = tag < 0 ? NULL : &cls->keys[tag];
    return true;
}

static void class_free(Class *cls)
{
    for (int i = 0; i < cls->n_fields; i++) {
        kind_free(&cls->fields[i].kind);
        Py_CLEAR(cls->fields[i].fallback);
        PyMem_Free(cls->fields[i].key_prefix);
    }
    str_table_free(&cls->names);
    str_table_free(&cls->tags);
    PyMem_Free(cls->slot_template);
    PyMem_Free(cls->fields);
    PyMem_Free(cls->keys);
    Py_CLEAR(cls->known_tags);
    Py_CLEAR(cls->head);
    Py_CLEAR(cls->reserved);
    Py_CLEAR(cls->type);
    PyMem_Free(cls);
}

/* Add a class, which may refer to earlier ones. */
static bool schema_add(Schema *schema, PyObject *spec)
{
    size_t n = (size_t)schema->n_classes;
    Class **classes = PyMem_Realloc(schema->classes, (n + 1) * sizeof *classes);
    if (classes == NULL) {
        PyErr_NoMemory();
        return false;
    }
    schema->classes = classes;
    Class *cls = schema_alloc(1, sizeof *cls);
    if (cls == NULL) {
        return false;
    }
    if (!class_fill(schema, spec, cls)) {
        class_free(cls);
        return false;
    }
    schema->classes[schema->n_classes++] = cls;
    return true;
}

static int schema_visit(const Schema *schema, visitproc visit, void *arg)
{
    for (Py_ssize_t i = 0; i < schema->n_classes; i++) {
        const Class *cls = schema->classes[i];
        Py_VISIT(cls->type);
        for (int k = 0; k < cls->n_fields; k++) {
            Py_VISIT(cls->fields[k].fallback);
        }
    }
    return 0;
}

static void schema_free(Schema *schema)
{
    for (Py_ssize_t i = 0; i < schema->n_classes; i++) {
        class_free(schema->classes[i]);
    }
    PyMem_Free(schema->classes);
}

enum { REFERENCE_SIZE = sizeof(Reference) / sizeof(PyObject *) };

/* Take the functions from a `descriptions.Reference`. */
static bool reference_fill(Reference *reference, PyObject *spec)
{
    if (!PyTuple_Check(spec) || PyTuple_GET_SIZE(spec) != REFERENCE_SIZE ||
        !PyType_Check(PyTuple_GET_ITEM(spec, offsetof(Reference, decimal) / sizeof(PyObject *)))) {
        PyErr_SetString(PyExc_TypeError, "not the functions of the reference");
        return false;
    }
    for (Py_ssize_t i = 0; i < REFERENCE_SIZE; i++) {
        reference->all[i] = Py_NewRef(PyTuple_GET_ITEM(spec, i));
    }
    return true;
}

static int reference_visit(const Reference *reference, visitproc visit, void *arg)
{
    for (Py_ssize_t i = 0; i < REFERENCE_SIZE; i++) {
        Py_VISIT(reference->all[i]);
    }
    return 0;
}

static void reference_clear(Reference *reference)
{
    for (Py_ssize_t i = 0; i < REFERENCE_SIZE; i++) {
        Py_CLEAR(reference->all[i]);
    }
}
