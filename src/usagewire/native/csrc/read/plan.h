/* Plans: what a type needs to be read from bytes, lowered from Python once.
 *
 *   Kind ── Class ── keys[] ── Kind, slot
 *        └─ Union ── Class for each tag
 *        └─ Kind of the items
 *
 * A plan is made by `plans` from the hooks of a converter. It holds no rule of its own: where it has
 * no answer (an unknown tag, a key that is forbidden), whoever reads by it gives the line back. Only
 * its guesses change: which key comes next, which member of a union.
 */
#ifndef USAGEWIRE_PLAN_H
#define USAGEWIRE_PLAN_H

#include <Python.h>
#include <structmember.h>
#include "common/intern.h"

/* In the order of `plans.KINDS`. */
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
    Class *cls;        /* of KIND_CLASS */
    Union *choice;     /* of KIND_UNION */
    struct Kind *item; /* of KIND_LIST and KIND_TUPLE */
} Kind;

/* Texts by their bytes. */
typedef struct {
    PyObject *name;   /* str */
    const char *utf8; /* its text */
    size_t length;
} Word;

typedef struct {
    Word *words;
    int n;
    int *slots; /* index of a word by its hash, -1 where there is none */
    size_t mask;
} Table;

/* Return the index of a text, or -1. */
static inline int
table_find(const Table *table, const uint8_t *p, size_t length)
{
    size_t at = intern_hash(p, length) & table->mask;
    for (;;) {
        int index = table->slots[at];
        if (index < 0) {
            return -1;
        }
        const Word *word = &table->words[index];
        if (word->length == length && memcmp(word->utf8, p, length) == 0) {
            return index;
        }
        at = (at + 1) & table->mask;
    }
}

enum {
    FIELDS_MOST = 64, /* one bit each */
    KEY_WORDS = 4,
    KEY_TAG = -1,     /* the key holds the tag */
    KEY_ODD = -2,     /* an object that has the key is not plain */
};

typedef struct Key {
    uint64_t words[KEY_WORDS]; /* the key as JSON writes it, with comma and colon: ,"model": */
    uint64_t mask;             /* of the bytes of the last word that are the key's */
    uint32_t size;             /* of all that, in bytes */
    uint32_t n_words;          /* 0 where it is too long to be compared that way */
    int field;                 /* index of the field, KEY_TAG or KEY_ODD */
    Kind kind;                 /* of the field, whose kind this is a copy of */
    Py_ssize_t offset;         /* of the field's slot in the instance */
    uint64_t bit;              /* of the field */
    struct Key *next;          /* the key that came after this one last time */
} Key;

typedef enum { DEFAULT_NONE, DEFAULT_VALUE, DEFAULT_MADE } DefaultMode;

typedef struct {
    Py_ssize_t offset;  /* of the slot */
    DefaultMode mode;   /* DEFAULT_NONE: the field is required */
    PyObject *fallback; /* the value, or what is called to make it */
    Kind kind;
} Field;

struct Class {
    PyTypeObject *type;
    Field *fields;
    int n_fields;
    uint64_t required;   /* a bit for each field that must be there */
    uint64_t every;      /* a bit for each field */
    uint64_t nones;      /* a bit for each field that is None where it is absent */
    uint64_t records;    /* a bit for each field that may hold a record, or a tuple */
    Table names;         /* of the keys */
    Key *keys;           /* by the index of their name */
    Key *first;          /* the key that came first last time */
    Key *tag;            /* the key "object", or NULL */
    Table tags;          /* what may stand under keys of KEY_TAG */
    int extra;           /* index of the field for unknown keys, or -1 */
    bool keeps;          /* whether they are kept there */
    bool passes;         /* whether they are passed over; if neither, they are not plain */
    bool atomic;         /* whether no field but those of `records` can hold part of a cycle */
    bool frozen;
    int refused_field;   /* index of the field whose value must not be in `refused`, or -1 */
    PyObject *refused;   /* frozenset of str */
    size_t slots_start;  /* offset of the first slot */
    size_t slots_size;   /* bytes of all slots */
    PyObject **blank;    /* an image of the slots: None where a field may be None, not owned */
};

struct Union {
    Table tags;
    Class **classes; /* by the index of their tag */
    Class *others;   /* for tags that are none of these, or NULL */
    Table keys;      /* the keys of the tag, of which the first that is there counts */
};

/* Whether the text that begins at `p` is a comma and `key`; just the key, where it is the first. */
static inline bool
plan_is_next(const Key *key, const uint8_t *p, const uint8_t *end, bool first)
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
