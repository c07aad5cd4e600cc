/* The module: `Plan` reads records from bytes (read/reading.h), `Writer` writes them (write/writing.h).
 *
 *   common/platform.h    what compilers and processors have names of their own for
 *   common/scan.h        tokens of JSON in bytes
 *   common/intern.h      strings that repeat
 *   read/plan.h          what a type needs to be read
 *   common/tracking.h    what the garbage collector is to see later
 *   read/values.h        single values
 *   read/records.h       instances of classes
 *   read/reading.h       the Python type over these
 *   write/digits.h       whole numbers to digits
 *   write/encode.h       records to JSON text
 *   write/writing.h      the Python type over that
 *
 * Whatever is not plainly understood is given back to who called: nothing here decides what input
 * means, and nothing writes an error text about input.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#if defined(Py_GIL_DISABLED)
#error "free-threaded Python is not supported: usagewire works there without this extension"
#endif

#include "read/reading.h"
#include "write/writing.h"

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
    .m_doc = "Typed records straight from bytes and back, where they are plain.",
    .m_slots = module_slots,
};

PyMODINIT_FUNC
PyInit_extension(void)
{
    return PyModuleDef_Init(&module_def);
}
