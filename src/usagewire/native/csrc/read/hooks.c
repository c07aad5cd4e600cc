/* Hooks: call functions of the reference and of users, for values that C does not know. Part of module.c.
 *
 * They can do anything: raise, use the same decoder, or release the GIL. Their exceptions hand the line back
 * to the reference, which raises them again with their place.
 */
#include "common/schema.h"

/* Number of calls from C to Python code that this thread is in. Calls of this module inside them leave all to
 * the reference. Otherwise a hook that fails, and is called again by the reference, would call the hooks
 * inside it twice each time: 2**depth calls. */
static THREAD_LOCAL int hooks_running = 0;

/* Clear an exception that the reference will raise again with its place. Keep lack of memory, and exceptions
 * that are not an `Exception`. Return NULL. */
static void *value_hand_back(void)
{
    if (PyErr_ExceptionMatches(PyExc_Exception) && !PyErr_ExceptionMatches(PyExc_MemoryError)) {
        PyErr_Clear();
    }
    return NULL;
}

/* GC-track all complete records before Python code can see them. */
static inline void value_show(Input *r)
{
    if (r->values->deferred.n) {
        gc_deferred_track(&r->values->deferred);
    }
}

/* Call a function of the reference or of the user that may raise anything. */
static PyObject *value_called(Input *r, PyObject *function, PyObject *const *args, size_t n, PyObject *names)
{
    value_show(r);
    hooks_running++;
    PyObject *result = PyObject_Vectorcall(function, args, n, names);
    hooks_running--;
    if (result == NULL) {
        r->refused = true;
        value_hand_back();
    }
    return result;
}

/* Read a value by its hook. The reference limits how deep recursive classes nest, and such a hook would count
 * only the levels inside it. */
static PyObject *value_hooked(Input *r, const Kind *kind)
{
    ValueInfo info;
    PyObject *value = value_parsed(r, &info);
    if (value == NULL || r->depth + info.depth > VALUE_DEPTH) {
        Py_XDECREF(value);
        return NULL;
    }
    PyObject *args[] = {value, kind->type};
    PyObject *result = value_called(r, kind->hook, args, 2, NULL);
    Py_DECREF(value);
    return result;
}

/* Read an enum or a literal. */
static PyObject *value_choice(Input *r, const Choices *choices)
{
    Text text;
    int64_t number;
    if (scan_char(&r->s, '"')) {
        if (!scan_string(&r->s, &text)) {
            return value_malformed(r);
        }
        int index = text.escaped ? -1 : str_table_find(&choices->texts, text.text, text.length);
        return index < 0 ? NULL : Py_NewRef(PyTuple_GET_ITEM(choices->objects, index));
    }
    if (!scan_integer(&r->s, &number)) {
        return NULL;
    }
    PyObject *key = intern_number(&r->values->intern, number);
    PyObject *found = key == NULL ? NULL : PyDict_GetItemWithError(choices->others, key);
    Py_XDECREF(key);
    return Py_XNewRef(found);
}
