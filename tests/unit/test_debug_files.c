#include "unit.h"

#include "base/alloc.h"
#include "target/debug_files.h"
#include "target/root.h"
#include "toy_elf.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lzma.h>

/* Two worlds in a folder of our own: what the target sees as "/", and what we do. */
static char base[PATH_MAX / 4], target[PATH_MAX / 2], host[PATH_MAX / 2];
static int target_root, host_root;

#define BY_ID "usr/lib/debug/.build-id/01/02030405.debug"

static const struct toy_elf program = { { 1, 2, 3, 4, 5 }, 5, { { 0 } } };
static const struct toy_elf other_program = { { 1, 2, 3, 4, 6 }, 5, { { 0 } } };

static int set_up(void **state)
{
        snprintf(base, sizeof base, "%s/heaptop-debug.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
        assert_non_null(mkdtemp(base));
        snprintf(target, sizeof target, "%s/target", base);
        snprintf(host, sizeof host, "%s/host", base);
        assert_int_equal(mkdir(target, 0700) | mkdir(host, 0700), 0);
        target_root = open(target, O_PATH | O_CLOEXEC);
        host_root = open(host, O_PATH | O_CLOEXEC);
        return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        return remove(path);
}

static int tear_down(void **state)
{
        close(target_root);
        close(host_root);
        return nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct image *open_program(const struct toy_elf *elf)
{
        struct image *image = NULL;

        toy_elf_write(elf, target, "app/bin/program");
        assert_int_equal(image_open_in(target_root, "/app/bin/program", &image), 0);
        return image;
}

/* The path at which the debug file of IMAGE was found, "" = none. */
static const char *found_at(const struct image *image)
{
        static char path[PATH_MAX];
        struct image *debug = NULL;

        if (debug_files_find(image, host_root, &debug) < 0)
                return "";
        snprintf(path, sizeof path, "%s", image_path(debug));
        image_close(debug);
        return path;
}

static void a_debug_file_is_found_by_build_id_in_the_targets_root_first(void **state)
{
        struct image *image = open_program(&program), *debug = NULL;
        struct stat found, expected;
        char path[PATH_MAX];

        assert_string_equal(found_at(image), "");
        for (int i = 0; i < 2; i++) { /* the host's alone, then both */
                toy_elf_write(&program, i == 0 ? host : target, BY_ID);
                assert_int_equal(debug_files_find(image, host_root, &debug), 0);
                snprintf(path, sizeof path, "%s/%s", i == 0 ? host : target, BY_ID);
                assert_int_equal(stat(path, &expected), 0);
                snprintf(path, sizeof path, "/proc/self/fd/%d/%s", image_root(debug), image_path(debug));
                assert_int_equal(stat(path, &found), 0);
                assert_int_equal(found.st_ino, expected.st_ino);
                image_close(debug);
        }
        image_close(image);
}

static void another_build_is_not_taken(void **state)
{
        struct image *image = open_program(&program);

        toy_elf_write(&other_program, target, BY_ID);
        toy_write(host, BY_ID, "no ELF file at all", 18);
        assert_string_equal(found_at(image), "");
        image_close(image);
}

/* A program without a build id whose .gnu_debuglink says NAME and the checksum of BYTES. */
static struct toy_elf linked(const char *name, const void *bytes, size_t len, uint8_t *room)
{
        size_t at = (strlen(name) + 1 + 3) & ~(size_t)3;
        uint32_t crc = lzma_crc32(bytes, len, 0);

        memset(room, 0, at);
        memcpy(room, name, strlen(name));
        memcpy(room + at, &crc, sizeof crc);
        return (struct toy_elf){ { 0 }, 0, { { ".gnu_debuglink", SHT_PROGBITS, room, at + sizeof crc, 0, 0, 0, 0 } } };
}

static void a_debuglink_is_looked_for_in_three_places_and_its_checksum_counts(void **state)
{
        static const char *const places[] = { "usr/lib/debug/app/bin/program.debug", "app/bin/.debug/program.debug",
                                              "app/bin/program.debug" };
        struct toy_elf debug = { { 0 }, 0, { { ".symtab_of_mine", SHT_PROGBITS, "abcdefgh", 8, 0, 0, 0, 0 } } };
        uint8_t room[64];
        size_t len;
        char *bytes = toy_elf_make(&debug, &len);
        struct toy_elf elf = linked("program.debug", bytes, len, room);
        struct image *image = open_program(&elf);

        for (int i = 0; i < 2; i++) /* the worst place first */
                for (size_t at = 0; at < array_len(places); at++) {
                        toy_write(i == 0 ? host : target, places[at], bytes, len);
                        assert_string_equal(found_at(image) + 1, places[at]);
                }
        bytes[len - 8] ^= 1; /* still an ELF file */
        toy_write(target, places[2], bytes, len);
        assert_string_equal(found_at(image) + 1, places[1]);
        free(bytes);
        image_close(image);
}

static void a_debuglink_names_a_file_not_a_place(void **state)
{
        static const char *const names[] = { "../program.debug", "/app/program.debug", "" };
        uint8_t room[64];
        size_t len;
        char *bytes = toy_elf_make(&other_program, &len);

        toy_write(target, "app/program.debug", bytes, len);
        for (size_t i = 0; i < array_len(names); i++) {
                struct toy_elf elf = linked(names[i], bytes, len, room);
                struct image *image = open_program(&elf);

                assert_string_equal(found_at(image), "");
                image_close(image);
        }
        free(bytes);
}

static void a_file_is_not_its_own_debug_file(void **state)
{
        struct image *image = open_program(&program);
        char path[PATH_MAX], to[PATH_MAX];

        toy_write(target, BY_ID, "", 0);
        snprintf(path, sizeof path, "%s/%s", target, BY_ID);
        snprintf(to, sizeof to, "%s/app/bin/program", target);
        unlink(path);
        assert_int_equal(link(to, path), 0);
        assert_string_equal(found_at(image), "");
        image_close(image);
}

static void links_lead_nowhere_outside_of_the_root(void **state)
{
        struct image *image = open_program(&program);
        char path[PATH_MAX], outside[PATH_MAX];

        toy_elf_write(&program, base, "outside.debug");
        toy_elf_write(&program, target, "store/inside.debug");
        toy_write(target, BY_ID, "", 0);
        snprintf(path, sizeof path, "%s/%s", target, BY_ID);
        snprintf(outside, sizeof outside, "%s/outside.debug", base);
        for (int i = 0; i < 3; i++) {
                static const char *const inside[] = { NULL, "/store/inside.debug", "../../../../../../../../../../store/inside.debug" };

                unlink(path);
                assert_int_equal(symlink(inside[i] ? inside[i] : outside, path), 0);
                assert_string_equal(found_at(image), inside[i] ? "/" BY_ID : "");
        }
        unlink(path);
        assert_int_equal(symlink("../../../../../../outside.debug", path), 0);
        assert_string_equal(found_at(image), "");
        image_close(image);
}

static void what_is_no_regular_file_is_passed_over(void **state)
{
        struct image *image = open_program(&program);
        char path[PATH_MAX];

        toy_elf_write(&program, host, BY_ID);
        toy_write(target, BY_ID, "", 0); /* an empty one is none */
        snprintf(path, sizeof path, "%s/%s", target, BY_ID);
        for (int i = 0; i < 5; i++) {
                struct image *debug = NULL;

                assert_int_equal(debug_files_find(image, host_root, &debug), 0);
                image_close(debug);
                remove(path);
                switch (i) {
                case 0: assert_int_equal(mkfifo(path, 0600), 0); break;
                case 1: assert_int_equal(mkdir(path, 0700), 0); break;
                case 2: assert_int_equal(symlink("02030405.debug", path), 0); break; /* a ring of one */
                case 3: assert_int_equal(symlink("/nowhere", path), 0); break;
                default: break;
                }
        }
        image_close(image);
}

static void a_walk_by_hand_finds_what_the_kernel_finds(void **state)
{
        static const char *const paths[] = { "/a/b/file", "a//b/./file", "../../a/b/file", "/a/up/b/file", "/abs/file", "/ring", "/a/b",
                "/a/b/file/x", "/none", "", "/a/b/out", "/", "/a/b/../../a/b/file", "/long" };
        char path[PATH_MAX];

        toy_write(target, "a/b/file", "x", 1);
        snprintf(path, sizeof path, "%s/a/up", target);
        assert_int_equal(symlink("../a/../../a", path), 0);
        snprintf(path, sizeof path, "%s/abs", target);
        assert_int_equal(symlink("/a/b/", path), 0);
        snprintf(path, sizeof path, "%s/ring", target);
        assert_int_equal(symlink("/ring", path), 0);
        snprintf(path, sizeof path, "%s/a/b/out", target);
        assert_int_equal(symlink(base, path), 0);
        for (size_t i = 0; i < array_len(paths); i++) {
                int by_hand = root_find_by_hand(target_root, paths[i]), opened = root_open(target_root, paths[i], 0);
                struct stat x, y;
                bool is_file = by_hand >= 0 && fstat(by_hand, &x) == 0 && S_ISREG(x.st_mode);

                assert_int_equal(is_file, opened >= 0);
                if (opened >= 0) {
                        assert_int_equal(fstat(opened, &y), 0);
                        assert_int_equal(x.st_ino, y.st_ino);
                        close(opened);
                }
                if (by_hand >= 0)
                        close(by_hand);
        }
}

static void an_alternate_is_found_by_id_and_by_path_from_where_the_link_stands(void **state)
{
        static const char section[] = "../share/common.debug\0\x01\x02\x03\x04\x05";
        struct toy_elf elf = { { 9 }, 1, { { ".gnu_debugaltlink", SHT_PROGBITS, section, sizeof section - 1, 0, 0, 0, 0 } } };
        struct image *image = open_program(&elf), *plain = open_program(&program), *alternate = NULL;
        static const char *const places[] = { "app/share/common.debug", BY_ID };
        char id[DEBUG_FILES_ID_MAX];

        assert_int_equal(debug_files_find_alternate(plain, host_root, &alternate), -ENODATA);
        assert_int_equal(debug_files_find_alternate(image, host_root, &alternate), -ENOENT);
        assert_true(debug_files_alternate_id(image, id));
        assert_string_equal(id, "0102030405");
        for (size_t i = 0; i < array_len(places); i++) {
                toy_elf_write(&other_program, target, places[i]);
                assert_int_equal(debug_files_find_alternate(image, host_root, &alternate), i == 0 ? -ENOENT : 0);
                if (i > 0)
                        image_close(alternate);
                toy_elf_write(&program, target, places[i]);
                assert_int_equal(debug_files_find_alternate(image, host_root, &alternate), 0);
                assert_string_equal(image_build_id(alternate), id);
                image_close(alternate);
        }
        image_close(plain);
        image_close(image);
}

static bool opens_split(const struct image *image, const char *dir, const char *name)
{
        int fd = debug_files_open_split(image, host_root, dir, name);

        if (fd >= 0)
                close(fd);
        return fd >= 0;
}

static void files_of_split_units_are_found_and_no_others_handed_out(void **state)
{
        struct toy_elf split = { { 1 }, 1, { { ".debug_info.dwo", SHT_PROGBITS, "units", 5, 0, 0, 0, 0 } } };
        struct image *image = open_program(&program);
        char path[PATH_MAX];
        int fd;

        toy_write(target, "etc/shadow", "root:secret", 11);
        toy_elf_write(&other_program, target, "build/plain.dwo");
        toy_elf_write(&split, target, "build/sub/a.dwo");
        toy_elf_write(&split, target, "app/bin/b.dwo");
        toy_elf_write(&split, host, "build/c.dwo");
        snprintf(path, sizeof path, "%s/build/pipe.dwo", target);
        assert_int_equal(mkfifo(path, 0600), 0);
        assert_true(opens_split(image, "/build", "sub/a.dwo"));
        assert_true(opens_split(image, "", "/build/sub/a.dwo"));
        assert_true(opens_split(image, "/build", "b.dwo"));
        assert_true(opens_split(image, "/build", "sub/b.dwo"));
        assert_true(opens_split(image, "/build", "c.dwo"));
        assert_true(opens_split(image, "/build", "../../../build/c.dwo")); /* ".." ends at the root */
        assert_false(opens_split(image, "/etc", "shadow"));
        assert_false(opens_split(image, "", "/etc/shadow"));
        assert_false(opens_split(image, "/build", "plain.dwo"));
        assert_false(opens_split(image, "/build", "pipe.dwo"));
        assert_false(opens_split(image, "/build", "d.dwo"));
        assert_false(opens_split(image, "", ""));
        assert_true(debug_files_open_package(image, host_root) < 0);
        toy_elf_write(&split, target, "app/bin/program.dwp");
        fd = debug_files_open_package(image, host_root);
        assert_true(fd >= 0);
        close(fd);
        image_close(image);
}

static void links_that_are_cut_short_are_none(void **state)
{
        static const uint8_t link[] = "name.debug\0\0\x01\x02\x03\x04", alternate[] = "name\0\x01\x02";
        struct debug_altlink altlink;
        struct debug_link found;

        for (size_t len = 0; len < sizeof link - 1; len++)
                assert_false(debug_files_parse_link(link, len, &found));
        assert_true(debug_files_parse_link(link, sizeof link - 1, &found));
        assert_string_equal(found.name, "name.debug");
        assert_int_equal(found.crc, 0x04030201);
        for (size_t len = 0; len < sizeof alternate - 1; len++)
                assert_false(debug_files_parse_altlink(alternate, len, &altlink));
        assert_true(debug_files_parse_altlink(alternate, sizeof alternate - 1, &altlink));
        assert_int_equal(altlink.id_len, 2);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_FOLDER(a_debug_file_is_found_by_build_id_in_the_targets_root_first),
                WITH_FOLDER(another_build_is_not_taken),
                WITH_FOLDER(a_debuglink_is_looked_for_in_three_places_and_its_checksum_counts),
                WITH_FOLDER(a_debuglink_names_a_file_not_a_place),
                WITH_FOLDER(a_file_is_not_its_own_debug_file),
                WITH_FOLDER(links_lead_nowhere_outside_of_the_root),
                WITH_FOLDER(what_is_no_regular_file_is_passed_over),
                WITH_FOLDER(a_walk_by_hand_finds_what_the_kernel_finds),
                WITH_FOLDER(an_alternate_is_found_by_id_and_by_path_from_where_the_link_stands),
                WITH_FOLDER(files_of_split_units_are_found_and_no_others_handed_out),
                cmocka_unit_test(links_that_are_cut_short_are_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
