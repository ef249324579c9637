/* toy_python: the parts of CPython 3.11 that heaptop looks at, in our own memory; exported as CPython does, by a
 * program linked with
 * --export-dynamic. Offsets are those of target/python.c, which tests/python_layout.sh compares with CPython's headers.
 * */
#pragma once

#include "target/image.h"
#include "target/maps.h"
#include "target/memory.h"
#include "target/python_code.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

uint64_t _PyRuntime[256], PyCode_Type[4], PyUnicode_Type[4], PyBytes_Type[4];
extern unsigned long Py_Version;
unsigned long Py_Version = 0x030b02f0;

enum { TOY_FINALIZING = 24, TOY_INTERPRETERS = 40, TOY_TSS_KEY = 592, TOY_THREADS = 16, TOY_INTERP = 16, TOY_THREAD_ID = 152 };

struct toy_string {
        uint64_t count;
        const void *type;
        uint64_t length, hash;
        uint32_t state, pad;
        uint64_t wstr;
        uint8_t chars[256]; /* where those of an ASCII string are; others have three more words before */
};

struct toy_bytes {
        uint64_t count;
        const void *type;
        uint64_t n, hash;
        uint8_t v[256];
};

struct toy_code {
        uint64_t count;
        const void *type;
        uint8_t pad1[72 - 16];
        uint32_t first_line;
        uint8_t pad2[112 - 76];
        const void *file, *name, *qualname, *lines;
        uint8_t pad3[184 - 144];
        uint16_t bytes[64];
};

struct toy_interp {
        uint64_t word[16];
};

struct toy_thread {
        uint64_t word[32];
};

static inline uint64_t toy_thread_pointer(void)
{
        uint64_t fs;

        __asm__("mov %%fs:0, %0" : "=r"(fs));
        return fs;
}

/* KIND 1, 2 or 4 bytes a character; ASCII. */
static inline void toy_string(struct toy_string *s, uint64_t length, uint32_t kind, bool ascii, const void *chars)
{
        *s = (struct toy_string){ .type = PyUnicode_Type, .length = length, .state = kind << 2 | 1u << 5 | (uint32_t)ascii << 6 | 1u << 7 };
        memcpy(s->chars + (ascii ? 0 : 24), chars, length * kind);
}

static inline void toy_text(struct toy_string *s, const char *text)
{
        toy_string(s, strlen(text), 1, true, text);
}

static inline void toy_bytes(struct toy_bytes *b, size_t n, const void *v)
{
        *b = (struct toy_bytes){ .type = PyBytes_Type, .n = n };
        memcpy(b->v, v, n);
}

/* Our own file, mapped where we run. */
static inline int toy_find(int memory, struct python *ret)
{
        struct maps maps = { 0 };
        struct image *image = NULL;
        uint64_t bias;
        int r = maps_read(getpid(), &maps);

        if (r == 0)
                r = image_open_path("/proc/self/exe", &image);
        if (r == 0)
                r = image_bias(image, maps_find(&maps, (uint64_t)(uintptr_t)toy_find), &bias);
        if (r == 0)
                r = python_find(image, "/usr/bin/python3.11", bias, memory, ret);
        image_close(image);
        maps_done(&maps);
        return r;
}

/* One interpreter with one thread, which is us; KEY is that of pthread_setspecific(), made and set here. */
static inline void toy_start(struct toy_interp *interp, struct toy_thread *thread, pthread_key_t *key)
{
        uint8_t *runtime = (uint8_t *)_PyRuntime;
        int32_t made_and_key[2] = { 1, 0 };
        const void *first = interp;

        pthread_key_create(key, NULL);
        pthread_setspecific(*key, thread);
        made_and_key[1] = (int32_t)*key;
        memset(runtime, 0, sizeof _PyRuntime);
        memcpy(runtime + TOY_INTERPRETERS, &first, 8);
        memcpy(runtime + TOY_TSS_KEY, made_and_key, sizeof made_and_key);
        *interp = (struct toy_interp){ .word[TOY_THREADS / 8] = (uint64_t)(uintptr_t)thread };
        *thread = (struct toy_thread){ .word[TOY_INTERP / 8] = (uint64_t)(uintptr_t)interp,
                                       .word[TOY_THREAD_ID / 8] = toy_thread_pointer() };
}

static inline void toy_stop(pthread_key_t key)
{
        memset(_PyRuntime, 0, sizeof _PyRuntime);
        pthread_key_delete(key);
        Py_Version = 0x030b02f0;
}
