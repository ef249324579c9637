/* Modules with allocators of their own, and others who change the code that is hooked. */
#include "edge.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Another tool hooks malloc after us: its copy of the first instruction is our jump. */
int edge_mode_diverted(void)
{
        uint8_t *entry = dlsym(RTLD_DEFAULT, "malloc"), *copy;
        uintptr_t page = (uintptr_t)entry & ~4095ul;
        int32_t distance;

        edge_ready();
        while (edge_now() < edge_end && !edge_is_hooked(entry))
                edge_churn(10);
        entry += entry[0] == 0xe9 ? 0 : 4;
        for (copy = (uint8_t *)page - (64 << 20); copy < entry; copy += 4096)
                if (mmap(copy, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == copy)
                        break;
        memcpy(&distance, entry + 1, sizeof distance);
        distance += (int32_t)(entry - copy);
        copy[0] = 0xe9;
        memcpy(copy + 1, &distance, sizeof distance);
        distance = (int32_t)(copy - entry) - 5;
        edge_check("mprotect", mprotect((void *)page, 8192, PROT_READ | PROT_WRITE | PROT_EXEC) == 0);
        memcpy(entry + 1, &distance, sizeof distance);
        mprotect((void *)page, 8192, PROT_READ | PROT_EXEC);
        printf("DIVERTED\n");
        fflush(stdout);
        while (edge_now() < edge_end)
                edge_churn(100);
        return edge_bad != 0;
}

/* MODULE (attach-edges.sh) has two allocators, and nothing readable in front of a block. */
static void use_module(void *module)
{
        int (*owner)(const void *) = (int (*)(const void *))dlsym(module, "owner");
        void *(*resize[2])(void *, size_t) = { (void *(*)(void *, size_t))dlsym(module, "realloc"),
                                               (void *(*)(void *, size_t))dlsym(module, "_rjem_realloc") };
        void (*release[2])(void *) = { (void (*)(void *))dlsym(module, "free"),
                                       (void (*)(void *))dlsym(module, "_rjem_free") };

        for (int i = 0; i < 1000; i++)
                for (int k = 0; k < 2; k++) {
                        void *p = resize[k](NULL, 3000);

                        edge_check("the allocator that was called", owner(p) == k);
                        p = resize[k](p, 4000);
                        release[k](p);
                }
}

/* All that use_module() calls. */
static bool module_is_hooked(void *module)
{
        static const char *const names[] = { "realloc", "free", "_rjem_realloc", "_rjem_free" };

        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (!edge_is_hooked(dlsym(module, names[i])))
                        return false;
        return true;
}

/* A module with allocators of its own goes while it is hooked. */
int edge_mode_unload(void)
{
        void *module = dlopen(getenv("EDGE_MODULE"), RTLD_NOW | RTLD_LOCAL);

        edge_check("dlopen", module != NULL);
        edge_ready();
        while (edge_now() < edge_end && module && !module_is_hooked(module))
                edge_churn(10);
        if (module) {
                edge_check("hooked", module_is_hooked(module));
                use_module(module);
                dlclose(module);
        }
        printf("UNLOADED\n");
        fflush(stdout);
        while (edge_now() < edge_end)
                edge_churn(100);
        return edge_bad != 0;
}

/* MODULE (attach-edges.sh) has a malloc that stays in its first bytes for long, and a free that faults there. */

enum { LONG_BYTES = 64 << 20 };

static char *faulting; /* cannot be read until malloc is hooked */
static volatile uint8_t *module_entry;

static void let_it_be_read(int number)
{
        double give_up = edge_now() + 20;

        (void)number;
        while (edge_now() < give_up && !edge_is_hooked(module_entry))
                usleep(1000);
        mprotect(faulting, 4096, PROT_READ);
}

static void *faults_at_the_start(void *release)
{
        stack_t stack = { .ss_sp = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
                          .ss_size = 65536 };

        sigaltstack(&stack, NULL);
        ((int (*)(char *, int, int))release)(faulting, 0, 77);
        return NULL;
}

/* A thread that stands in the bytes to be patched, and one whose signal handler will return there. */
int edge_mode_inside(void)
{
        struct sigaction action = { .sa_handler = let_it_be_read, .sa_flags = SA_ONSTACK };
        void *module = dlopen(getenv("EDGE_MODULE"), RTLD_NOW | RTLD_LOCAL);
        char *bytes = mmap(NULL, LONG_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        void (*fill)(char *, int, size_t) = module ? (void (*)(char *, int, size_t))dlsym(module, "malloc") : NULL;
        pthread_t thread;

        faulting = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        edge_check("dlopen", fill != NULL);
        if (!fill)
                return 1;
        module_entry = (uint8_t *)fill;
        sigaction(SIGSEGV, &action, NULL);
        edge_check("pthread_create", pthread_create(&thread, NULL, faults_at_the_start, dlsym(module, "free")) == 0);
        fill(bytes, 0, LONG_BYTES);
        edge_ready();
        while (edge_now() < edge_end)
                fill(bytes, 0, LONG_BYTES);
        pthread_join(thread, NULL);
        return edge_bad != 0;
}

/* MODULE (attach-edges.sh) has a malloc that takes its time: a return address into the probe stands on the stack for
 * long. */
int edge_mode_asleep(void)
{
        void *module = dlopen(getenv("EDGE_MODULE"), RTLD_NOW | RTLD_LOCAL);
        void *(*slow)(size_t) = module ? (void *(*)(size_t))dlsym(module, "malloc") : NULL;
        void (*release)(void *) = module ? (void (*)(void *))dlsym(module, "free") : NULL;

        edge_check("dlopen", slow && release);
        edge_ready();
        while (edge_now() < edge_end && slow && release)
                release(slow(64 << 20));
        return edge_bad != 0;
}

static void end_soon(int sig)
{
        (void)sig;
        edge_end = 0;
}

/* A child that keeps the module, and uses it as long as the parent lives. */
static pid_t leave_child(void *module)
{
        pid_t pid = fork();

        if (pid == 0) {
                while (edge_now() < edge_end)
                        use_module(module);
                _exit(edge_bad != 0);
        }
        printf("CHILD %d\n", (int)pid);
        fflush(stdout);
        return pid;
}

/* A module with allocators of its own comes and goes, and comes again at the same place. EDGE_FORK: when it is hooked,
 * there is a child with it, too. Ends on SIGTERM, too. */
int edge_mode_late(void)
{
        bool forks = getenv("EDGE_FORK") != NULL;
        pid_t child = 0;
        int status;

        signal(SIGTERM, end_soon);
        edge_ready();
        while (edge_now() < edge_end) {
                void *module = dlopen(getenv("EDGE_MODULE"), RTLD_NOW | RTLD_LOCAL);
                uint8_t *entry = module ? dlsym(module, "malloc") : NULL;
                double until = edge_now() + 0.1;

                edge_check("dlopen", entry != NULL);
                while (entry && edge_now() < until)
                        use_module(module);
                if (forks && entry && edge_is_hooked(entry)) {
                        child = leave_child(module);
                        forks = false;
                }
                if (module)
                        dlclose(module);
                usleep(10000);
        }
        if (child > 0 && kill(child, SIGTERM) == 0 && wait(&status) == child)
                edge_check("the child's module", status == 0);
        return edge_bad != 0;
}
