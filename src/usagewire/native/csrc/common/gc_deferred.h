/* Objects whose GC tracking is deferred until a line gives no record, or until the caller has read all lines.
 *
 * None of them is garbage before that. But the collector runs after a number of allocations, and would
 * traverse all of them again each time.
 *
 * The caller tracks all deferred objects before it returns records (`track()`). CPython 3.14 made this
 * necessary: it tracks a dict when it is made, and no longer when it changes.
 */
#ifndef USAGEWIRE_GC_DEFERRED_H
#define USAGEWIRE_GC_DEFERRED_H

#include <Python.h>
#include "common/platform.h"

typedef struct {
    PyObject **objects; /* owned references */
    size_t n;
    size_t room;
} GcDeferred;

enum { GC_DEFERRED_PREFETCH = 16 }; /* distance of the object that is prefetched */

/* Defer a complete object that is not tracked. */
static void gc_deferred_add(GcDeferred *deferred, PyObject *object)
{
    if (deferred->n == deferred->room) {
        size_t room = deferred->room * 2 + 32;
        PyObject **objects = PyMem_Realloc(deferred->objects, room * sizeof *objects);
        if (objects == NULL) {
            PyObject_GC_Track(object); /* which is correct at any time */
            return;
        }
        deferred->objects = objects;
        deferred->room = room;
    }
    deferred->objects[deferred->n++] = Py_NewRef(object);
}

/* Track all deferred objects, except those that a change has tracked since. */
static void gc_deferred_track(GcDeferred *deferred)
{
    GcDeferred held = *deferred;
    *deferred = (GcDeferred){NULL, 0, 0};
    for (size_t i = 0; i < held.n; i++) {
        if (i + GC_DEFERRED_PREFETCH < held.n) {
            PREFETCH((char *)held.objects[i + GC_DEFERRED_PREFETCH] - 16); /* the address of its GC links */
        }
        if (!PyObject_GC_IsTracked(held.objects[i])) {
            PyObject_GC_Track(held.objects[i]);
        }
        Py_DECREF(held.objects[i]);
    }
    PyMem_Free(held.objects);
}

#endif
