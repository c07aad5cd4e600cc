/* Values of all kinds: unions, lists, tuples, sets and dicts here, and others by values.c and records.c. Part
 * of module.c.
 *
 * Only the collector can reach a container before it is complete. NULL without an exception hands the line
 * back to the reference.
 */

/* Find the first of the union's keys that an object has, after its opening brace, without moving `r`. Return
 * its index, and its value if the union has tags. Return -1 if there is none. If `*other` becomes true, the
 * object is for the reference. */
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
        if (i >= 0 && i == best) {
            return -1; /* a second time: the reference decides which one counts */
        }
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
    } while ((best || !choice->by_object) && scan_char(s, ','));
    *other = false;
    return best < choice->keys.n ? best : -1;
}

/* Return the class of an object, after its opening brace. `*tag` becomes the key of its tag if `r` has passed
 * it. */
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
    r->root = false; /* a later member with the same key can replace one that is rejected */
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
    case KIND_DATETIME:
    case KIND_DATE:
    case KIND_TIME:
    case KIND_TIMEDELTA:
    case KIND_UUID:
    case KIND_BYTES:
        return text_read(r, kind);
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
    if (s->p == s->end || r->depth == RECORD_DEPTH || r->refused) {
        return NULL;
    }
    if (kind->nullable && *s->p == 'n') {
        return scan_literal(s, "null", 4) ? Py_NewRef(Py_None) : NULL;
    }
    const uint8_t *start = s->p;
    r->depth++;
    PyObject *value = record_plain_value(r, kind);
    r->depth--;
    if (value != NULL || kind->hook == NULL || r->malformed || r->refused || PyErr_Occurred()) {
        return value;
    }
    s->p = start;
    return value_hooked(r, kind);
}
