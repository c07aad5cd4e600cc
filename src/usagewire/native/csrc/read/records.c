/* Records: make instances of classes from JSON objects, and fill their slots directly. Part of module.c.
 *
 * An instance is not GC-tracked before it is complete. Until then, Python code cannot reach it. As in
 * values.c, NULL without an exception hands the line back to the reference.
 *
 * The type limits how deep these functions call each other, and RECORD_DEPTH for recursive types.
 */
#include "common/schema.h"

static PyObject *record_value(Input *r, const Kind *kind);
static PyObject *record_made(Input *r, Class *cls, Key *tag);

enum { RECORD_DEPTH = 50 }; /* deepest record that C reads; the reference's limit is higher */

/* Drop a record that owns only the fields of `filled`, and `extra`. */
static void record_drop(PyObject *record, const Class *cls, uint64_t filled, PyObject *extra)
{
    PyObject *owned[FIELDS_MAX];
    for (int i = 0; i < cls->n_fields; i++) {
        owned[i] = filled >> i & 1 ? *record_slot(record, cls->fields[i].offset) : NULL;
    }
    memset(record_slot(record, (Py_ssize_t)SLOTS_START), 0, cls->slots_size);
    for (int i = 0; i < cls->n_fields; i++) {
        Py_XDECREF(owned[i]);
    }
    Py_XDECREF(extra);
    Py_DECREF(record);
}

/* Take a reference to None for each bit. */
static inline void record_own_nones(uint64_t nones)
{
#if PY_VERSION_HEX >= 0x030C0000
    (void)nones; /* None is immortal */
#elif defined(Py_REF_DEBUG)
    for (; nones; nones &= nones - 1) {
        Py_INCREF(Py_None); /* also counts it in the total of references */
    }
#else
    Py_SET_REFCNT(Py_None, Py_REFCNT(Py_None) + (Py_ssize_t)count_bits(nones));
#endif
}

/* Defer the GC tracking of a complete object. */
static inline void record_defer(Input *r, PyObject *object)
{
    r->n_deferred++;
    gc_deferred_add(&r->values->deferred, object);
}

/* Finish a complete record. Its GC tracking is deferred, unless it cannot be in a cycle. `within` is whether
 * the record holds a deferred object. */
static inline PyObject *record_done(Input *r, PyObject *record, const Class *cls, PyObject *extra,
                                    bool within)
{
    bool tracked = within || extra != NULL || !cls->atomic || !cls->frozen;
    for (uint64_t rest = tracked ? 0 : cls->records; rest; rest &= rest - 1) {
        PyObject *inner = *record_slot(record, cls->fields[lowest_bit(rest)].offset);
        tracked |= PyObject_GC_IsTracked(inner) != 0;
    }
    if (extra != NULL && PyObject_GC_IsTracked(extra)) {
        PyObject_GC_UnTrack(extra);
        record_defer(r, extra);
    }
    if (tracked) {
        record_defer(r, record);
    }
    return record;
}

/* Set the fields of `absent` to their defaults and add them to `filled`. Return false if a factory fails. */
static bool record_own_defaults(PyObject *record, const Class *cls, uint64_t absent, uint64_t *filled)
{
    for (; absent; absent &= absent - 1) {
        const Field *field = &cls->fields[lowest_bit(absent)];
        PyObject *value = Py_NewRef(field->fallback);
        if (field->mode == DEFAULT_FACTORY) {
            Py_SETREF(value, PyObject_CallNoArgs(value));
        }
        if (value == NULL) {
            return value_hand_back();
        }
        *record_slot(record, field->offset) = value;
        *filled |= absent & (~absent + 1);
    }
    return true;
}

typedef enum { NEXT_KEY, NEXT_UNKNOWN, NEXT_END, NEXT_FALLBACK } Next;

/* Read the next key after a wrong guess: skip a key and its colon, or the closing brace. */
static Next record_next(Input *r, const Class *cls, bool first, Text *text, Key **key)
{
    Scan *s = &r->s;
    if (scan_char(s, '}')) {
        return NEXT_END;
    }
    if ((!first && !scan_char(s, ',')) || !scan_char(s, '"') || !scan_string(s, text) || !scan_char(s, ':')) {
        value_malformed(r);
        return NEXT_FALLBACK;
    }
    if (text->escaped) {
        return NEXT_FALLBACK;
    }
    int index = str_table_find(&cls->names, text->text, text->length);
    if (index < 0) {
        scan_space(s);
        return NEXT_UNKNOWN;
    }
    *key = &cls->keys[index];
    return NEXT_KEY;
}

/* Read the value of an unknown key. Add it to `*extra` if the class keeps unknown keys. */
static bool record_unknown(Input *r, const Class *cls, const Text *text, PyObject **extra)
{
    if (!cls->keep_extra && !cls->ignore_extra) {
        return false;
    }
    PyObject *name = value_text(r, text); /* dropped keys have to be UTF-8, too */
    if (name == NULL) {
        return false;
    }
    if (!cls->keep_extra) {
        PyObject *passed = value_any(r, NULL);
        Py_XDECREF(passed);
        Py_DECREF(name);
        return passed != NULL;
    }
    PyObject *value = value_any(r, r->values->reference.read_extra);
    bool kept = value != NULL && (*extra != NULL || (*extra = PyDict_New()) != NULL) &&
                PyDict_SetItem(*extra, name, value) == 0;
    Py_XDECREF(value);
    Py_DECREF(name);
    return kept;
}

/* Read the value of a tag key. Return false if it is not one of the class's tags. */
static inline bool record_tag(Input *r, const Class *cls)
{
    Text text;
    return scan_char(&r->s, '"') && scan_string(&r->s, &text) && !text.escaped &&
           str_table_find(&cls->tags, text.text, text.length) >= 0;
}

/* The state of an object, besides its slots. */
typedef struct {
    uint64_t filled; /* a bit for each field that was read */
    uint64_t wrong;  /* and for each whose value has a wrong type, after which reading goes on */
    bool root;       /* whether the object is a whole line */
    PyObject *extra; /* the unknown keys to keep, or NULL */
    bool tagged;
} Found;

/* Skip a value that could not be read, and return whether reading can go on. It can if the object is a whole
 * line and reading is strict. The object is then certainly rejected, unless the same key comes again. */
static bool record_wrong(Input *r, const Key *key, const uint8_t *start, Found *found)
{
    if (!found->root || !r->strict || r->malformed || key->kind.name > KIND_ANY || PyErr_Occurred()) {
        return false;
    }
    r->s.p = start;
    found->wrong |= key->bit;
    return scan_value(&r->s);
}

/* Read the value of a field into its slot. */
static inline bool record_field(Input *r, PyObject *record, const Key *key, Found *found)
{
    PyObject *value;
    int64_t number;
    const uint8_t *start = r->s.p;
    if (((found->filled | found->wrong) & key->bit) || (key->bit == 0 && *record_slot(record, key->offset))) {
        return false; /* a second time: the reference decides which one counts */
    }
    if (key->kind.name == KIND_INT && scan_short_integer(&r->s, &number)) {
        value = intern_number(&r->values->intern, number);
    }
    else if (key->kind.name == KIND_STR && r->s.p < r->s.end && *r->s.p == '"') {
        const uint8_t *text = r->s.p + 1, *end = scan_simple(text, r->s.end);
        if (end < r->s.end && *end == '"') {
            value = intern_text(&r->values->intern, text, (size_t)(end - text));
            r->s.p = end + 1;
        }
        else {
            value = value_str(r);
        }
    }
    else {
        scan_space(&r->s);
        value = record_value(r, &key->kind);
    }
    if (value == NULL) {
        return record_wrong(r, key, start, found);
    }
    *record_slot(record, key->offset) = value;
    found->filled |= key->bit;
    return true;
}

/* Read the members of an object up to its closing brace. The caller has read the opening brace and, unless
 * `tag` is NULL, that key and its value. */
static bool record_members(Input *r, Class *cls, Key *tag, PyObject *record, Found *found)
{
    Scan *s = &r->s;
    bool first = tag == NULL;
    Key **guess = first ? &cls->first : &tag->next;
    for (;; first = false) {
        Key *key = *guess;
        if (key_is_next(key, s->p, s->end, first)) {
            s->p += key->size - first;
        }
        else {
            Text text;
            switch (record_next(r, cls, first, &text, &key)) {
            case NEXT_END:
                r->malformed |= found->wrong != 0;
                return found->wrong == 0;
            case NEXT_FALLBACK:
                return false;
            case NEXT_UNKNOWN:
                if (!record_unknown(r, cls, &text, &found->extra)) {
                    return false;
                }
                continue;
            case NEXT_KEY:
                *guess = key;
            }
        }
        guess = &key->next;
        if (key->field >= 0) {
            if (!record_field(r, record, key, found)) {
                return false;
            }
        }
        else if (key->field == KEY_FALLBACK || found->tagged || !record_tag(r, cls)) {
            return false;
        }
        else {
            found->tagged = true;
        }
    }
}

/* Whether an unknown row is one: its tag is not that of a known class. */
static inline bool record_is_unknown(Input *r, const Class *cls, PyObject *tag)
{
    if (PySet_Contains(cls->known_tags, tag) != 0) {
        return false;
    }
    r->n_unknown++;
    return true;
}

/* Replace values by those that their attrs converters return. The record owns all its slots. */
static bool record_convert(Input *r, PyObject *record, const Class *cls)
{
    for (int i = 0; i < cls->n_fields; i++) {
        const Field *field = &cls->fields[i];
        if (field->convert != NULL) {
            PyObject **slot = record_slot(record, field->offset);
            PyObject *value = value_called(r, field->convert, slot, 1, NULL);
            if (value == NULL) {
                return false;
            }
            Py_SETREF(*slot, value);
        }
    }
    return true;
}

/* Run what attrs runs after the slots are filled. From here on, Python code can reach the record. */
static PyObject *record_finish(Input *r, PyObject *record, const Class *cls)
{
    PyObject *done = value_called(r, cls->finish, &record, 1, NULL);
    if (done == NULL) {
        Py_CLEAR(record);
    }
    Py_XDECREF(done);
    return record;
}

/* Read the rest of an object of class `cls`, as record_members does. */
static PyObject *record_object(Input *r, Class *cls, Key *tag)
{
    if (!cls->is_slots) {
        return record_made(r, cls, tag);
    }
    PyObject *record = (PyObject *)PyObject_GC_New(PyObject, cls->type);
    if (record == NULL) {
        return NULL;
    }
    /* The record does not own the None in these slots yet. */
    memcpy(record_slot(record, (Py_ssize_t)SLOTS_START), cls->slot_template, cls->slots_size);
    Found found = {.root = r->root, .tagged = tag != NULL};
    const size_t n_deferred = r->n_deferred;
    r->root = false;
    if (!record_members(r, cls, tag, record, &found)) {
        goto hand_back;
    }
    if ((found.filled & cls->required) != cls->required) {
        r->malformed |= found.root;
        goto hand_back;
    }
    if (cls->tag_field >= 0 &&
        !record_is_unknown(r, cls, *record_slot(record, cls->fields[cls->tag_field].offset))) {
        goto hand_back;
    }
    PyObject *extra = found.extra;
    if (extra != NULL) {
        *record_slot(record, cls->fields[cls->extra].offset) = extra;
        found.filled |= UINT64_C(1) << cls->extra;
        found.extra = NULL;
    }
    uint64_t absent = cls->every & ~found.filled, others = absent & ~cls->none_default_mask;
    if (others && !record_own_defaults(record, cls, others, &found.filled)) {
        goto hand_back;
    }
    record_own_nones(absent & cls->none_default_mask);
    found.filled = cls->every;
    if (cls->converts && !record_convert(r, record, cls)) {
        goto hand_back;
    }
    record = record_done(r, record, cls, extra, r->n_deferred > n_deferred);
    return cls->finish == NULL ? record : record_finish(r, record, cls);

hand_back:
    record_drop(record, cls, found.filled, found.extra);
    return NULL;
}

/* Find the first of the union's keys that an object has, after its opening brace, without moving `r`. Return
 * its index, and its value if the union has tags. Return -1 if there is none, or `*other` for the reference. */
static int record_find_key(const Input *r, const Union *choice, Text *tag, bool *other)
{
    Input ahead = *r;
    Scan *s = &ahead.s;
    int best = choice->keys.n;
    *other = true;
    do {
        Text key, value;
        scan_space(s);
        if (s->p == s->end || *s->p++ != '"' || !scan_string(s, &key) || key.escaped || !scan_char(s, ':')) {
            return -1;
        }
        int i = str_table_find(&choice->keys, key.text, key.length);
        scan_space(s);
        bool is_better = i >= 0 && i < best;
        if (!is_better || !choice->tags.n) {
            if (!scan_value(s)) {
                return -1;
            }
        }
        else if (s->p == s->end || *s->p++ != '"' || !scan_string(s, &value) || value.escaped) {
            return -1;
        }
        else {
            *tag = value;
        }
        best = is_better ? i : best;
    } while (best && scan_char(s, ','));
    *other = false;
    return best < choice->keys.n ? best : -1;
}

/* Return the class of an object, after its opening brace. `*tag` is the key of its tag if `r` has passed it. */
static Class *record_class_of(Input *r, const Union *choice, Key **tag)
{
    static const char first[] = "\"object\":";
    Scan *s = &r->s;
    const uint8_t *start = s->p;
    Text text = {s->p, 0, true, false};
    bool other = false;
    *tag = NULL;
    scan_space(s);
    if (choice->by_object && scan_literal(s, first, sizeof first - 1)) {
        if (!scan_char(s, '"') || !scan_string(s, &text) || text.escaped) {
            return NULL;
        }
        int index = str_table_find(&choice->tags, text.text, text.length);
        if (index >= 0 && choice->classes[index]->tag != NULL) {
            *tag = choice->classes[index]->tag;
            return choice->classes[index];
        }
        s->p = start;
        return index < 0 ? choice->others : choice->classes[index];
    }
    s->p = start;
    int index = record_find_key(r, choice, &text, &other);
    if (other || (index < 0 && choice->tags.n)) {
        return NULL;
    }
    if (choice->tags.n) {
        index = str_table_find(&choice->tags, text.text, text.length);
    }
    return index < 0 ? choice->others : choice->classes[index];
}

static PyObject *record_union(Input *r, Union *choice)
{
    Key *tag;
    Class *cls = record_class_of(r, choice, &tag);
    return cls != NULL ? record_object(r, cls, tag) : NULL;
}

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

/* Return an instance made of the values: by the constructor, or by `__init__` alone if the constructor does no
 * more. `values[-1]` may be used. */
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
        const Field *field = &cls->fields[cls->extra];
        bool needs_dict = field->mode == DEFAULT_FACTORY && field->fallback == (PyObject *)&PyDict_Type;
        if (found->extra == NULL && needs_dict) {
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

/* Untrack a tuple that cannot be in a cycle: no item is GC-tracked or deferred, or a dict. CPython up to 3.13
 * tracks a dict only when it changes. */
static void record_untrack_items(PyObject *tuple, bool within)
{
    if (within) {
        return;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        PyObject *item = PyTuple_GET_ITEM(tuple, i);
        if (PyObject_GC_IsTracked(item) || PyDict_CheckExact(item)) {
            return;
        }
    }
    PyObject_GC_UnTrack(tuple);
}

/* Make a set of the items of a list. They may have a `__hash__` of the user's. */
static PyObject *record_set(Input *r, PyObject *list, bool is_frozen)
{
    value_show(r);
    PyObject *set = is_frozen ? PyFrozenSet_New(list) : PySet_New(list);
    return set != NULL ? set : value_hand_back();
}

/* Read the items of a JSON array after its opening bracket, as the collection `name`. */
static PyObject *record_list(Input *r, const Kind *item, KindName name)
{
    Scan *s = &r->s;
    const size_t n_deferred = r->n_deferred;
    PyObject *list = PyList_New(0);
    if (list == NULL) {
        return NULL;
    }
    PyObject_GC_UnTrack(list); /* until it is complete */
    if (!scan_char(s, ']')) {
        do {
            scan_space(s);
            PyObject *value = record_value(r, item);
            if (value == NULL || PyList_Append(list, value) < 0) {
                Py_XDECREF(value);
                Py_DECREF(list);
                return NULL;
            }
            Py_DECREF(value);
        } while (scan_char(s, ','));
        if (!scan_char(s, ']')) {
            Py_DECREF(list);
            return NULL;
        }
    }
    if (name == KIND_LIST) {
        PyObject_GC_Track(list);
        return list;
    }
    PyObject *made = name == KIND_TUPLE ? PyList_AsTuple(list) : record_set(r, list, name == KIND_FROZENSET);
    Py_DECREF(list);
    if (made != NULL && name == KIND_TUPLE) {
        record_untrack_items(made, r->n_deferred > n_deferred);
    }
    return made;
}

/* Read a JSON array whose items have kinds of their own, after its opening bracket. */
static PyObject *record_items(Input *r, const Kind *kind)
{
    Scan *s = &r->s;
    PyObject *tuple = PyTuple_New(kind->n_items);
    if (tuple == NULL) {
        return NULL;
    }
    PyObject_GC_UnTrack(tuple); /* until it is complete */
    bool read = true;
    for (Py_ssize_t i = 0; read && i < kind->n_items; i++) {
        read = i == 0 || scan_char(s, ',');
        scan_space(s);
        PyObject *value = read ? record_value(r, &kind->items[i]) : NULL;
        read = value != NULL;
        PyTuple_SET_ITEM(tuple, i, value);
    }
    if (!read || !scan_char(s, ']')) {
        Py_DECREF(tuple);
        return NULL;
    }
    if (kind->n_items) {
        PyObject_GC_Track(tuple);
    }
    if (kind->make == NULL) {
        return tuple;
    }
    PyObject *made = value_called(r, kind->make, &tuple, 1, NULL);
    Py_DECREF(tuple);
    return made;
}

/* Read one member of a dict. A key that comes twice is for the reference. */
static bool record_entry(Input *r, const Kind *kind, PyObject *dict)
{
    Scan *s = &r->s;
    scan_space(s);
    PyObject *key = value_str(r), *value = NULL;
    if (key == NULL || !scan_char(s, ':')) {
        Py_XDECREF(key);
        return false;
    }
    if (kind->make != NULL) {
        Py_SETREF(key, value_called(r, kind->make, &key, 1, NULL));
    }
    scan_space(s);
    value = key == NULL ? NULL : record_value(r, kind->items);
    Py_ssize_t before = PyDict_GET_SIZE(dict);
    bool added = false;
    if (value != NULL) {
        value_show(r); /* a key may have a `__hash__` of the user's */
        added = PyDict_SetItem(dict, key, value) == 0 && PyDict_GET_SIZE(dict) > before;
    }
    if (PyErr_Occurred()) {
        value_hand_back();
    }
    Py_XDECREF(key);
    Py_XDECREF(value);
    return added;
}

/* Read a JSON object as a dict, after its opening brace. */
static PyObject *record_dict(Input *r, const Kind *kind)
{
    Scan *s = &r->s;
    PyObject *dict = PyDict_New();
    if (dict == NULL || scan_char(s, '}')) {
        return dict;
    }
    do {
        if (!record_entry(r, kind, dict)) {
            Py_DECREF(dict);
            return NULL;
        }
    } while (scan_char(s, ','));
    if (!scan_char(s, '}')) {
        Py_CLEAR(dict);
    }
    return dict;
}

/* Read a value of a union by its JSON type. */
static PyObject *record_by_type(Input *r, const Kind *kind)
{
    static const struct {
        uint8_t first;
        uint8_t type;
    } types[] = {{'n', JSON_NULL}, {'t', JSON_BOOL}, {'f', JSON_BOOL},
                 {'"', JSON_STR}, {'[', JSON_LIST}, {'{', JSON_DICT}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (*r->s.p == types[i].first) {
            return record_value(r, &kind->items[types[i].type]);
        }
    }
    Scan ahead = r->s;
    int64_t number;
    if (scan_integer(&ahead, &number)) {
        return record_value(r, &kind->items[JSON_INT]);
    }
    const uint8_t *p = r->s.p + (*r->s.p == '-');
    while (p < r->s.end && scan_is_digit(*p)) {
        p++;
    }
    /* The parser of the reference makes a float or a Decimal of a number with a point. */
    return p < r->s.end && *p == '.' ? record_value(r, &kind->items[JSON_FLOAT]) : NULL;
}

/* Read a value by C alone. */
static PyObject *record_plain_value(Input *r, const Kind *kind)
{
    Scan *s = &r->s;
    switch (kind->name) {
    case KIND_INT:
        return value_int(r);
    case KIND_FLOAT:
        return value_float(r);
    case KIND_STR:
        return value_str(r);
    case KIND_BOOL:
        return value_bool(r);
    case KIND_DECIMAL:
        return value_decimal(r);
    case KIND_ANY:
        return value_any(r, r->values->reference.read_any);
    case KIND_CLASS:
        return scan_char(s, '{') ? record_object(r, kind->cls, NULL) : NULL;
    case KIND_UNION:
        return scan_char(s, '{') ? record_union(r, kind->choice) : NULL;
    case KIND_LIST:
    case KIND_TUPLE:
    case KIND_SET:
    case KIND_FROZENSET:
        return scan_char(s, '[') ? record_list(r, kind->items, kind->name) : NULL;
    case KIND_ITEMS:
        return scan_char(s, '[') ? record_items(r, kind) : NULL;
    case KIND_DICT:
        return scan_char(s, '{') ? record_dict(r, kind) : NULL;
    case KIND_CHOICE:
        return value_choice(r, kind->choices);
    case KIND_JSON_TYPES:
        return record_by_type(r, kind);
    case KIND_CALL: /* without a hook, an attrs converter does the work */
        return kind->hook == NULL ? value_parsed(r, &(ValueInfo){0}) : NULL;
    case KIND_MONEY_TEXT: /* only written, never read */
    case KIND_MONEY_NUMBER:
    case KIND_TYPES:
    case KIND_COUNT:
        break;
    }
    return NULL;
}

/* Read a value that begins at the next byte. If C cannot read it, its hook does. */
static PyObject *record_value(Input *r, const Kind *kind)
{
    Scan *s = &r->s;
    if (s->p == s->end || r->depth == RECORD_DEPTH) {
        return NULL;
    }
    if (kind->nullable && *s->p == 'n') {
        return scan_literal(s, "null", 4) ? Py_NewRef(Py_None) : NULL;
    }
    const uint8_t *start = s->p;
    r->depth++;
    PyObject *value = record_plain_value(r, kind);
    r->depth--;
    if (value != NULL || kind->hook == NULL || r->malformed || PyErr_Occurred()) {
        return value;
    }
    s->p = start;
    return value_hooked(r, kind);
}
