/* Schema: what C knows of the classes of one type, the same for every sink that reads or writes them.
 *
 *   Plan, Writer ── Schema ── Class ── Field ── Kind ── Class
 *                               │                 └──── Union ── Class, by tag or by type
 *                               │                 └──── Kind of the items
 *                               └───── Key ── Field, by the bytes of the JSON key
 *
 * Python lowers the hooks of a converter to descriptions, and schema.c builds this from them. It holds no
 * rule of its own. Only its guesses change later: which key comes next.
 * This header declares. Its inline functions are those of the reading loop.
 */
#ifndef USAGEWIRE_SCHEMA_H
#define USAGEWIRE_SCHEMA_H

#include <Python.h>
#include "common/intern.h"

/* In the order of `descriptions.KINDS`. */
typedef enum {
    KIND_INT,
    KIND_FLOAT,
    KIND_STR,
    KIND_BOOL,
    KIND_DECIMAL,
    KIND_ANY,
    KIND_CLASS,
    KIND_UNION,
    KIND_LIST,
    KIND_TUPLE,
    KIND_COUNT,
} KindName;

typedef struct Class Class;
typedef struct Union Union;

typedef struct Kind {
    KindName name;
    bool nullable;
    Class *cls;        /* of KIND_CLASS, borrowed from the schema */
    Union *choice;     /* of KIND_UNION, owned */
    struct Kind *item; /* of KIND_LIST and KIND_TUPLE, owned */
} Kind;

/* A hash table of str, found by their UTF-8 bytes. */
typedef struct {
    PyObject *name;   /* str */
    const char *utf8; /* its text */
    size_t length;
} StrEntry;

typedef struct {
    StrEntry *entries;
    int n;
    int *slots; /* index of an entry by its hash, -1 where there is none */
    size_t mask;
} StrTable;

/* Return the index of a text, or -1. */
static inline int
str_table_find(const StrTable *table, const uint8_t *p, size_t length)
{
    size_t at = intern_hash(p, length) & table->mask;
    for (;;) {
        int index = table->slots[at];
        if (index < 0) {
            return -1;
        }
        const StrEntry *entry = &table->entries[index];
        if (entry->length == length && memcmp(entry->utf8, p, length) == 0) {
            return index;
        }
        at = (at + 1) & table->mask;
    }
}

enum {
    FIELDS_MOST = 64, /* one bit each */
    KEY_WORDS = 4,
    KEY_TAG = -1,      /* the key holds the tag */
    KEY_FALLBACK = -2, /* an object that has the key is for the reference */
};

/* A JSON key. `words` holds it as compact JSON writes it, zeros after that:
 *
 *     , " m o d e l "  :
 *     └─ words[0] ──┘ └─ words[1], of which `mask` covers one byte
 */
typedef struct Key {
    uint64_t words[KEY_WORDS];
    uint64_t mask;     /* of the bytes of the last word that are the key's */
    uint32_t size;     /* of all that, in bytes */
    uint32_t n_words;  /* 0 where it is too long to be compared that way */
    int field;         /* index of the field, KEY_TAG or KEY_FALLBACK */
    Kind kind;         /* a copy of the field's, which owns what it points to */
    Py_ssize_t offset; /* of the field's slot in the instance */
    uint64_t bit;      /* of the field */
    struct Key *next;  /* the key that came after this one last time */
} Key;

typedef enum { DEFAULT_NONE, DEFAULT_VALUE, DEFAULT_FACTORY } DefaultMode;

enum { KEY_PREFIX_STEP = 32 }; /* a key prefix is copied in steps of so many bytes */

typedef struct {
    Py_ssize_t offset; /* of the slot */
    Kind kind;
    DefaultMode mode;       /* DEFAULT_NONE: required when read, never omitted when written */
    PyObject *fallback;     /* the default, or its factory; NULL for DEFAULT_NONE */
    char *key_prefix;       /* ,"key": and zeros up to a whole number of steps, and a step more */
    size_t key_prefix_size; /* of the text */
} Field;

/* An attrs class whose instances are a head and slots:
 *
 *     offset 0       sizeof(PyObject)                     tp_basicsize
 *     │ refcount, type │ slot │ slot │ slot │ weak references │
 *                      └──────── slot_template ──────────────┘
 */
struct Class {
    PyTypeObject *type;
    Field *fields; /* first those that have keys, in the order in which they are written */
    int n_fields;
    int n_keyed;         /* how many have keys */
    int extra;           /* index of the field for unknown keys, or -1 */
    int tag_field;       /* index of the field whose value must not be in `known_tags`, or -1 */
    PyObject *known_tags; /* frozenset of str */
    /* For reading. */
    uint64_t required;          /* a bit for each field without default */
    uint64_t every;             /* a bit for each field */
    uint64_t none_default_mask; /* a bit for each field whose default is None */
    uint64_t records;           /* a bit for each field that may hold a record, or a tuple */
    StrTable names;             /* of the keys */
    Key *keys;                  /* by the index of their name */
    Key *first;                 /* the key that came first last time */
    Key *tag;                   /* the key "object", or NULL */
    StrTable tags;              /* the values that keys of KEY_TAG may have */
    bool keep_extra;            /* whether unknown keys are kept in `extra` */
    bool ignore_extra;          /* whether they are passed over; if neither, they are for the reference */
    bool atomic;                /* whether no field but those of `records` can hold part of a cycle */
    bool frozen;
    PyObject **slot_template;   /* None, not owned, in slots whose default it is; else NULL */
    size_t slots_size;          /* bytes of all slots */
    /* For writing. */
    PyObject *head;     /* bytes: an opening brace, and the tag with its key */
    PyObject *reserved; /* keys that unknown ones must not have; None: the reference writes unknown keys */
};

enum { SLOTS_START = sizeof(PyObject) }; /* offset of the first slot */

struct Union {
    StrTable tags;   /* empty in unions that are only written */
    Class **classes; /* by the index of their tag; borrowed from the schema */
    Py_ssize_t n_classes;
    Class *others; /* for tags that are none of these, or NULL */
    StrTable keys; /* the keys of the tag, of which the first that is there counts */
};

typedef struct {
    Class **classes; /* each may refer to those before it */
    Py_ssize_t n_classes;
} Schema;

/* The reference's functions, and objects with a meaning of their own; in the order of
 * `descriptions.Reference`. */
typedef union {
    struct {
        PyObject *loads;         /* orjson.loads */
        PyObject *dumps;         /* orjson.dumps */
        PyObject *json_error;    /* orjson.JSONDecodeError */
        PyObject *wire_error;    /* UsageWireError */
        PyObject *check_any;     /* the rule for any value */
        PyObject *check_extra;   /* for the value of an unknown key */
        PyObject *read_decimal;  /* for money */
        PyObject *write_decimal; /* for money */
        PyObject *extra_json;    /* for unknown keys */
        PyObject *no_extra;      /* the default of fields for unknown keys */
        PyObject *decimal;       /* decimal.Decimal */
        PyObject *zero;          /* Decimal(0) */
    };
    PyObject *all[12];
} Reference;

/* Return the slot of a record at an offset. */
static inline PyObject **
record_slot(PyObject *record, Py_ssize_t offset)
{
    return (PyObject **)(void *)((char *)record + offset);
}

/* Whether the text that begins at `p` is a comma and `key`; just the key, where it is the first. */
static inline bool
key_is_next(const Key *key, const uint8_t *p, const uint8_t *end, bool first)
{
    if (key == NULL || end - p < 8 * KEY_WORDS || key->n_words == 0) {
        return false;
    }
    if (first) {
        return memcmp(p, (const uint8_t *)key->words + 1, key->size - 1) == 0;
    }
    uint32_t last = key->n_words - 1;
    for (uint32_t i = 0; i < last; i++) {
        if (intern_load(p + 8 * i) != key->words[i]) {
            return false;
        }
    }
    return ((intern_load(p + 8 * last) ^ key->words[last]) & key->mask) == 0;
}

#endif
