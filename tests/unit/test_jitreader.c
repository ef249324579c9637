#include "unit.h"

#include "target/jitfile.h"
#include "target/jitreader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define S 1000000000ull

struct world {
        struct jitreader *reader;
        char map[64], dir[64];
};

/* The reader looks at this very process, whose map has this name. */
static int setup(void **state)
{
        static struct world world;

        world = (struct world){ .reader = jitreader_new(getpid()) };
        snprintf(world.map, sizeof world.map, "/tmp/perf-%d.map", (int)getpid());
        snprintf(world.dir, sizeof world.dir, "/tmp/heaptop-jit.XXXXXX");
        remove(world.map);
        *state = &world;
        return mkdtemp(world.dir) ? 0 : -1;
}

static int teardown(void **state)
{
        struct world *w = *state;

        jitreader_free(w->reader);
        remove(w->map);
        rmdir(w->dir);
        return 0;
}

static void put(const char *path, const char *text, int flags)
{
        int fd = open(path, O_WRONLY | O_CREAT | flags, 0644);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        close(fd);
}

static void read_all(struct world *w, uint64_t now_ns)
{
        int calls = 0;

        do
                jitreader_read(w->reader, now_ns);
        while (jitreader_is_behind(w->reader) && ++calls < 1000);
}

static const char *name_at(const struct world *w, uint64_t addr, uint64_t at_ns)
{
        struct jitcode_found found;

        return jitreader_find(w->reader, addr, at_ns, &found) ? found.name : "none";
}

static bool tells(struct world *w, const char *part)
{
        const char *news;

        while ((news = jitreader_news(w->reader)) != NULL)
                if (strstr(news, part))
                        return true;
        return false;
}

static void a_map_is_followed_as_it_grows(void **state)
{
        struct world *w = *state;

        jitreader_look(w->reader, NULL);
        assert_false(jitreader_has_files(w->reader));
        assert_null(jitreader_news(w->reader));
        put(w->map, "1000 10 one\n2000 10 tw", 0);
        jitreader_look(w->reader, NULL);
        assert_true(jitreader_has_files(w->reader));
        assert_true(tells(w, "are read from /tmp/perf-"));
        read_all(w, S);
        assert_string_equal(name_at(w, 0x1000, 0), "one");
        assert_string_equal(name_at(w, 0x2000, S), "none");
        put(w->map, "o\n1008 10 other\n", O_APPEND);
        assert_true(jitreader_read(w->reader, 2 * S));
        assert_false(jitreader_read(w->reader, 3 * S));
        assert_string_equal(name_at(w, 0x2000, 2 * S), "two");
        assert_string_equal(name_at(w, 0x1009, 2 * S), "other");
        assert_string_equal(name_at(w, 0x1009, S - 1), "one"); /* the other was not there at the look before */
}

static void a_map_that_is_cut_or_written_anew_is_begun_again(void **state)
{
        struct world *w = *state;

        put(w->map, "1000 10 one\n2000 10 two\n", 0);
        jitreader_look(w->reader, NULL);
        read_all(w, S);
        put(w->map, "1000 10 cut\n", O_TRUNC);
        read_all(w, 2 * S);
        assert_string_equal(name_at(w, 0x1000, 3 * S), "cut");
        assert_string_equal(name_at(w, 0x2000, 3 * S), "two"); /* nothing says that it is gone */
        put(w->map, "1000 10 longer than before\n3000 10 three\n", O_TRUNC);
        read_all(w, 4 * S);
        assert_string_equal(name_at(w, 0x1000, 5 * S), "longer than before");
        assert_string_equal(name_at(w, 0x3000, 5 * S), "three");
}

static void a_map_that_was_replaced_is_read_too(void **state)
{
        struct world *w = *state;
        char other[100];

        put(w->map, "1000 10 one\n", 0);
        jitreader_look(w->reader, NULL);
        read_all(w, S);
        snprintf(other, sizeof other, "%s.new", w->map);
        put(other, "1000 10 new\n", 0);
        assert_int_equal(rename(other, w->map), 0);
        jitreader_look(w->reader, NULL);
        read_all(w, 2 * S);
        assert_string_equal(name_at(w, 0x1000, 3 * S), "new");
}

static void a_large_map_is_read_piece_by_piece(void **state)
{
        struct world *w = *state;
        FILE *file = fopen(w->map, "w");
        int calls = 0;

        for (unsigned i = 0; i < 50000; i++)
                fprintf(file, "%x 40 JS:~function_%u /srv/application/file_%u.js:%u:12\n", 0x1000000 + i * 64, i,
                        i % 100, i);
        fclose(file);
        jitreader_look(w->reader, NULL);
        while (jitreader_read(w->reader, S))
                calls++;
        assert_in_range(calls, 2700000 / JITREADER_BYTES, 4000000 / JITREADER_BYTES);
        assert_string_equal(name_at(w, 0x1000000 + 49999 * 64, 2 * S),
                            "JS:~function_49999 /srv/application/file_99.js:49999:12");
}

static void only_files_that_can_be_trusted_are_opened(void **state)
{
        struct world *w = *state;
        char target[100];

        assert_int_equal(mkfifo(w->map, 0644), 0);
        jitreader_look(w->reader, NULL); /* does not wait for a writer */
        assert_true(tells(w, "no regular file"));
        remove(w->map);
        assert_int_equal(mkdir(w->map, 0755), 0);
        jitreader_look(w->reader, NULL);
        rmdir(w->map);
        assert_int_equal(symlink(w->map, w->map), 0);
        jitreader_look(w->reader, NULL);
        remove(w->map);
        snprintf(target, sizeof target, "/proc/%d/exe", (int)getpid()); /* a link that only looks like one */
        assert_int_equal(symlink(target, w->map), 0);
        jitreader_look(w->reader, NULL);
        remove(w->map);
        assert_false(jitreader_has_files(w->reader));
        put(w->map, "1000 10 stale\n", 0);
        assert_int_equal(utimensat(AT_FDCWD, w->map, (struct timespec[]){ { 1000, 0 }, { 1000, 0 } }, 0), 0);
        jitreader_look(w->reader, NULL);
        assert_false(jitreader_has_files(w->reader));
        assert_true(tells(w, "before this process began"));
        if (geteuid() != 0)
                return;
        assert_int_equal(truncate(w->map, 0), 0);
        assert_int_equal(chown(w->map, 4711, 4711), 0);
        jitreader_look(w->reader, NULL);
        assert_false(jitreader_has_files(w->reader));
        assert_true(tells(w, "another user"));
}

static void a_dump_is_found_by_its_mapping_and_read_though_it_was_deleted(void **state)
{
        static const unsigned char bytes[] = {
                0x44, 0x54, 0x69, 0x4a, 1, 0, 0, 0, 40, 0, 0, 0, 62, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0,
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                0, 0, 0, 0, 66, 0, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0,
                0, 0x10, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 'f', 0, 1, 2, 3, 4, 5, 6, 7,
        };
        struct world *w = *state;
        struct maps maps = { 0 };
        char path[100];
        void *marker;
        int fd;

        snprintf(path, sizeof path, "%s/jit-%d.dump", w->dir, (int)getpid());
        fd = open(path, O_RDWR | O_CREAT, 0644);
        assert_int_equal(write(fd, bytes, sizeof bytes), sizeof bytes); /* the last byte of the code is still missing */
        marker = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
        if (marker == MAP_FAILED) /* a file system without programs */
                skip();
        remove(path);
        assert_int_equal(maps_read(getpid(), &maps), 0);
        jitreader_look(w->reader, &maps);
        maps_done(&maps);
        read_all(w, S);
        if (geteuid() == 0) { /* else a deleted file cannot be opened */
                assert_true(jitreader_has_files(w->reader));
                assert_string_equal(name_at(w, 0x1004, 99), "none");
                assert_int_equal(pwrite(fd, "\0", 1, sizeof bytes), 1);
                read_all(w, 2 * S);
                assert_string_equal(name_at(w, 0x1004, 100), "f");
        }
        munmap(marker, 4096);
        close(fd);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(a_map_is_followed_as_it_grows),
                TEST(a_map_that_is_cut_or_written_anew_is_begun_again),
                TEST(a_map_that_was_replaced_is_read_too),
                TEST(a_large_map_is_read_piece_by_piece),
                TEST(only_files_that_can_be_trusted_are_opened),
                TEST(a_dump_is_found_by_its_mapping_and_read_though_it_was_deleted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
