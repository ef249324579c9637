#include "unit.h"

#include "inject/hook.h"
#include "inject/process.h"
#include "inject/undo.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char MAP[] =
        "550000000000-550000010000 r-xp 00000000 08:01 7 /usr/bin/prog\n"
        "550000100000-550000104000 r-xp 00525000 00:01 9 /memfd:heaptop (deleted)\n"
        "550000104000-550000105000 rw-p 00000000 00:00 0 \n"
        "550000105000-55000010a000 r-xp 0052a000 00:01 9 /memfd:heaptop (deleted)\n"
        "7f0000000000-7f0000525000 rw-s 00000000 00:01 9 /memfd:heaptop (deleted)\n"
        "7f0000600000-7f0000601000 rw-s 00000000 00:01 8 /memfd:heaptop-like (deleted)\n";

static struct maps maps;
static struct remains remains;

static int set_up(void **state)
{
        assert_int_equal(maps_parse(MAP, sizeof MAP - 1, &maps), 0);
        assert_true(remains_find(&maps, &remains));
        return 0;
}

static int tear_down(void **state)
{
        maps_done(&maps);
        return 0;
}

static struct wire_hook_record good_hook(void)
{
        struct wire_hook_record hook = { .entry = 0x550000001004, .stub = 0x550000106000,
                                         .original = 0x550000106000 + HOOK_ORIGINAL, .length = HOOK_JUMP_LENGTH,
                                         .kind = WIRE_MALLOC, .original_length = 20, .n_steps = 2,
                                         .from = { 0, 4 }, .to = { 0, 4 }, .name = "malloc" };

        hook_jump(hook.entry, hook.stub, hook.patch);
        return hook;
}

static void finds_the_areas_and_the_root_between_them(void **state)
{
        assert_int_equal(remains.n_areas, 1);
        assert_int_equal(remains.areas[0].addr, 0x550000100000);
        assert_int_equal(remains.areas[0].length, 0xa000);
        assert_int_equal(remains.root, 0x550000104000);
        assert_int_equal(remains.n_shared, 1);
        assert_int_equal(remains.shared[0].addr, 0x7f0000000000);
}

static void finds_an_area_that_was_cut_short(void **state)
{
        static const char text[] = "550000100000-55000010a000 r-xp 00525000 00:01 9 /memfd:heaptop (deleted)\n";
        struct maps half = { 0 };
        struct remains found;

        assert_int_equal(maps_parse(text, sizeof text - 1, &half), 0);
        assert_true(remains_find(&half, &found));
        assert_int_equal(found.n_areas, 1);
        assert_int_equal(found.areas[0].length, 0xa000);
        assert_int_equal(found.root, 0);
        maps_done(&half);
}

static void anonymous_memory_elsewhere_is_not_taken_for_ours(void **state)
{
        static const char text[] = "550000100000-550000104000 r-xp 00525000 00:01 9 /memfd:heaptop (deleted)\n"
                                   "550000104000-550000105000 rw-p 00000000 00:00 0 \n"
                                   "550000105000-55000010a000 r-xp 00000000 00:01 9 /memfd:heaptop (deleted)\n";
        struct maps other = { 0 };
        struct remains found;

        assert_int_equal(maps_parse(text, sizeof text - 1, &other), 0);
        assert_true(remains_find(&other, &found));
        assert_int_equal(found.n_areas, 2);
        assert_int_equal(found.root, 0);
        maps_done(&other);
}

static void a_clean_process_has_no_remains(void **state)
{
        static const char text[] = "550000000000-550000010000 r-xp 00000000 08:01 7 /usr/bin/heaptop\n"
                                   "7f0000600000-7f0000601000 rw-s 00000000 00:01 8 /memfd:heaptop2 (deleted)\n";
        struct maps clean = { 0 };
        struct remains found;

        assert_int_equal(maps_parse(text, sizeof text - 1, &clean), 0);
        assert_false(remains_find(&clean, &found));
        maps_done(&clean);
}

/* A heaptop at work has the area of its target mapped, and may be watched by another one. */
static void what_a_heaptop_maps_of_its_target_is_not_remains(void **state)
{
        static const char text[] = "550000000000-550000010000 r-xp 00000000 08:01 7 /usr/bin/heaptop\n"
                                   "7f0000000000-7f0000525000 rw-s 00000000 00:01 8 /memfd:heaptop (deleted)\n";
        static const char watched[] = "550000100000-55000010a000 r-xp 00525000 00:01 9 /memfd:heaptop (deleted)\n"
                                      "7f0000000000-7f0000525000 rw-s 00000000 00:01 8 /memfd:heaptop (deleted)\n"
                                      "7f0000600000-7f0000b25000 rw-s 00000000 00:01 9 /memfd:heaptop (deleted)\n";
        struct maps recorder = { 0 };
        struct remains found;

        assert_int_equal(maps_parse(text, sizeof text - 1, &recorder), 0);
        assert_false(remains_find(&recorder, &found));
        maps_done(&recorder);
        assert_int_equal(maps_parse(watched, sizeof watched - 1, &recorder), 0);
        assert_true(remains_find(&recorder, &found));
        assert_int_equal(found.n_areas, 1);
        assert_int_equal(found.n_shared, 1);
        assert_int_equal(found.shared[0].addr, 0x7f0000600000);
        maps_done(&recorder);
}

static void believes_a_sound_record(void **state)
{
        struct wire_hook_record hook = good_hook();

        assert_true(undo_check(&hook, &maps, &remains));
}

/* Everything that a hostile process could write there. */
static void believes_nothing_else(void **state)
{
        struct wire_hook_record hook;

#define REFUSES(change)                                              \
        do {                                                         \
                hook = good_hook();                                  \
                change;                                              \
                assert_false(undo_check(&hook, &maps, &remains));    \
        } while (0)
        REFUSES(hook.length = 6);
        REFUSES(hook.length = 0);
        REFUSES(hook.length = 0xffffffff);
        REFUSES(hook.entry = 0x7f0000000000);
        REFUSES(hook.entry = 0x550000106800);
        REFUSES(hook.entry = 0);
        REFUSES(hook.entry = UINT64_MAX - 2);
        REFUSES(hook.entry += 1);
        REFUSES(hook.stub = 0x550000001000);
        REFUSES(hook.stub = 0x550000109fff);
        REFUSES(hook.original = 0x550000106000);
        REFUSES(hook.original_length = 4096);
        REFUSES(hook.n_steps = 33);
        REFUSES(hook.n_steps = 0xffffffff);
        REFUSES(hook.from[1] = 0);
        REFUSES(hook.to[1] = 200);
        REFUSES(hook.from[1] = 200);
        REFUSES(hook.kind = WIRE_KINDS);
        REFUSES(hook.patch[0] = 0x90);
        REFUSES(hook.patch[2] ^= 1);
        REFUSES(memset(hook.name, 'x', sizeof hook.name));
}

/* Memory files in this very process, as an attach and later extensions make them. */
enum { PAGE = 4096 };

static struct process here(void)
{
        struct process process = { .pid = getpid(), .view = getpid(), .memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC) };

        assert_true(process.memory >= 0);
        assert_int_equal(maps_read(getpid(), &process.maps), 0);
        return process;
}

static uint8_t *map_area(int fd)
{
        uint8_t *area = mmap(NULL, 2 * PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

        assert_true(area != MAP_FAILED);
        return area;
}

static int make_file(void)
{
        int fd = memfd_create(WIRE_MEMFD_NAME, MFD_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, 2 * PAGE), 0);
        return fd;
}

/* A hook of a function of the C library, as if it led into AREA. */
static struct wire_hook_record hook_into(const uint8_t *area, const char *name)
{
        struct wire_hook_record hook = good_hook();

        hook.entry = (uint64_t)(uintptr_t)getppid;
        hook.stub = (uint64_t)(area + PAGE + 2048);
        hook.original = hook.stub + HOOK_ORIGINAL;
        assert_int_equal(hook_jump(hook.entry, hook.stub, hook.patch), 0);
        snprintf(hook.name, sizeof hook.name, "%s", name);
        return hook;
}

/* The main area, with one hook. */
static uint8_t *map_main(uint32_t version)
{
        struct wire_blob_header header = { .magic = WIRE_MAGIC, .version = version, .end = PAGE };
        struct undo_head head = { WIRE_MAGIC, version, 1 };
        int fd = make_file();
        uint8_t *area = map_area(fd);
        struct wire_hook_record hook = hook_into(area, "main");

        assert_int_equal(pwrite(fd, &header, sizeof header, 0), sizeof header);
        assert_int_equal(pwrite(fd, &head, sizeof head, PAGE), sizeof head);
        assert_int_equal(pwrite(fd, &hook, sizeof hook, PAGE + sizeof head), sizeof hook);
        close(fd);
        return area;
}

static uint8_t *map_extension(uint64_t serial, const char *name, uint32_t n_hooks)
{
        struct undo_extension head = { UNDO_EXTENSION, WIRE_VERSION, n_hooks, serial, 0 };
        int fd = make_file();
        uint8_t *area = map_area(fd);
        struct wire_hook_record hook = hook_into(area, name);

        assert_int_equal(pwrite(fd, &head, sizeof head, 0), sizeof head);
        assert_int_equal(pwrite(fd, &hook, sizeof hook, sizeof head), sizeof hook);
        close(fd);
        return area;
}

static bool is_broken_with(uint32_t version, uint32_t *ret_hooks)
{
        static struct undo undo;
        uint8_t *area = map_main(version);
        struct process process = here();

        assert_true(undo_read(&process, &undo));
        assert_int_equal(undo.remains.n_areas, 1);
        munmap(area, 2 * PAGE);
        process_done(&process);
        *ret_hooks = undo.n_hooks;
        return undo.broken;
}

/* Its jumps are not known: without its code the process would crash. */
static void the_code_of_another_version_is_not_understood(void **state)
{
        uint32_t n_hooks;

        assert_false(is_broken_with(WIRE_VERSION, &n_hooks));
        assert_int_equal(n_hooks, 1);
        assert_true(is_broken_with(WIRE_VERSION + 1, &n_hooks));
        assert_true(is_broken_with(0, &n_hooks));
}

static void the_list_of_an_older_version_is_read(void **state)
{
        uint32_t n_hooks;

        assert_false(is_broken_with(1, &n_hooks));
        assert_int_equal(n_hooks, 1);
}

static void what_was_hooked_later_follows_in_its_order(void **state)
{
        static struct undo undo;
        uint8_t *areas[] = { map_extension(2, "second", 1), map_main(WIRE_VERSION), map_extension(7, "third", 1),
                             map_extension(1, "first", 1) };
        struct process process = here();

        assert_true(undo_read(&process, &undo));
        assert_false(undo.broken);
        assert_int_equal(undo.n_hooks, 4);
        assert_string_equal(undo.hooks[0].name, "main");
        assert_string_equal(undo.hooks[1].name, "first");
        assert_string_equal(undo.hooks[2].name, "second");
        assert_string_equal(undo.hooks[3].name, "third");
        assert_int_equal(undo.remains.areas[0].addr, areas[1]);
        assert_int_equal(undo_next_serial(&process, &undo.remains), 8);
        for (size_t i = 0; i < 4; i++)
                munmap(areas[i], 2 * PAGE);
        process_done(&process);
}

static void an_extension_that_makes_no_sense_is_not_undone_in_part(void **state)
{
        static struct undo undo;
        uint8_t *areas[] = { map_main(WIRE_VERSION), map_extension(1, "first", 100000) };
        struct process process = here();

        assert_true(undo_read(&process, &undo));
        assert_true(undo.broken);
        for (size_t i = 0; i < 2; i++)
                munmap(areas[i], 2 * PAGE);
        process_done(&process);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(finds_the_areas_and_the_root_between_them),
                cmocka_unit_test(finds_an_area_that_was_cut_short),
                cmocka_unit_test(anonymous_memory_elsewhere_is_not_taken_for_ours),
                cmocka_unit_test(a_clean_process_has_no_remains),
                cmocka_unit_test(what_a_heaptop_maps_of_its_target_is_not_remains),
                cmocka_unit_test(believes_a_sound_record),
                cmocka_unit_test(believes_nothing_else),
                cmocka_unit_test(the_code_of_another_version_is_not_understood),
                cmocka_unit_test(the_list_of_an_older_version_is_read),
                cmocka_unit_test(what_was_hooked_later_follows_in_its_order),
                cmocka_unit_test(an_extension_that_makes_no_sense_is_not_undone_in_part),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
