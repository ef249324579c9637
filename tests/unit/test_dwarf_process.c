#include "unit.h"

#include "base/alloc.h"
#include "target/dwarf_process.h"
#include "target/image.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* A file with debug information: this program, unless it was built without. */
static struct image *own;
static uint64_t own_addr;
static uint32_t own_file;
static struct dwarf_process *lines;

static int find_main(void *ctx, const struct image_symbol *symbol)
{
        uint64_t *addr = ctx;

        if (strcmp(symbol->name, "main") != 0)
                return 0;
        *addr = symbol->addr;
        return 1;
}

static int set_up(void **state)
{
        lines = dwarf_process_new();
        return image_open_path("/proc/self/exe", &own) < 0 || !image_functions(own, find_main, &own_addr) ||
               dwarf_process_open(lines, own, NULL, &own_file) < 0;
}

static int tear_down(void **state)
{
        dwarf_process_free(lines);
        image_close(own);
        return 0;
}

static bool knows_main(void)
{
        struct dwarf_frame frames[4];

        return dwarf_process_lookup(lines, own_file, own_addr, frames, 4) == 1 && frames[0].name &&
               strcmp(frames[0].name, "main") == 0 && frames[0].line > 0 && strstr(frames[0].file, "test_dwarf_process.c");
}

static void lines_come_from_a_child(void **state)
{
        struct dwarf_frame frame;

        assert_int_equal(dwarf_process_pid(lines), 0);
        assert_true(knows_main());
        assert_true(dwarf_process_pid(lines) > 0);
        assert_int_equal(dwarf_process_lookup(lines, own_file, 1, &frame, 1), 0);
        assert_int_equal(dwarf_process_lookup(lines, own_file, own_addr, &frame, 0), 0);
}

static void what_it_costs_is_told(void **state)
{
        uint64_t cpu_ns, rss_bytes;

        dwarf_process_cost(lines, &cpu_ns, &rss_bytes);
        assert_int_equal(cpu_ns, 0);
        assert_true(knows_main());
        dwarf_process_cost(lines, &cpu_ns, &rss_bytes);
        assert_true(cpu_ns > 0 && cpu_ns < 60000000000ull);
        assert_true(rss_bytes > 0);
}

static void a_child_that_was_killed_is_replaced(void **state)
{
        pid_t first;

        assert_true(knows_main());
        first = dwarf_process_pid(lines);
        kill(first, SIGKILL);
        assert_true(knows_main());
        assert_int_not_equal(dwarf_process_pid(lines), first);
        assert_int_equal(waitpid(first, NULL, WNOHANG), -1); /* it was waited for */
}

static void a_child_that_nobody_asks_is_ended(void **state)
{
        uint64_t cpu_ns, more_ns, rss_bytes;

        assert_false(dwarf_process_rest(lines, UINT64_MAX)); /* there is none */
        for (int i = 0; i < 40; i++) { /* which says nothing about the files, however often */
                assert_true(knows_main());
                dwarf_process_cost(lines, &cpu_ns, &rss_bytes);
                assert_false(dwarf_process_rest(lines, DWARF_REST_NS - 1));
                assert_true(dwarf_process_pid(lines) > 0);
                assert_true(dwarf_process_rest(lines, UINT64_MAX));
                assert_int_equal(dwarf_process_pid(lines), 0);
                dwarf_process_cost(lines, &more_ns, &rss_bytes);
                assert_int_equal(more_ns, cpu_ns);
                assert_int_equal(rss_bytes, 0);
        }
}

static bool is_in_state(pid_t pid, char want)
{
        char path[64], state = 0;
        FILE *stat;

        snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)pid, (int)pid);
        stat = fopen(path, "re");
        if (stat && fscanf(stat, "%*d (%*[^)]) %c", &state) != 1)
                state = 0;
        if (stat)
                fclose(stat);
        return state == want;
}

/* Once the one who asks waits for the answer. */
static void *kill_soon(void *arg)
{
        for (int polls = 0; !is_in_state(getpid(), 'S') && polls < 10000; polls++)
                usleep(1000);
        kill(*(pid_t *)arg, SIGKILL);
        return NULL;
}

static void a_question_is_asked_again_when_its_child_is_killed(void **state)
{
        pthread_t thread;
        pid_t first;

        assert_true(knows_main());
        first = dwarf_process_pid(lines);
        kill(first, SIGSTOP);
        while (!is_in_state(first, 'T'))
                usleep(1000);
        assert_int_equal(pthread_create(&thread, NULL, kill_soon, &first), 0);
        assert_true(knows_main());
        pthread_join(thread, NULL);
}

static void a_file_that_brings_its_child_down_is_given_up_and_no_other(void **state)
{
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
        /* address space cannot be limited; the malformed files below are enough to bring a child down */
        assert_non_null(lines);
#else
        struct dwarf_frame frame;
        struct rlimit before, none = { 0 };
        uint32_t other;

        assert_int_equal(dwarf_process_open(lines, own, NULL, &other), 0);
        getrlimit(RLIMIT_AS, &before);
        none.rlim_max = before.rlim_max;
        none.rlim_cur = 1 << 20; /* below what is taken: nothing more can be had, by its child neither */
        setrlimit(RLIMIT_AS, &none);
        assert_int_equal(dwarf_process_lookup(lines, other, own_addr, &frame, 1), 0);
        setrlimit(RLIMIT_AS, &before);
        assert_int_equal(dwarf_process_pid(lines), 0);
        assert_int_equal(dwarf_process_lookup(lines, other, own_addr, &frame, 1), 0);
        assert_int_equal(dwarf_process_pid(lines), 0);
        assert_true(knows_main());
        dwarf_process_close(lines, other);
#endif
}

static void a_closed_number_is_used_again_for_another_file(void **state)
{
        uint32_t first, second;

        assert_true(knows_main());
        assert_int_equal(dwarf_process_open(lines, own, NULL, &first), 0);
        dwarf_process_close(lines, first);
        assert_int_equal(dwarf_process_open(lines, own, NULL, &second), 0);
        assert_int_equal(first, second);
        assert_true(knows_main());
        dwarf_process_close(lines, own_file);
        assert_int_equal(dwarf_process_open(lines, own, NULL, &own_file), 0);
        assert_true(knows_main());
}

/* The child has nothing of ours: no descriptor but its own, no privileges. */
static void the_child_can_reach_nothing(void **state)
{
        char path[64], line[256];
        unsigned n = 0, uid = 0;
        DIR *dir;
        FILE *status;

        assert_true(knows_main());
        snprintf(path, sizeof path, "/proc/%d/status", (int)dwarf_process_pid(lines));
        status = fopen(path, "re");
        while (fgets(line, sizeof line, status))
                if (sscanf(line, "Uid:\t%u", &uid) == 1)
                        break;
        fclose(status);
        assert_int_not_equal(uid, 0);
        snprintf(path, sizeof path, "/proc/%d/fd", (int)dwarf_process_pid(lines));
        dir = opendir(path);
        while (dir && readdir(dir))
                n++;
        if (dir) {
                assert_true(n <= 2 + 3 + 1 + 1 + 1); /* . and .., three times /dev/null, socket, statm, the file */
                closedir(dir);
        }
}

static void malformed_files_harm_nobody(void **state)
{
        const char *source = getenv("HEAPTOP_SRC");
        char *folder = xasprintf("%s/tests/fuzz/corpus/dwarf", source ? source : "..");
        DIR *dir = opendir(folder);
        struct dirent *item;
        unsigned n = 0;

        assert_non_null(dir);
        while ((item = readdir(dir))) {
                char *path = xasprintf("%s/%s", folder, item->d_name);
                struct dwarf_frame frames[DWARF_FRAMES_MAX];
                struct image *image = NULL;
                uint64_t addr, len;
                uint32_t file;

                if (item->d_name[0] != '.' && image_open_path(path, &image) == 0 && image_code(image, 0, &addr, &len) &&
                    dwarf_process_open(lines, image, NULL, &file) == 0) {
                        dwarf_process_lookup(lines, file, addr, frames, DWARF_FRAMES_MAX);
                        n++;
                }
                image_close(image);
                free(path);
        }
        closedir(dir);
        free(folder);
        assert_true(n > 0);
        assert_true(knows_main());
}

static void what_a_child_answers_is_checked(void **state)
{
        static const uint8_t good[] = { 7, 0, 0, 0, /* the file: size, time, MD5 */ 1, 2, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0,
                                        9, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 1, 'f', 0, 1, '/', 0, 0 };
        struct dwarf_frame frames[4];
        uint8_t bytes[64];

        assert_int_equal(dwarf_process_parse(good, sizeof good, 1, frames), 1);
        assert_int_equal(frames[0].line, 7);
        assert_int_equal(frames[0].source.size, 513);
        assert_int_equal(frames[0].source.mtime_ns, 3);
        assert_int_equal(frames[0].source.md5[15], 6);
        assert_null(frames[0].linkage);
        assert_string_equal(frames[0].name, "f");
        assert_string_equal(frames[0].file, "/");
        assert_null(frames[0].dir);
        assert_int_equal(dwarf_process_parse(good, 0, 0, frames), 0);
        for (size_t len = 0; len < sizeof good; len++) {
                uint8_t *cut = xmalloc(len);

                memcpy(cut, good, len);
                assert_true(dwarf_process_parse(cut, len, 1, frames) < 0);
                free(cut);
        }
        assert_true(dwarf_process_parse(good, sizeof good, 2, frames) < 0);
        memset(bytes, 1, sizeof bytes); /* a string without an end */
        assert_true(dwarf_process_parse(bytes, sizeof bytes, 1, frames) < 0);
        memset(bytes, 2, sizeof bytes);
        assert_true(dwarf_process_parse(bytes, sizeof bytes, 1, frames) < 0);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
                TEST(lines_come_from_a_child),
                TEST(what_it_costs_is_told),
                TEST(a_child_that_was_killed_is_replaced),
                TEST(a_child_that_nobody_asks_is_ended),
                TEST(a_question_is_asked_again_when_its_child_is_killed),
                TEST(a_file_that_brings_its_child_down_is_given_up_and_no_other),
                TEST(a_closed_number_is_used_again_for_another_file),
                TEST(the_child_can_reach_nothing),
                TEST(malformed_files_harm_nobody),
                cmocka_unit_test(what_a_child_answers_is_checked),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
