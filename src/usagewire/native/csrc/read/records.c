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
static inline bool record_tag(Input *r, Class *cls)
{
    Scan *s = &r->s;
    const StrEntry *last = cls->last_tag;
    if (last != NULL && s->end - s->p > (Py_ssize_t)last->length + 1 && *s->p == '"' &&
        s->p[last->length + 1] == '"' &&
        intern_is_equal(s->p + 1, (const uint8_t *)last->utf8, last->length)) {
        s->p += last->length + 2;
        return true;
    }
    Text text;
    if (!scan_char(s, '"') || !scan_string(s, &text) || text.escaped) {
        return false;
    }
    int index = str_table_find(&cls->tags, text.text, text.length);
    if (index >= 0) {
        cls->last_tag = &cls->tags.entries[index]; /* its text has no quote and no escape */
    }
    return index >= 0;
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
    if (!found->root || !r->strict || r->malformed || key->kind.name > KIND_ANY || key->bit == 0 ||
        PyErr_Occurred()) {
        return false;
    }
    r->s.p = start;
    found->wrong |= key->bit;
    return scan_value(&r->s);
}

/* Read the value at `p` of a field into its slot. Return where the value ends, or NULL. */
static inline const uint8_t *record_field(Input *r, const uint8_t *p, PyObject *record, Key *key,
                                          Found *found, uint64_t *seen)
{
    PyObject *value;
    int64_t number;
    Scan s = {p, r->s.end, false}; /* a local copy stays in registers */
    if ((*seen & key->bit) || (key->bit == 0 && *record_slot(record, key->offset) != NULL)) {
        return NULL; /* a second time: the reference decides which one counts */
    }
    *seen |= key->bit;
    if (key->kind.name == KIND_INT && scan_short_integer(&s, &number)) {
        value = intern_number(&r->values->intern, number);
    }
    else if (key->kind.name == KIND_STR && s.p < s.end && *s.p == '"') {
        value = value_usual_str(&r->values->intern, &s, key);
        if (value == NULL && s.p == p) {
            r->s.p = p;
            value = value_str(r);
            s.p = r->s.p;
        }
    }
    else if (key->kind.nullable && scan_literal(&s, "null", 4)) {
        value = Py_NewRef(Py_None);
    }
    else {
        r->s.p = p;
        scan_space(&r->s);
        value = record_value(r, &key->kind);
        s.p = r->s.p;
    }
    if (value == NULL) {
        return record_wrong(r, key, p, found) ? r->s.p : NULL;
    }
    *record_slot(record, key->offset) = value;
    found->filled |= key->bit;
    return s.p;
}

/* Skip the whitespace at `p`, after a comma or before the first key. Return whether there is any. */
static inline bool record_skip_space(Scan *s, const uint8_t *p, bool first)
{
    if (s->end - p < 2 || (!first && *p != ',') || p[!first] > ' ') {
        return false;
    }
    s->p = p + !first;
    scan_space(s);
    return true;
}

/* Read the members of an object up to its closing brace. The caller has read the opening brace and, unless
 * `tag` is NULL, that key and its value. */
static bool record_members(Input *r, Class *cls, Key *tag, PyObject *record, Found *found)
{
    Scan *s = &r->s;
    const uint8_t *p = s->p;
    uint64_t seen = 0;
    bool first = tag == NULL;
    Key **guess = first ? &cls->first : &tag->next;
    for (;; first = false) {
        Key *key = *guess;
        /* Before the first key, there is the opening brace instead of a comma. */
        if (key_is_next(key, p - first, s->end, first)) {
            p += key->size - first;
        }
        else if (record_skip_space(s, p, first) && key_is_next(key, s->p - 1, s->end, true)) {
            p = s->p - 1 + key->size;
            p += p < s->end && *p == ' ';
        }
        else {
            Text text;
            s->p = p;
            Next next = record_next(r, cls, first, &text, &key);
            if (next == NEXT_END) {
                r->malformed |= found->wrong != 0;
                return found->wrong == 0;
            }
            if (next == NEXT_FALLBACK) {
                return false;
            }
            if (next == NEXT_UNKNOWN) {
                if (!record_unknown(r, cls, &text, &found->extra)) {
                    return false;
                }
                p = s->p;
                continue;
            }
            *guess = key;
            p = s->p;
        }
        guess = &key->next;
        if (key->field >= 0) {
            p = record_field(r, p, record, key, found, &seen);
            if (p == NULL) {
                return false;
            }
            continue;
        }
        s->p = p;
        if (key->field == KEY_FALLBACK || found->tagged || !record_tag(r, cls)) {
            return false;
        }
        p = s->p;
        found->tagged = true;
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
    /* A converter may have replaced the unknown keys. */
    record = record_done(r, record, cls, cls->converts ? NULL : extra, r->n_deferred > n_deferred);
    return cls->finish == NULL ? record : record_finish(r, record, cls);

hand_back:
    record_drop(record, cls, found.filled, found.extra);
    return NULL;
}
