// throw: operator new that fails again and again, so that std::bad_alloc travels through whoever called it.
//
//   throw SECONDS
//
// Exits with 0 when every failure arrived as an exception and every success was usable memory.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

static long thrown, made, bad;

__attribute__((noinline)) static char *make(std::size_t size)
{
        char *p = new char[size];

        p[0] = 1;
        return p;
}

static void once(int i)
{
        try {
                delete[] make(i % 3 == 0 ? static_cast<std::size_t>(1) << 60 : 100 + i % 5000);
                made++;
                bad += i % 3 == 0;
        } catch (const std::bad_alloc &) {
                thrown++;
                bad += i % 3 != 0;
        }
        char *p = new (std::nothrow) char[i % 3 == 0 ? static_cast<std::size_t>(1) << 60 : 64];
        bad += (p == nullptr) != (i % 3 == 0);
        delete[] p;
}

int main(int argc, char **argv)
{
        auto end = std::chrono::steady_clock::now() +
                   std::chrono::milliseconds(static_cast<long>(argc > 1 ? std::atof(argv[1]) * 1000 : 2000));

        std::puts("READY");
        std::fflush(stdout);
        while (std::chrono::steady_clock::now() < end)
                for (int i = 0; i < 300; i++)
                        once(i);
        std::printf("thrown=%ld made=%ld bad=%ld\n", thrown, made, bad);
        return bad != 0 || thrown == 0;
}
