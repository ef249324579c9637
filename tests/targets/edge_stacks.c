/* Stacks that are not where a thread has them: coroutines, signal handlers on stacks of their own. */
#include "edge.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static ucontext_t main_context, contexts[64];

static void coroutine(int i)
{
        for (;;) {
                edge_churn(50);
                swapcontext(&contexts[i], &main_context);
        }
}

int edge_mode_coroutines(void)
{
        for (int i = 0; i < 64; i++) {
                char *stack = mmap(NULL, 12288 + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

                mprotect(stack, 4096, PROT_NONE);
                getcontext(&contexts[i]);
                contexts[i].uc_stack.ss_sp = stack + 4096;
                contexts[i].uc_stack.ss_size = 12288;
                makecontext(&contexts[i], (void (*)(void))coroutine, 1, i);
        }
        edge_ready();
        while (edge_now() < edge_end)
                for (int i = 0; i < 64; i++)
                        swapcontext(&main_context, &contexts[i]);
        return 0;
}

/* A coroutine near the end of its stack, which lies on the main stack among other data. */
static char *nested;

enum { NESTED_DATA = 64 << 10, NESTED_STACK = 16 << 10, NESTED_LEFT = 768 };

static void deep_coroutine(void)
{
        volatile char here;
        volatile char *fill = __builtin_alloca((size_t)(&here - nested) - NESTED_DATA - NESTED_LEFT);

        fill[0] = 1;
        while (edge_now() < edge_end && edge_bad == 0) {
                int wrong = 0;

                usleep(1000);
                for (int i = 0; i < NESTED_DATA; i++)
                        wrong += nested[i] != 0x55;
                edge_check("data below a stack", wrong == 0);
        }
        swapcontext(&contexts[0], &main_context);
}

int edge_mode_nested(void)
{
        char data[NESTED_DATA + NESTED_STACK];

        nested = data;
        usleep(1); /* what it calls is bound, which takes more stack than it has left */
        edge_ready();
        memset(data, 0x55, NESTED_DATA);
        getcontext(&contexts[0]);
        contexts[0].uc_stack.ss_sp = data + NESTED_DATA;
        contexts[0].uc_stack.ss_size = NESTED_STACK;
        makecontext(&contexts[0], deep_coroutine, 0);
        swapcontext(&main_context, &contexts[0]);
        return edge_bad != 0;
}

static volatile sig_atomic_t handled;

static void on_signal(int number)
{
        char local[3000];

        (void)number;
        memset(local, handled, sizeof local);
        handled++;
        edge_churn(3); /* not allowed, but programs do it; the main thread never allocates here */
}

/* At the end signals still come in: nobody left them blocked. At most 10 s. */
static bool signals_go_on(void)
{
        int before = handled;
        double give_up = edge_now() + 10;

        while (handled < before + 10 && edge_now() < give_up)
                ;
        return handled >= before + 10;
}

/* malloc in a signal handler on an alternate stack, while the main flow computes. */
int edge_mode_altstack(void)
{
        stack_t stack = { .ss_sp = malloc(65536), .ss_size = 65536 };
        struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_RESTART };
        struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
        struct itimerspec every = { { 0, 200000 }, { 0, 200000 } };
        volatile uint64_t sum = 0;
        timer_t timer;

        sigaltstack(&stack, NULL);
        sigaction(SIGALRM, &action, NULL);
        timer_create(CLOCK_MONOTONIC, &event, &timer);
        timer_settime(timer, 0, &every, NULL);
        edge_ready();
        while (edge_now() < edge_end)
                for (int i = 0; i < 100000; i++)
                        sum += (uint64_t)i;
        edge_check("signals", signals_go_on());
        return edge_bad != 0;
}

static void jump_out(int number)
{
        (void)number;
}

/* The main flow allocates and its signal handler runs on another stack: frames of the probe below a handler. */
int edge_mode_handler(void)
{
        stack_t stack = { .ss_sp = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
                          .ss_size = 65536 };
        struct sigaction action = { .sa_handler = jump_out, .sa_flags = SA_ONSTACK | SA_RESTART };
        struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
        struct itimerspec every = { { 0, 100000 }, { 0, 100000 } };
        timer_t timer;

        sigaltstack(&stack, NULL);
        sigaction(SIGALRM, &action, NULL);
        timer_create(CLOCK_MONOTONIC, &event, &timer);
        timer_settime(timer, 0, &every, NULL);
        edge_ready();
        while (edge_now() < edge_end)
                edge_churn(100);
        return edge_bad != 0;
}
