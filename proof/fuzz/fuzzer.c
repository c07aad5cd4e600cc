/* The functions that libFuzzer calls. They call `one` of `proof.fuzz.libfuzzer` in an embedded Python.
 *
 * proof/fuzz/fuzzer.sh sets PYTHON, the interpreter with the packages. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

static PyObject *one;

static void give_up(void)
{
    PyErr_Print();
    abort(); /* libFuzzer keeps the input */
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    PyStatus status = PyConfig_SetBytesString(&config, &config.executable, PYTHON);
    if (!PyStatus_Exception(status)) {
        status = Py_InitializeFromConfig(&config);
    }
    if (PyStatus_Exception(status)) {
        Py_ExitStatusException(status);
    }
    PyConfig_Clear(&config);
    PyObject *target = PyImport_ImportModule("proof.fuzz.libfuzzer");
    one = target == NULL ? NULL : PyObject_GetAttrString(target, "one");
    if (one == NULL) {
        give_up();
    }
    Py_DECREF(target);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PyObject *result = PyObject_CallFunction(one, "y#", (const char *)data, (Py_ssize_t)size);
    if (result == NULL) {
        give_up();
    }
    Py_DECREF(result);
    return 0;
}
