/* The module: `Plan` reads records from bytes, `Writer` writes them.
 *
 *   common/platform.h     names that differ between compilers and processors
 *   common/scan.h         tokens of JSON in bytes
 *   common/intern.h       strings and numbers that repeat
 *   common/schema.h       classes, fields, keys and kinds: declared
 *   common/schema.c       the same, built from Python's descriptions
 *   common/gc_deferred.h  objects that the garbage collector tracks later
 *   read/values.c         single values
 *   read/records.c        instances of classes
 *   read/plan.c           the Python type `Plan`
 *   write/digits.h        integers to digits
 *   write/buffer.h        the text that is written
 *   write/records.c       values and records to JSON
 *   write/writer.c        the Python type `Writer`
 *
 * All is one translation unit: this file includes the others, each of which uses what comes before it.
 * Input or a record that is not the plain case is given back to the reference: nothing here decides what
 * input means or writes an error text about it.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#if defined(Py_GIL_DISABLED)
#error "free-threaded Python is not supported: usagewire works there without this extension"
#endif

#include "common/schema.c"
#include "read/values.c"
#include "read/records.c"
#include "read/plan.c"
#include "write/records.c"
#include "write/writer.c"

static int
module_exec(PyObject *module)
{
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
    .m_doc = "Typed records straight from bytes and back, for the plain case.",
    .m_slots = module_slots,
};

PyMODINIT_FUNC
PyInit_extension(void)
{
    return PyModuleDef_Init(&module_def);
}
