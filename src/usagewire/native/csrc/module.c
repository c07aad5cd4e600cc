/* The module: `Plan` reads records from bytes, `Writer` writes them.
 *
 *   common/platform.h     compilers and processors
 *   common/scan.h         JSON tokens
 *   common/intern.h       repeated values
 *   common/gc_deferred.h  deferred GC tracking
 *
 *   common/schema.h       classes and fields
 *   common/kinds.c        building kinds
 *   common/schema.c       building a schema
 *
 *   read/values.c         single values
 *   read/hooks.c          values that a hook reads
 *   read/text.c           dates, UUIDs and such
 *
 *   read/records.c        instances of classes
 *   read/constructors.c   instances that their class makes
 *   read/containers.c     unions, lists and dicts
 *   read/plan.c           the Python type `Plan`
 *
 *   write/digits.h        digits of integers
 *   write/buffer.h        the written text
 *   write/text.c          dates, UUIDs and such
 *   write/scalars.c       single values
 *
 *   write/values.c        containers
 *   write/records.c       records
 *   write/writer.c        the Python type `Writer`
 *
 * It is one translation unit: this file includes the others, and each of them uses those before it. C hands
 * unusual input and unusual records back to the reference. It never decides what input means, and writes no
 * error text about it.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#if defined(Py_GIL_DISABLED)
#error "free-threaded Python is not supported: usagewire works there without this extension"
#endif

#include "common/kinds.c"
#include "common/schema.c"
#include "read/values.c"
#include "read/hooks.c"
#include "read/text.c"
#include "read/records.c"
#include "read/constructors.c"
#include "read/containers.c"
#include "read/plan.c"
#include "write/text.c"
#include "write/scalars.c"
#include "write/values.c"
#include "write/records.c"
#include "write/writer.c"

/* Set PyDateTimeAPI as PyDateTime_IMPORT does, but keep a MemoryError. A module may be made again: if that
 * fails, the pointer of the first one stays. */
static bool module_import_dates(void)
{
    PyObject *module = PyImport_ImportModule("datetime");
    PyObject *capsule = module == NULL ? NULL : PyObject_GetAttrString(module, "datetime_CAPI");
    void *api = capsule == NULL ? NULL : PyCapsule_GetPointer(capsule, PyDateTime_CAPSULE_NAME);
    Py_XDECREF(capsule);
    Py_XDECREF(module);
    if (api != NULL) {
        PyDateTimeAPI = api;
    }
    return api != NULL;
}

static int module_exec(PyObject *module)
{
    if (!module_import_dates()) {
        return -1;
    }
    PyType_Spec *specs[] = {&plan_spec, &writer_spec};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        PyObject *type = PyType_FromModuleAndSpec(module, specs[i], NULL);
        if (type == NULL || PyModule_AddType(module, (PyTypeObject *)type) < 0) {
            Py_XDECREF(type);
            return -1;
        }
        Py_DECREF(type);
    }
    return 0;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, (void *)module_exec},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, NULL},
};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "usagewire.native.extension",
    .m_doc = "Read typed records from JSON bytes and write them, in their usual forms.",
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit_extension(void)
{
    return PyModuleDef_Init(&module_def);
}
