/* What the garbage collector is to see, held back until a line gives no record or all were read.
 *
 * Until then none of it is garbage. Yet the collector, which runs after so many objects made, would
 * look through all of it again and again.
 */
#ifndef USAGEWIRE_TRACKING_H
#define USAGEWIRE_TRACKING_H

#include <Python.h>
#include "common/platform.h"

typedef struct {
    PyObject **objects; /* owned */
    size_t n;
    size_t room;
} Unseen;

enum { UNSEEN_AHEAD = 16 }; /* how many objects further on the memory of one is asked for */

/* Hold back a complete object that is not tracked. */
static void
unseen_add(Unseen *unseen, PyObject *object)
{
    if (unseen->n == unseen->room) {
        size_t room = unseen->room * 2 + 32;
        PyObject **objects = PyMem_Realloc(unseen->objects, room * sizeof *objects);
        if (objects == NULL) {
            PyObject_GC_Track(object); /* which is right at any time */
            return;
        }
        unseen->objects = objects;
        unseen->room = room;
    }
    unseen->objects[unseen->n++] = Py_NewRef(object);
}

/* Track what was held back. */
static void
unseen_track(Unseen *unseen)
{
    Unseen held = *unseen;
    *unseen = (Unseen){NULL, 0, 0};
    for (size_t i = 0; i < held.n; i++) {
        if (i + UNSEEN_AHEAD < held.n) {
            PREFETCH((char *)held.objects[i + UNSEEN_AHEAD] - 16); /* where the collector's links are */
        }
        if (!PyObject_GC_IsTracked(held.objects[i])) {
            PyObject_GC_Track(held.objects[i]);
        }
        Py_DECREF(held.objects[i]);
    }
    PyMem_Free(held.objects);
}

#endif
