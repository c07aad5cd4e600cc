/* A growing buffer whose memory becomes the bytes object that is returned.
 *
 *     bytes ─▶│ head │ written │ may be used │ room, not asked for │
 *                              ▲ to          ▲ end                 ▲ limit
 */
#ifndef USAGEWIRE_BUFFER_H
#define USAGEWIRE_BUFFER_H

#include <Python.h>
#include "common/platform.h"

#if defined(__linux__)
#include <sys/mman.h>
#if !defined(MADV_POPULATE_WRITE)
#define MADV_POPULATE_WRITE 23 /* of Linux 5.14; others refuse it, which changes nothing */
#endif
#endif

typedef struct {
    PyObject *bytes; /* NULL, or what is written, with room at its end */
    char *to;        /* where the next byte goes */
    char *end;       /* past the room that may be used */
    char *limit;     /* past all the room */
} Buffer;

/* An empty buffer. Its pointers point at something, because C has no difference of two NULLs. */
static inline Buffer
buffer_empty(void)
{
    static char nothing[1];
    return (Buffer){NULL, nothing, nothing, nothing};
}

static inline size_t
buffer_size(const Buffer *b)
{
    return b->bytes == NULL ? 0 : (size_t)(b->to - PyBytes_AS_STRING(b->bytes));
}

enum {
    BUFFER_LARGE = 1 << 25, /* bytes of room that glibc's malloc maps anew each time */
    BUFFER_STEP = 1 << 18,  /* so many bytes are then populated at once */
    BUFFER_PAGE = 1 << 12,
};

/* Return how much room there is in all. */
static inline size_t
buffer_room(const Buffer *b)
{
    return b->bytes == NULL ? 0 : (size_t)(b->limit - PyBytes_AS_STRING(b->bytes));
}

/* Let more of the room be used, at least `more` bytes, which are there. To populate pages in advance takes
 * the kernel less time than a page fault for each. Measured with 200,000 completions rows as one text:
 * encode_lines without this takes 1.04 to 1.13 times as long (four paired runs, 15 to 40 turns each; two
 * equal builds 0.97 to 1.03). Where pages have another size than BUFFER_PAGE the call fails, and page faults
 * serve. */
static void
buffer_open(Buffer *b, size_t more)
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

/* Let there be room for so many bytes in all, which is not less than there are. */
static bool
buffer_resize(Buffer *b, size_t room)
{
    size_t size = buffer_size(b);
    if (b->bytes == NULL) {
        b->bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)room);
    }
    else {
        _PyBytes_Resize(&b->bytes, (Py_ssize_t)room); /* drops the bytes where it fails */
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

/* Let `more` bytes be used; where there is no room, make it for as many again as there was room for. */
static bool
buffer_grow(Buffer *b, size_t more)
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
static inline bool
buffer_reserve(Buffer *b, size_t more)
{
    return (size_t)(b->end - b->to) >= more || buffer_grow(b, more);
}

static inline bool
buffer_add(Buffer *b, const void *text, size_t size)
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

/* Take back what was written after the first `size` bytes. */
static inline void
buffer_cut(Buffer *b, size_t size)
{
    if (b->bytes != NULL) {
        b->to = PyBytes_AS_STRING(b->bytes) + size;
    }
}

/* Return what was written as bytes, and leave the buffer empty. */
static PyObject *
buffer_take(Buffer *b)
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
