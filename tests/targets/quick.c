/* quick: allocates and is gone at once, before anybody can look at it again.
 *
 * quick [hooked] [exec]
 *
 * hooked: waits until malloc() is hooked, 30 s at most, before it allocates. exec: it becomes /bin/true; else it ends with
 * status 3. Prints what it keeps at each site. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 1 << 20, LOOKS = 30000, LOOK_NS = 1000000 };

static void *volatile last;

static __attribute__((noinline)) void keep_some(void)
{
        last = malloc(BLOCK);
}

static __attribute__((noinline)) void keep_more(void)
{
        last = malloc(BLOCK / 2);
}

static void say(const char *text)
{
        if (write(STDOUT_FILENO, text, strlen(text)) < 0)
                _exit(1);
}

static void wait_until_hooked(void)
{
        const volatile uint8_t *entry = (const volatile uint8_t *)(uintptr_t)malloc;

        for (int i = 0; i < LOOKS; i++) {
                if (entry[0] == 0xe9 || (entry[0] == 0xf3 && entry[4] == 0xe9))
                        return;
                nanosleep(&(struct timespec){ .tv_nsec = LOOK_NS }, NULL);
        }
        _exit(1);
}

int main(int argc, char **argv)
{
        say("site=keep_some bytes=20971520 blocks=20\nsite=keep_more bytes=20971520 blocks=40\n");
        if (argc > 1 && strcmp(argv[1], "hooked") == 0)
                wait_until_hooked();
        for (int i = 0; i < 20; i++)
                keep_some();
        for (int i = 0; i < 40; i++)
                keep_more();
        if (strcmp(argv[argc - 1], "exec") == 0)
                execl("/bin/true", "true", (char *)NULL);
        _exit(3);
}
