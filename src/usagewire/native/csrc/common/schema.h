/* Schema: what C knows of classes. Reading and writing use the same schema.
 *
 *   Plan, Writer ── Schema ── Class ── Field ── Kind ── Class
 *                               │                 └──── Union ── Class, by tag or type
 *                               │                 └──── Kind of the items
 *                               └───── Key ── Field, by its JSON key
 *
 * Python lowers the hooks of a converter to descriptions, and schema.c builds the schema from them. The
 * schema has no rules. Only its guesses change later: which key comes next.
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
    KIND_MONEY_TEXT,   /* only written */
    KIND_MONEY_NUMBER, /* only written */
    KIND_ANY,
    KIND_CLASS,
    KIND_UNION,
    KIND_LIST,
    KIND_TUPLE,
    KIND_SET,
    KIND_FROZENSET,
    KIND_ITEMS,      /* a list whose items have kinds of their own */
    KIND_DICT,
    KIND_CHOICE,     /* an enum or a literal */
    KIND_JSON_TYPES, /* a union, by the JSON type of the value; only read */
    KIND_TYPES,      /* a union, by the Python type of the value; only written */
    KIND_DATETIME,
    KIND_DATE,
    KIND_TIME,
    KIND_TIMEDELTA,
    KIND_UUID,
    KIND_BYTES,
    KIND_CALL,       /* only `hook` reads or writes the value */
    KIND_COUNT,
} KindName;

/* In the order of `descriptions.JSON_TYPES`. */
enum { JSON_NULL, JSON_BOOL, JSON_INT, JSON_FLOAT, JSON_STR, JSON_LIST, JSON_DICT, JSON_TYPES };

typedef struct Class Class;
typedef struct Union Union;

/* A hash table of str, by their UTF-8 bytes. */
typedef struct {
    PyObject *name;   /* str */
    const char *utf8; /* the UTF-8 of `name` */
    size_t length;
} StrEntry;

typedef struct {
    StrEntry *entries;
    int n;
    int *slots; /* index of an entry by its hash; -1 if empty */
    size_t mask;
} StrTable;

/* The values of an enum or a literal. */
typedef struct {
    StrTable texts;      /* in reading the JSON values that are strings, in writing the JSON of each object */
    PyObject *objects;   /* a tuple: their Python values, by the index of the text */
    PyObject *others;    /* a dict: in reading from integers to their Python values, in writing from values */
                         /* that are str or int to the index of their text */
    int *by_address;     /* hash table of the indices of `objects`, by their address; -1 if empty */
    size_t address_mask;
} Choices;

/* How to make a UUID and read it by its slots. */
typedef struct {
    PyTypeObject *type;
    PyObject *is_safe; /* the value that a UUID read from text has there */
    Py_ssize_t int_offset;
    Py_ssize_t is_safe_offset;
} UuidLayout;

typedef struct Kind {
    KindName name;
    bool nullable;
    Class *cls;         /* of KIND_CLASS, borrowed from the schema */
    Union *choice;      /* of KIND_UNION, owned */
    Choices *choices;   /* of KIND_CHOICE, owned */
    UuidLayout *uuid;   /* of KIND_UUID, owned */
    struct Kind *items; /* kinds of the items, of the values of a dict, or by JSON type; owned */
    Py_ssize_t n_items;
    PyObject *make;     /* makes a named tuple of its items, the key of a dict of its text, or the offset of
                         * a `timezone`; or NULL */
    PyObject *hook;     /* of the reference, for values that C does not know; NULL: hand the record back */
    PyObject *type;     /* the second argument of `hook`; of KIND_TYPES a tuple of types, one for each item */
} Kind;

/* Whether JSON holds the values of a kind as text with a form of its own. They cannot be part of a cycle. */
static inline bool kind_is_text(KindName name)
{
    return name >= KIND_DATETIME && name <= KIND_BYTES;
}

/* Return the index of a text, or -1. */
static inline int str_table_find(const StrTable *table, const uint8_t *p, size_t length)
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
    FIELDS_MAX = 64, /* one bit for each field */
    KEY_BYTES = 32,
    KEY_TAG = -1,      /* the key holds the tag */
    KEY_FALLBACK = -2, /* the reference reads an object that has the key */
};

/* A JSON key. `quoted` holds it as in compact JSON, with the comma before it: ,"model": and zeros. Reading
 * most keys needs only the first 88 bytes. */
typedef struct Key {
    uint8_t quoted[KEY_BYTES];
    struct Key *next;  /* the key that followed this one last time */
    uint64_t bit;      /* the field's bit */
    Py_ssize_t offset; /* of the field's slot in the instance */
    uint32_t mask;     /* a bit for each byte of the key in `quoted`; 0 if the key is too long for it */
    uint32_t size;     /* of the key with comma, quotes and colon, in bytes */
    int field;         /* index of the field, KEY_TAG or KEY_FALLBACK */
    uint32_t length;   /* of the string that was its value last time; 0 if no table keeps it */
    uint32_t misses;   /* number of its strings since one was in the table */
    Kind kind;         /* a copy of the field's kind, which owns what it points to */
} Key;

typedef enum { DEFAULT_NONE, DEFAULT_VALUE, DEFAULT_FACTORY, DEFAULT_OF_SELF } DefaultMode;

enum { KEY_PREFIX_STEP = 32 }; /* a key prefix is copied in steps of this many bytes */

typedef struct {
    Py_ssize_t offset; /* of the slot */
    Kind kind;
    DefaultMode mode;       /* DEFAULT_NONE: required in reading, never omitted in writing */
    PyObject *fallback;     /* the default or its factory; NULL for DEFAULT_NONE */
    PyObject *name;         /* of the argument of the constructor in reading, of the attribute in writing */
    PyObject *convert;      /* the attrs converter, or NULL */
    char *key_prefix;       /* ,"key": and zeros: up to a whole number of steps, and one step more */
    size_t key_prefix_size; /* bytes of the text */
} Field;

/* A class. Instances that C makes, or whose slots it reads, are a header and slots:
 *
 *     offset 0       sizeof(PyObject)                     tp_basicsize
 *     │ refcount, type │ slot │ slot │ slot │ weak references │
 *                      └──────── slot_template ──────────────┘
 */
struct Class {
    PyTypeObject *type;
    Field *fields; /* fields that have keys come first, in the order of writing */
    int n_fields;
    int n_keyed;          /* number of fields that have keys */
    int extra;            /* index of the field for unknown keys, or -1 */
    int tag_field;        /* index of the field whose value must not be in `known_tags`, or -1 */
    PyObject *known_tags; /* a frozenset of str */
    /* For reading: */
    uint64_t required;          /* a bit for each field without a default */
    uint64_t every;             /* a bit for each field */
    uint64_t none_default_mask; /* a bit for each field whose default is None */
    uint64_t records;           /* a bit for each field that may hold a record or a tuple */
    StrTable names;             /* of the keys */
    Key *keys;                  /* by the index of their name */
    Key *first;                 /* the key that came first last time */
    Key *tag;                   /* the key "object", or NULL */
    StrTable tags;              /* the values that keys of KEY_TAG can have */
    const StrEntry *last_tag;   /* the one that came last time, or NULL */
    bool keep_extra;            /* whether `extra` keeps unknown keys */
    bool ignore_extra;          /* whether unknown keys are skipped; if neither, the reference reads them */
    bool atomic;                /* whether only fields of `records` can hold part of a cycle */
    bool frozen;
    bool converts;        /* whether a field has `convert` */
    bool is_slots;        /* whether C makes instances, or reads their slots */
    PyObject *make;       /* the class or another callable that makes instances; None if only written */
    PyObject *init;       /* the `__init__` that is all that `make` calls besides `object.__new__`, or NULL */
    PyObject *finish;     /* called with an instance whose slots C filled, or NULL */
    PyObject *call_names; /* the names of the last call of the constructor: a tuple, or NULL */
    uint64_t call_fields; /* a bit for each of these fields */
    PyObject **slot_template; /* None (borrowed) in slots with that default; else NULL */
    size_t slots_size;        /* bytes of all slots */
    /* For writing: */
    PyObject *head;     /* bytes: an opening brace, and the tag with its key */
    PyObject *reserved; /* keys that unknown keys must not equal; None: the reference writes unknown keys */
    PyObject *check;    /* called with a record after its fields were written, or NULL */
};

enum { SLOTS_START = sizeof(PyObject) }; /* offset of the first slot */

struct Union {
    StrTable tags;   /* empty in unions that are only written */
    Class **classes; /* by the index of their tag; borrowed from the schema */
    Py_ssize_t n_classes;
    Class *others; /* for other tags, or NULL */
    StrTable keys;  /* of the tag or, without tags, of the classes; the first that is present counts */
    bool by_object; /* whether the first of these keys is "object" */
};

typedef struct {
    Class **classes;
    Py_ssize_t n_classes;
    PyObject *no_extra; /* the shared default for unknown keys, which no one can change; borrowed, or NULL */
} Schema;

/* The functions of the reference and its special objects, in the order of `descriptions.Reference`. */
typedef union {
    struct {
        PyObject *loads;         /* orjson.loads */
        PyObject *parse;         /* reads JSON with exact numbers */
        PyObject *dumps;         /* orjson.dumps */
        PyObject *exact_dumps;   /* the same, but also of a Decimal */
        PyObject *json_error;    /* orjson.JSONDecodeError */
        PyObject *wire_error;    /* UsageWireError */
        PyObject *read_any;      /* reads any value that orjson or `parse` made */
        PyObject *read_extra;    /* reads the value of an unknown key */
        PyObject *read_decimal;  /* reads money */
        PyObject *extra_json;    /* writes unknown keys */
        PyObject *no_extra;      /* the default of fields for unknown keys */
        PyObject *decimal;       /* decimal.Decimal */
        PyObject *zero;          /* Decimal(0) */
    };
    PyObject *all[13];
} Reference;

/* Return a hash of an object's address. */
static inline size_t address_hash(const void *object)
{
    return (size_t)((uintptr_t)object >> 4 ^ (uintptr_t)object >> 12);
}

/* Return the slot of a record at an offset. */
static inline PyObject **record_slot(PyObject *record, Py_ssize_t offset)
{
    return (PyObject **)(void *)((char *)record + offset);
}

/* Whether the text at `p` is a comma and `key`. With `bare`, the byte at `p` may be any other. */
static inline bool key_is_next(const Key *key, const uint8_t *p, const uint8_t *end, bool bare)
{
    if (key == NULL || end - p < KEY_BYTES || key->mask == 0) {
        return false;
    }
#if defined(USAGEWIRE_SSE2)
    const __m128i *text = (const __m128i *)(const void *)p;
    const __m128i *quoted = (const __m128i *)(const void *)key->quoted;
    __m128i start = _mm_cmpeq_epi8(_mm_loadu_si128(text), _mm_loadu_si128(quoted));
    __m128i rest = _mm_cmpeq_epi8(_mm_loadu_si128(text + 1), _mm_loadu_si128(quoted + 1));
    unsigned low = (unsigned)_mm_movemask_epi8(start), high = (unsigned)_mm_movemask_epi8(rest);
    return (~(low | high << 16) & key->mask & ~(unsigned)bare) == 0;
#else
    return intern_is_equal(p + bare, key->quoted + bare, key->size - bare);
#endif
}

#endif
