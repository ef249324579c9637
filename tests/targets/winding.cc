// winding: allocates at the bottom of every kind of stack that compilers make on purpose, for the comparison of unwinders.
//
//   winding            prints READY, then goes round until its stdin ends
//
// Built with -O2 and no frame pointers. Each way down ends in bottom(), which allocates. Which ways there are is in ways[].
#include <algorithm>
#include <alloca.h>
#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <poll.h>
#include <pthread.h>
#include <search.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include <vector>

#define NOINLINE __attribute__((noinline, noclone))
static unsigned seed = 1;
static volatile unsigned long used;

static unsigned next_random()
{
        seed = seed * 1664525 + 1013904223;
        return seed >> 8;
}

NOINLINE static void bottom()
{
        char *p = static_cast<char *>(std::malloc(1 + next_random() % 3000));

        p[0] = 1;
        used += static_cast<unsigned long>(p[0]);
        std::free(p);
}

NOINLINE static void plain(int depth)
{
        if (depth > 0)
                plain(depth - 1);
        else
                bottom();
        used += 1;
}

NOINLINE static void with_alloca(int depth)
{
        char *p = static_cast<char *>(alloca(16 + next_random() % 500));

        p[0] = static_cast<char>(depth);
        if (depth > 0)
                with_alloca(depth - 1);
        else
                bottom();
        used += static_cast<unsigned long>(p[0]);
}

struct alignas(64) wide {
        char bytes[128];
};

// the stack pointer is realigned: the caller's frame is found through a saved pointer
NOINLINE static void realigned(int depth)
{
        wide here;

        std::memset(&here, depth, sizeof here);
        if (depth > 0)
                realigned(depth - 1);
        else
                with_alloca(2);
        used += static_cast<unsigned long>(here.bytes[depth]);
}

// realigned, and its size only known when it runs
NOINLINE static void realigned_alloca(int depth)
{
        wide here;
        char *p = static_cast<char *>(alloca(16 + next_random() % 300));

        std::memset(&here, depth, sizeof here);
        p[0] = here.bytes[1];
        if (depth > 0)
                realigned_alloca(depth - 1);
        else
                bottom();
        used += static_cast<unsigned long>(here.bytes[depth] + p[0]);
}

NOINLINE static long many_arguments(long a, long b, long c, long d, long e, long f, long g, long h, long i)
{
        long v[8] = { a, b, c, d, e, f, g, h };

        bottom();
        for (long x : v)
                i += x;
        return i;
}

static int compare(const void *a, const void *b)
{
        plain(1);
        return *static_cast<const int *>(a) - *static_cast<const int *>(b);
}

NOINLINE static void callbacks()
{
        std::vector<int> v(20);
        void *root = nullptr;
        int key = 7;

        for (int &x : v)
                x = static_cast<int>(next_random() % 1000);
        std::qsort(v.data(), v.size(), sizeof v[0], compare);
        bsearch(&key, v.data(), v.size(), sizeof v[0], compare);
        tsearch(&v[0], &root, compare);
        tdelete(&v[0], &root, compare);
        std::sort(v.begin(), v.end(), [](int a, int b) { plain(1); return a > b; });
}

struct guard {
        ~guard() { bottom(); } // runs while the stack is unwound
};

NOINLINE static void throws(int depth)
{
        guard g;

        if (depth > 0)
                throws(depth - 1);
        else
                throw std::bad_alloc();
}

NOINLINE static void exceptions()
{
        try {
                throws(5);
        } catch (const std::exception &) {
                bottom();
        }
}

struct shape {
        virtual ~shape() {}
        virtual void draw(const std::function<void()> &then) { then(); }
};

struct circle : shape {
        void draw(const std::function<void()> &then) override { shape::draw([&] { then(); used += 1; }); }
};

NOINLINE static void objects()
{
        std::unique_ptr<shape> s = std::make_unique<circle>();

        s->draw([] { plain(2); });
}

static void on_signal(int)
{
        bottom(); // raised by ourselves, at a place where malloc may be called
}

NOINLINE static void signals()
{
        raise(SIGUSR1);
        raise(SIGUSR2); // on a stack of its own
}

static ucontext_t main_context, other_context;

static void coroutine()
{
        for (;;) {
                plain(3);
                swapcontext(&other_context, &main_context);
        }
}

NOINLINE static void coroutines()
{
        swapcontext(&main_context, &other_context);
}

static void *thread(void *)
{
        plain(4);
        return nullptr;
}

NOINLINE static void threads()
{
        pthread_t id;

        if (pthread_create(&id, nullptr, thread, nullptr) == 0)
                pthread_join(id, nullptr);
}

NOINLINE static void formats()
{
        char *text = nullptr, buffer[64];
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);

        std::fprintf(f, "%d %s", 7, "text");
        std::fclose(f);
        std::snprintf(buffer, sizeof buffer, "%f", static_cast<double>(used));
        std::free(text);
        std::free(strdup(buffer));
}

NOINLINE static void jumps()
{
        static jmp_buf back;

        if (setjmp(back) == 0) {
                plain(3);
                longjmp(back, 1);
        }
        bottom();
}

NOINLINE static void tail() { return bottom(); }

static void (*const ways[])() = {
        [] { plain(static_cast<int>(next_random() % 40)); }, [] { with_alloca(5); }, [] { realigned(3); },
        [] { realigned_alloca(3); }, [] { used += static_cast<unsigned long>(many_arguments(1, 2, 3, 4, 5, 6, 7, 8, 9)); },
        callbacks, exceptions, objects, signals, coroutines, threads, formats, jumps, tail,
};

static void set_up()
{
        struct sigaction action = {};
        stack_t stack = {};

        action.sa_handler = on_signal;
        sigaction(SIGUSR1, &action, nullptr);
        stack.ss_size = 1 << 16;
        stack.ss_sp = mmap(nullptr, stack.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        sigaltstack(&stack, nullptr);
        action.sa_flags = SA_ONSTACK;
        sigaction(SIGUSR2, &action, nullptr);
        getcontext(&other_context);
        other_context.uc_stack.ss_size = 1 << 16;
        other_context.uc_stack.ss_sp = mmap(nullptr, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        makecontext(&other_context, coroutine, 0);
}

int main()
{
        struct pollfd in = { 0, POLLIN, 0 };

        set_up();
        std::puts("READY");
        std::fflush(stdout);
        while (poll(&in, 1, 0) == 0)
                for (void (*way)() : ways)
                        way();
        return 0;
}
