#!/bin/sh
# Offsets in target/python.c are those of the headers of CPython 3.11 that are installed here, compiled. PYTHON_INCLUDE=/path/include/python3.12
# compares another version.
: "${HEAPTOP_BUILD:?}"
include=${PYTHON_INCLUDE:-/usr/include/python3.11}
[ -r "$include/internal/pycore_frame.h" ] || [ -r "$include/internal/pycore_runtime.h" ] || {
        echo "1..0 # SKIP no CPython headers in $include"
        exit 0
}
work=$(mktemp -d "${TMPDIR:-/tmp}/heaptop-test.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
cat >"$work/layout.c" <<'EOF'
#define Py_BUILD_CORE 1
#include <Python.h>
#include <stddef.h>
#include "internal/pycore_runtime.h"
#include "internal/pycore_interp.h"
#if PY_VERSION_HEX >= 0x030b0000
#include "internal/pycore_frame.h"
typedef _PyInterpreterFrame frame;
#define CODE f_code
#define AT prev_instr
#define INTERPRETER_THREADS threads.head
#define LINES co_linetable
#define BYTES co_code_adaptive
#else
#include "frameobject.h"
typedef struct _frame frame;
#define CODE f_code
#define AT f_lasti
#define previous f_back
#define INTERPRETER_THREADS tstate_head
#define BYTES co_code
#if PY_VERSION_HEX >= 0x030a0000
#define LINES co_linetable
#else
#define LINES co_lnotab
#endif
#endif
#if PY_VERSION_HEX >= 0x030c0000
#define KEY autoTSSkey
#define MARK owner
#elif PY_VERSION_HEX >= 0x030b0000
#define KEY gilstate.autoTSSkey
#define MARK is_entry
#else
#define KEY gilstate.autoTSSkey
#define MARK f_lasti
#endif
#define AT_OF(type, field) ((int)offsetof(type, field))
int main(void)
{
#if PY_VERSION_HEX >= 0x030b0000
        int anchor = AT_OF(PyThreadState, cframe), innermost = AT_OF(_PyCFrame, current_frame), next = AT_OF(_PyCFrame, previous);
        int qualname = AT_OF(PyCodeObject, co_qualname);
#else
        int anchor = -1, innermost = AT_OF(PyThreadState, frame), next = -1, qualname = -1;
#endif
        printf("runtime %d %d %d\n", AT_OF(_PyRuntimeState, _finalizing), AT_OF(_PyRuntimeState, interpreters.head),
               AT_OF(_PyRuntimeState, KEY));
        printf("interpreter %d\n", AT_OF(PyInterpreterState, INTERPRETER_THREADS));
        printf("thread %d %d %d\n", AT_OF(PyThreadState, next), AT_OF(PyThreadState, interp), AT_OF(PyThreadState, thread_id));
        printf("anchor %d %d %d\n", anchor, innermost, next);
        printf("frame %d %d %d %d\n", AT_OF(frame, previous), AT_OF(frame, CODE), AT_OF(frame, AT), AT_OF(frame, MARK));
        printf("code %d %d %d %d %d %d\n", AT_OF(PyCodeObject, co_firstlineno), AT_OF(PyCodeObject, co_filename),
               AT_OF(PyCodeObject, co_name), qualname, AT_OF(PyCodeObject, LINES), AT_OF(PyCodeObject, BYTES));
        printf("string %d %d\n", (int)sizeof(PyASCIIObject), (int)sizeof(PyCompactUnicodeObject));
        printf("object %d %d %d %d %d\n", AT_OF(PyObject, ob_type), AT_OF(PyVarObject, ob_size), AT_OF(PyASCIIObject, length),
               AT_OF(PyASCIIObject, state), AT_OF(PyBytesObject, ob_sval));
        return 0;
}
EOF
version=${include##*python}
echo 1..1
if ${CC:-cc} -w -I"$include" -I"$include/internal" -o "$work/layout" "$work/layout.c" 2>"$work/err" &&
        "$work/layout" >"$work/theirs" && "$HEAPTOP_BUILD/tests/python_layout" "$version" >"$work/ours" &&
        diff "$work/theirs" "$work/ours" >"$work/diff"; then
        echo "ok 1 - offsets of CPython $version are those of its headers"
else
        sed 's/^/# /' "$work/err" "$work/diff"
        echo "not ok 1 - offsets of CPython $version are those of its headers"
        exit 1
fi
