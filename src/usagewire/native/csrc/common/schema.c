/* Build a schema from the tuples of `descriptions`, and free it. Part of module.c.
 *
 * Each function names the tuple that it reads. For a tuple that C cannot use it returns false with an
 * exception. The free functions also take a schema that is only half built.
 */
#include "common/schema.h"

#if PY_VERSION_HEX < 0x030C0000
#include <structmember.h>
#define Py_T_OBJECT_EX T_OBJECT_EX
#define Py_T_BOOL T_BOOL
#define Py_READONLY READONLY
#endif

/* Return the offset of the slot that a member descriptor reads in instances of `type`, or -1. */
static Py_ssize_t slot_offset(PyTypeObject *type, PyObject *descriptor)
{
    if (!Py_IS_TYPE(descriptor, &PyMemberDescr_Type) || !PyType_IsSubtype(type, PyDescr_TYPE(descriptor))) {
        PyErr_SetString(PyExc_TypeError, "not a slot");
        return -1;
    }
    PyMemberDef *member = ((PyMemberDescrObject *)descriptor)->d_member;
    if (member->type != Py_T_OBJECT_EX) {
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
    else if (is_extra ? is_changeable
                      : (name > KIND_MONEY_NUMBER && !kind_is_text(name)) || PyObject_IS_GC(fallback)) {
        cls->atomic = false;
    }
    if (field->mode == DEFAULT_FACTORY) {
        cls->atomic = false; /* a factory's object may one day hold the record */
    }
}

/* Fill a field from a `descriptions.FieldDescription`. */
static bool field_fill(const Schema *schema, PyObject *spec, Class *cls)
{
    PyObject *descriptor, *kind, *fallback, *prefix, *name, *convert;
    int mode;
    Field *field = &cls->fields[cls->n_fields];
    if (!PyArg_ParseTuple(spec, "OOiOOUO", &descriptor, &kind, &mode, &fallback, &prefix, &name, &convert)) {
        return false;
    }
    field->offset = cls->is_slots ? slot_offset(cls->type, descriptor)
                                  : (Py_ssize_t)sizeof(PyObject *) * cls->n_fields;
    if (field->offset < 0) {
        return false;
    }
    uint64_t bit = cls->n_fields < FIELDS_MAX ? UINT64_C(1) << cls->n_fields : 0;
    cls->n_fields++;
    field->mode = (DefaultMode)mode;
    field->fallback = field->mode == DEFAULT_NONE ? NULL : Py_NewRef(fallback);
    Py_INCREF(name);
    PyUnicode_InternInPlace(&name); /* CPython compares the names of arguments by their address first */
    field->name = name;
    field->convert = schema_optional(convert);
    cls->converts |= field->convert != NULL;
    cls->atomic &= field->convert == NULL; /* a converter can return anything */
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
    if (cls->is_slots) {
        field_note(schema, cls, field, bit);
    }
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
        key->bit = at < FIELDS_MAX ? UINT64_C(1) << at : 0;
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
    PyObject *type, *fields, *names, *indexes, *tags, *known_tags, *head, *reserved;
    PyObject *make, *init, *finish, *check;
    int keep_extra, ignore_extra, frozen, is_slots;
    if (!PyArg_ParseTuple(spec, "O!O!O!O!O!ipppiO!SOpOOOO", &PyType_Type, &type, &PyTuple_Type, &fields,
                          &PyTuple_Type, &names, &PyTuple_Type, &indexes, &PyTuple_Type, &tags, &cls->extra,
                          &keep_extra, &ignore_extra, &frozen, &cls->tag_field, &PyFrozenSet_Type,
                          &known_tags, &head, &reserved, &is_slots, &make, &init, &finish, &check)) {
        return false;
    }
    cls->type = (PyTypeObject *)Py_NewRef(type);
    cls->head = Py_NewRef(head);
    cls->reserved = Py_NewRef(reserved);
    cls->known_tags = Py_NewRef(known_tags);
    cls->make = Py_NewRef(make);
    cls->init = schema_optional(init);
    cls->finish = schema_optional(finish);
    cls->check = schema_optional(check);
    cls->keep_extra = keep_extra && cls->extra >= 0;
    cls->ignore_extra = ignore_extra != 0;
    cls->frozen = frozen != 0;
    cls->atomic = cls->finish == NULL;
    Py_ssize_t n = PyTuple_GET_SIZE(fields), n_keys = PyTuple_GET_SIZE(names);
    if (n > INT_MAX / 2 || cls->tag_field >= n || cls->extra >= n || PyTuple_GET_SIZE(indexes) != n_keys) {
        PyErr_SetString(PyExc_TypeError, "not a class");
        return false;
    }
    cls->is_slots = is_slots && (make == Py_None || (n <= FIELDS_MAX && class_is_slots(cls->type)));
    cls->slots_size = cls->is_slots ? (size_t)cls->type->tp_basicsize - SLOTS_START : 0;
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
    cls->tag = tag < 0 || cls->keys[tag].field != KEY_TAG ? NULL : &cls->keys[tag];
    return true;
}

static void class_free(Class *cls)
{
    for (int i = 0; i < cls->n_fields; i++) {
        kind_free(&cls->fields[i].kind);
        Py_CLEAR(cls->fields[i].fallback);
        Py_CLEAR(cls->fields[i].name);
        Py_CLEAR(cls->fields[i].convert);
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
    Py_CLEAR(cls->make);
    Py_CLEAR(cls->init);
    Py_CLEAR(cls->finish);
    Py_CLEAR(cls->check);
    Py_CLEAR(cls->call_names);
    Py_CLEAR(cls->type);
    PyMem_Free(cls);
}

static void schema_free(Schema *schema)
{
    for (Py_ssize_t i = 0; i < schema->n_classes; i++) {
        class_free(schema->classes[i]);
    }
    PyMem_Free(schema->classes);
}

/* Add classes, which refer to each other by their index in `specs`. Other code never sees some of them
 * without the others, even if an error starts the collector. */
static bool schema_add(Schema *schema, PyObject *specs)
{
    Py_ssize_t n = PyTuple_GET_SIZE(specs);
    Schema added = {schema_alloc((size_t)n + 1, sizeof *added.classes), 0, schema->no_extra};
    bool filled = added.classes != NULL;
    while (filled && added.n_classes < n) {
        Class *cls = schema_alloc(1, sizeof *cls);
        filled = cls != NULL;
        if (filled) {
            added.classes[added.n_classes++] = cls;
        }
    }
    for (Py_ssize_t i = 0; filled && i < n; i++) {
        filled = class_fill(&added, PyTuple_GET_ITEM(specs, i), added.classes[i]);
    }
    Class **classes = NULL;
    if (filled) {
        size_t size = (size_t)(schema->n_classes + n + 1) * sizeof *classes;
        classes = PyMem_Realloc(schema->classes, size);
    }
    if (classes == NULL) {
        if (filled) {
            PyErr_NoMemory();
        }
        schema_free(&added);
        return false;
    }
    memcpy(classes + schema->n_classes, added.classes, (size_t)n * sizeof *classes);
    schema->classes = classes;
    schema->n_classes += n;
    PyMem_Free(added.classes);
    return true;
}

static int class_visit(const Class *cls, visitproc visit, void *arg)
{
    Py_VISIT(cls->type);
    Py_VISIT(cls->make);
    Py_VISIT(cls->init);
    Py_VISIT(cls->finish);
    Py_VISIT(cls->check);
    for (int k = 0; k < cls->n_fields; k++) {
        Py_VISIT(cls->fields[k].fallback);
        Py_VISIT(cls->fields[k].convert);
        int stopped = kind_visit(&cls->fields[k].kind, visit, arg);
        if (stopped) {
            return stopped;
        }
    }
    return 0;
}

static int schema_visit(const Schema *schema, visitproc visit, void *arg)
{
    for (Py_ssize_t i = 0; i < schema->n_classes; i++) {
        int stopped = class_visit(schema->classes[i], visit, arg);
        if (stopped) {
            return stopped;
        }
    }
    return 0;
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
