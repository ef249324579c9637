#include "unit.h"

#include "inject/hook.h"
#include "inject/process.h"
#include "inject/undo.h"

#include <fcntl.h>
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

/* This very process carries the code area of a probe whose header says VERSION. */
static bool is_broken_with(uint32_t version)
{
        static struct undo undo;
        struct process process = { .pid = getpid(), .view = getpid(), .memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC) };
        struct wire_blob_header header = { .magic = WIRE_MAGIC, .version = version, .end = 4096 };
        struct undo_head head = { WIRE_MAGIC, version, 0 };
        int fd = memfd_create(WIRE_MEMFD_NAME, MFD_CLOEXEC);
        void *area;

        assert_true(process.memory >= 0 && fd >= 0);
        assert_int_equal(ftruncate(fd, 8192), 0);
        assert_int_equal(pwrite(fd, &header, sizeof header, 0), sizeof header);
        assert_int_equal(pwrite(fd, &head, sizeof head, 4096), sizeof head);
        area = mmap(NULL, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
        assert_true(area != MAP_FAILED);
        close(fd);
        assert_int_equal(maps_read(getpid(), &process.maps), 0);
        assert_true(undo_read(&process, &undo));
        assert_int_equal(undo.remains.n_areas, 1);
        munmap(area, 8192);
        process_done(&process);
        return undo.broken;
}

/* Its jumps are not known: without its code the process would crash. */
static void the_code_of_another_version_is_not_understood(void **state)
{
        assert_false(is_broken_with(WIRE_VERSION));
        assert_true(is_broken_with(WIRE_VERSION + 1));
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
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
