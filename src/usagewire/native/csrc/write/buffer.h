/* A growing buffer. Its memory becomes the bytes object that the writer returns.
 *
 *     bytes ─▶│ head │ written │ may be used │ more room │
 *                              ▲ to          ▲ end                 ▲ limit
 */
#ifndef USAGEWIRE_BUFFER_H
#define USAGEWIRE_BUFFER_H

#include <Python.h>
#include "common/platform.h"

#if defined(__linux__)
#include <sys/mman.h>
#if !defined(MADV_POPULATE_WRITE)
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 and later; others refuse it, which does no harm */
#endif
#endif

typedef struct {
    PyObject *bytes; /* NULL, or the written text with room at its end */
    char *to;        /* where the next byte goes */
    char *end;       /* end of the room that may be used */
    char *limit;     /* end of all the room */
} Buffer;

/* Return an empty buffer. Its pointers are not NULL, because C does not define the difference of NULLs. */
static inline Buffer buffer_empty(void)
{
    static char nothing[1];
    return (Buffer){NULL, nothing, nothing, nothing};
}

static inline size_t buffer_size(const Buffer *b)
{
    return b->bytes == NULL ? 0 : (size_t)(b->to - PyBytes_AS_STRING(b->bytes));
}

enum {
    BUFFER_LARGE = 1 << 25, /* glibc's malloc maps this much room again each time */
    BUFFER_STEP = 1 << 18,  /* bytes to populate at once */
    BUFFER_PAGE = 1 << 12,
};

/* Return the size of all the room. */
static inline size_t buffer_room(const Buffer *b)
{
    return b->bytes == NULL ? 0 : (size_t)(b->limit - PyBytes_AS_STRING(b->bytes));
}

/* Allow at least `more` bytes of the room to be used, which are there. Populating pages in advance takes
 * the kernel less time than a page fault for each. Without this, encode_lines takes 1.04 to 1.13 times as
 * long. (200,000 completions rows as one text; four paired runs, 15 to 40 turns each. Two equal builds: 0.97
 * to 1.03.) If pages do not have BUFFER_PAGE bytes, the call fails and page faults do the work. */
static void buffer_open(Buffer *b, size_t more)
{
    b->end = b->limit;
#if defined(__linux__)
    size_t before = (uintptr_t)b->to & (BUFFER_PAGE - 1);
    if (buffer_room(b) >= BUFFER_LARGE && (size_t)(b->limit - b->to) > more + BUFFER_STEP) {
        b->end = b->to + more + BUFFER_STEP;
        (void)madvise(b->to - before, before + more + BUFFER_STEP, MADV_POPULATE_WRITE);
    }
#else
    (void)more;
#endif
}

/* Set the size of all the room, which must be at least the size of the text. With the PyBytesWriter of Python
 * 3.15 the text of one record takes 1.15 times as many instructions, and lines take as many (callgrind). */
static bool buffer_resize(Buffer *b, size_t room)
{
    size_t size = buffer_size(b);
    if (b->bytes == NULL) {
        b->bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)room);
    }
    else {
        _PyBytes_Resize(&b->bytes, (Py_ssize_t)room); /* frees the bytes if it fails */
    }
    if (b->bytes == NULL) {
        *b = buffer_empty();
        return false;
    }
    b->to = PyBytes_AS_STRING(b->bytes) + size;
    b->limit = PyBytes_AS_STRING(b->bytes) + room;
    buffer_open(b, 0);
    return true;
}

/* Allow `more` bytes to be used. If the room is too small, double it. */
static bool buffer_grow(Buffer *b, size_t more)
{
    size_t room = buffer_room(b);
    if ((size_t)(b->limit - b->to) < more) {
        if (more > (size_t)PY_SSIZE_T_MAX / 4 || room > (size_t)PY_SSIZE_T_MAX / 4) {
            PyErr_NoMemory();
            return false;
        }
        if (!buffer_resize(b, room * 2 + more)) {
            return false;
        }
    }
    if ((size_t)(b->end - b->to) < more) {
        buffer_open(b, more);
    }
    return true;
}

/* Make room for `more` bytes. */
static inline bool buffer_reserve(Buffer *b, size_t more)
{
    return (size_t)(b->end - b->to) >= more || buffer_grow(b, more);
}

static inline bool buffer_add(Buffer *b, const void *text, size_t size)
{
    if (!buffer_reserve(b, size)) {
        return false;
    }
    if (size) {
        memcpy(b->to, text, size);
        b->to += size;
    }
    return true;
}

/* Drop all but the first `size` bytes. */
static inline void buffer_cut(Buffer *b, size_t size)
{
    if (b->bytes != NULL) {
        b->to = PyBytes_AS_STRING(b->bytes) + size;
    }
}

/* Return the text as bytes, and empty the buffer. */
static PyObject *buffer_take(Buffer *b)
{
    size_t size = buffer_size(b), left = (size_t)(b->limit - b->to);
    PyObject *bytes = b->bytes;
    *b = buffer_empty();
    if (bytes == NULL) {
        return PyBytes_FromStringAndSize(NULL, 0);
    }
    if (left) {
        _PyBytes_Resize(&bytes, (Py_ssize_t)size);
    }
    return bytes;
}

#endif
