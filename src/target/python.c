#include "target/python.h"

#include "base/alloc.h"
#include "target/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { OLDEST = 0x0309, FIRST_SELF_TOLD = 0x030d, THREADS_MAX = 4096, OFFSET_MAX = 4096, RUNTIME_MAX = 1 << 20 };

static const struct python_layout layouts[] = {
        [0x0309 - OLDEST] = {
                .finalizing = 16, .interpreters = 32, .tss_key = 584, .threads = 8, .next_thread = 8, .interpreter = 16,
                .thread_id = 176, .anchor = PYTHON_NONE, .innermost = 24, .next_anchor = PYTHON_NONE,
                .previous = 24, .code = 32, .at = 104, .mark = 104, .first_line = 40, .file = 104, .name = 112,
                .qualname = PYTHON_NONE, .lines = 120, .bytes = 48, .ascii_size = 48, .compact_size = 72, .at_scale = 1,
                .entry = PYTHON_ENTRY_EACH, .line_format = PYTHON_LINES_LNOTAB },
        [0x030a - OLDEST] = {
                .finalizing = 16, .interpreters = 32, .tss_key = 584, .threads = 8, .next_thread = 8, .interpreter = 16,
                .thread_id = 176, .anchor = PYTHON_NONE, .innermost = 24, .next_anchor = PYTHON_NONE,
                .previous = 24, .code = 32, .at = 96, .mark = 96, .first_line = 40, .file = 104, .name = 112,
                .qualname = PYTHON_NONE, .lines = 120, .bytes = 48, .ascii_size = 48, .compact_size = 72, .at_scale = 2,
                .entry = PYTHON_ENTRY_EACH, .line_format = PYTHON_LINES_TABLE },
        [0x030b - OLDEST] = {
                .finalizing = 24, .interpreters = 40, .tss_key = 592, .threads = 16, .next_thread = 8, .interpreter = 16,
                .thread_id = 152, .anchor = 56, .innermost = 8, .next_anchor = 16,
                .previous = 48, .code = 32, .at = 56, .mark = 68, .first_line = 72, .file = 112, .name = 120,
                .qualname = 128, .lines = 136, .bytes = 184, .ascii_size = 48, .compact_size = 72, .at_scale = 0,
                .entry = PYTHON_ENTRY_MARK, .line_format = PYTHON_LINES_LOCATIONS },
        [0x030c - OLDEST] = {
                .finalizing = 24, .interpreters = 40, .tss_key = 1544, .threads = 72, .next_thread = 8, .interpreter = 16,
                .thread_id = 136, .anchor = 56, .innermost = 0, .next_anchor = 8,
                .previous = 8, .code = 0, .at = 56, .mark = 70, .first_line = 68, .file = 112, .name = 120,
                .qualname = 128, .lines = 136, .bytes = 192, .ascii_size = 40, .compact_size = 56, .at_scale = 0,
                .entry = PYTHON_ENTRY_SHIM, .line_format = PYTHON_LINES_LOCATIONS },
};

/* The words of _Py_DebugOffsets in 3.13 (Include/internal/pycore_runtime.h): a cookie, the version, whether it is built
 * without a lock, then offsets; these are the places of those that matter. */
enum {
        TOLD_COOKIE = 0, TOLD_VERSION = 1, TOLD_WITHOUT_LOCK = 2, TOLD_FINALIZING = 4, TOLD_INTERPRETERS = 5, TOLD_THREADS = 9,
        TOLD_NEXT_THREAD = 21, TOLD_INTERPRETER = 22, TOLD_INNERMOST = 23, TOLD_THREAD_ID = 24, TOLD_PREVIOUS = 29, TOLD_CODE = 30,
        TOLD_AT = 31, TOLD_MARK = 33, TOLD_FILE = 35, TOLD_NAME = 36, TOLD_QUALNAME = 37, TOLD_LINES = 38,
        TOLD_FIRST_LINE = 39, TOLD_BYTES = 43, TOLD_ASCII_SIZE = 70, TOLD_WORDS = 71,
};
static const char cookie[8] = "xdebugpy";

const struct python_layout *python_layout(uint32_t version)
{
        return version >= OLDEST && version - OLDEST < array_len(layouts) ? &layouts[version - OLDEST] : NULL;
}

/* ---- finding it ---- */

struct find_loop {
        struct image_symbol symbol;
        bool found;
};

static int find_loop(void *ctx, const struct image_symbol *symbol)
{
        struct find_loop *find = ctx;

        if (strcmp(symbol->name, "_PyEval_EvalFrameDefault") != 0)
                return 0;
        find->symbol = *symbol;
        find->found = true;
        return 1;
}

static uint64_t address_of(struct image *image, const char *name, uint64_t bias)
{
        struct image_symbol symbol;

        return image_datum(image, name, &symbol) ? symbol.addr + bias : 0;
}

/* "libpython3.9.so.1.0" and "python3.10": for what is older than Py_Version. */
static uint32_t version_in_path(const char *path)
{
        const char *slash = strrchr(path, '/'), *at = strstr(slash ? slash : path, "python");
        char *end;
        long major, minor = 0;

        if (!at)
                return 0;
        major = strtol(at + 6, &end, 10);
        if (*end == '.')
                minor = strtol(end + 1, NULL, 10);
        return major < 2 || major > 99 || minor < 0 || minor > 99 ? 0 : (uint32_t)(major << 8 | minor);
}

/* Py_Version is PY_VERSION_HEX, as an unsigned long. */
static uint32_t version_of(struct image *image, const char *path, uint64_t bias, int memory)
{
        uint64_t addr = address_of(image, "Py_Version", bias), hex;

        if (addr == 0)
                return version_in_path(path);
        return memory_read(memory, addr, &hex, sizeof hex) < 0 ? 0 : (uint32_t)(hex >> 16) & 0xffff;
}

static bool is_offset(uint64_t offset, uint64_t max)
{
        return offset < max && offset % 4 == 0;
}

/* What is read into room of ours, which the offsets must not lead out of. The instructions are a code object's last
 * field. */
static bool are_heads(const uint64_t told[TOLD_WORDS])
{
        static const uint8_t fields[] = { TOLD_FILE, TOLD_NAME, TOLD_QUALNAME, TOLD_LINES, TOLD_FIRST_LINE };

        for (size_t i = 0; i < array_len(fields); i++)
                if (told[fields[i]] > told[TOLD_BYTES])
                        return false;
        return told[TOLD_BYTES] <= PYTHON_CODE_HEAD - 8 && told[TOLD_ASCII_SIZE] >= 40 &&
               told[TOLD_ASCII_SIZE] <= PYTHON_STRING_HEAD - 16;
}

static int read_told(uint64_t runtime, uint32_t version, int memory, struct python_layout *ret)
{
        uint64_t told[TOLD_WORDS];

        if (memory_read(memory, runtime, told, sizeof told) < 0)
                return -EAGAIN;
        if (memcmp(&told[TOLD_COOKIE], cookie, sizeof cookie) != 0 || (told[TOLD_VERSION] >> 16) != version ||
            told[TOLD_WITHOUT_LOCK])
                return -ENOTSUP;
        for (size_t i = TOLD_VERSION + 1; i < TOLD_WORDS; i++)
                if (i != TOLD_MARK && (told[i] >= RUNTIME_MAX))
                        return -ENOTSUP;
        *ret = (struct python_layout){
                .finalizing = (uint32_t)told[TOLD_FINALIZING], .interpreters = (uint32_t)told[TOLD_INTERPRETERS],
                .tss_key = PYTHON_NONE, .threads = (uint32_t)told[TOLD_THREADS],
                .next_thread = (uint32_t)told[TOLD_NEXT_THREAD], .interpreter = (uint32_t)told[TOLD_INTERPRETER],
                .thread_id = (uint32_t)told[TOLD_THREAD_ID], .anchor = PYTHON_NONE, .next_anchor = PYTHON_NONE,
                .innermost = (uint32_t)told[TOLD_INNERMOST], .previous = (uint32_t)told[TOLD_PREVIOUS],
                .code = (uint32_t)told[TOLD_CODE], .at = (uint32_t)told[TOLD_AT], .mark = (uint32_t)told[TOLD_MARK],
                .first_line = (uint32_t)told[TOLD_FIRST_LINE], .file = (uint32_t)told[TOLD_FILE],
                .name = (uint32_t)told[TOLD_NAME], .qualname = (uint32_t)told[TOLD_QUALNAME],
                .lines = (uint32_t)told[TOLD_LINES], .bytes = (uint32_t)told[TOLD_BYTES],
                .ascii_size = (uint32_t)told[TOLD_ASCII_SIZE], .compact_size = (uint32_t)told[TOLD_ASCII_SIZE] + 16,
                .entry = PYTHON_ENTRY_SHIM, .line_format = PYTHON_LINES_LOCATIONS };
        return is_offset(told[TOLD_INNERMOST], OFFSET_MAX) && is_offset(told[TOLD_THREAD_ID], OFFSET_MAX) &&
               is_offset(told[TOLD_PREVIOUS], OFFSET_MAX) && is_offset(told[TOLD_CODE], OFFSET_MAX) &&
               is_offset(told[TOLD_AT], OFFSET_MAX) && told[TOLD_MARK] < OFFSET_MAX && are_heads(told) ? 0 : -ENOTSUP;
}

int python_find(struct image *image, const char *path, uint64_t bias, int memory, struct python *ret)
{
        struct python python = { .runtime = address_of(image, "_PyRuntime", bias) };
        const struct python_layout *known;
        struct find_loop find = { 0 };
        int r = 0;

        if (python.runtime == 0)
                return 0;
        python.version = version_of(image, path, bias, memory);
        *ret = python;
        known = python_layout(python.version);
        if (known)
                python.layout = *known;
        else if (python.version == FIRST_SELF_TOLD)
                r = read_told(python.runtime, python.version, memory, &python.layout);
        else
                r = -ENOTSUP;
        python.code_type = address_of(image, "PyCode_Type", bias);
        python.string_type = address_of(image, "PyUnicode_Type", bias);
        python.bytes_type = address_of(image, "PyBytes_Type", bias);
        if (r == 0 && (!python.code_type || !python.string_type || !python.bytes_type))
                r = -ENOTSUP;
        if (r < 0)
                return r;
        image_functions(image, find_loop, &find);
        if (find.found) {
                python.loop = find.symbol.addr + bias;
                python.loop_end = python.loop + find.symbol.size;
        }
        *ret = python;
        return 1;
}

/* ---- a thread's own state ---- */

/* glibc's struct pthread has the first 32 of the values of pthread_setspecific() in itself, each behind a sequence
 * number, then pointers to all such blocks; the first of these points back to it, which is how it is found. */
enum { CONTROL_WORDS = 2304 / 8, BLOCK_KEYS = 32, BLOCK_WORDS = 2 * BLOCK_KEYS };

static bool find_block(const uint64_t words[CONTROL_WORDS], uint64_t thread, size_t *ret)
{
        for (size_t i = BLOCK_WORDS; i < CONTROL_WORDS; i++)
                if (words[i] == thread + 8 * (i - BLOCK_WORDS)) {
                        *ret = i - BLOCK_WORDS;
                        return true;
                }
        return false;
}

/* The key that CPython uses, or a value that is none. It is behind an int that says whether it is made. */
static uint32_t tss_key(const struct python *python, int memory)
{
        int32_t made_and_key[2];

        if (python->layout.tss_key == PYTHON_NONE ||
            memory_read(memory, python->runtime + python->layout.tss_key, made_and_key, sizeof made_and_key) < 0 ||
            made_and_key[0] == 0)
                return UINT32_MAX;
        return (uint32_t)made_and_key[1];
}

/* STATE is that of the thread with the thread pointer THREAD. */
static bool find_state(const struct python *python, int memory, uint64_t thread, uint64_t state, uint32_t *ret_offset)
{
        uint32_t key = tss_key(python, memory), n = 0;
        uint64_t words[CONTROL_WORDS];
        size_t block;

        if (memory_read(memory, thread, words, sizeof words) < 0 || words[0] != thread ||
            !find_block(words, thread, &block))
                return false;
        for (uint32_t i = 0; key == UINT32_MAX && i < BLOCK_KEYS; i++) /* other libraries may keep it as well */
                if (words[block + 2 * i + 1] == state && n++ == 0)
                        *ret_offset = (uint32_t)(8 * (block + 2 * i + 1));
        if (key == UINT32_MAX)
                return n == 1;
        *ret_offset = (uint32_t)(8 * (block + 2 * key + 1));
        return key < BLOCK_KEYS && words[block + 2 * key + 1] == state;
}

static bool read_word(int memory, uint64_t addr, uint64_t *ret)
{
        return memory_read(memory, addr, ret, sizeof *ret) == 0;
}

int python_state(const struct python *python, int memory, uint32_t *ret_offset)
{
        const struct python_layout *layout = &python->layout;
        uint64_t interpreter, state, of, thread;
        bool any = false;

        if (!read_word(memory, python->runtime + layout->interpreters, &interpreter) || !interpreter ||
            !read_word(memory, interpreter + layout->threads, &state))
                return -EAGAIN;
        for (int i = 0; state && i < THREADS_MAX; i++) {
                if (!read_word(memory, state + layout->interpreter, &of) || of != interpreter ||
                    !read_word(memory, state + layout->thread_id, &thread))
                        break;
                if (thread && find_state(python, memory, thread, state, ret_offset))
                        return 0;
                any |= thread != 0;
                if (!read_word(memory, state + layout->next_thread, &state))
                        break;
        }
        return any ? -ENOTSUP : -EAGAIN;
}
