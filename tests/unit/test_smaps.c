#include "unit.h"

#include "base/io.h"
#include "target/pagemap.h"
#include "target/smaps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int parse_bytes(const char *text, size_t len, struct smaps *ret)
{
        int fd = memfd_create("text", MFD_CLOEXEC), r;

        assert_true(fd >= 0);
        assert_int_equal(io_write_all(fd, text, len), 0);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        r = smaps_read_fd(fd, ret);
        close(fd);
        return r;
}

static int parse(const char *text, struct smaps *ret)
{
        return parse_bytes(text, strlen(text), ret);
}

static const char sample[] =
        "55d0c0000000-55d0c0003000 rw-p 00002000 fe:01 123456   /usr/bin/my: prog\n"
        "Size:                 12 kB\nRss:                   8 kB\nSwap:                  4 kB\n"
        "THPeligible:           0\nVmFlags: rd wr mr mw me ac sd\n"
        "7f0000000000-7f0000021000 rw-p 00000000 00:00 0 \n"
        "Rss:                 100 kB\nVmFlags: rd wr mr mw me ac nh\n"
        "7f0000100000-7f0000101000 rw-s 00000000 00:01 77   /memfd:cache (deleted)\nRss:  99999999 kB\n"
        "7f0000200000-7f0000201000 rw-s 00000000 00:01 78   /memfd:heaptop (deleted)\n"
        "7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]\n";

static void reads_what_is_resident_of_each_mapping(void **state)
{
        struct smaps smaps = { 0 };

        assert_int_equal(parse(sample, &smaps), 0);
        assert_int_equal(smaps.n, 5);
        assert_int_equal(smaps.v[0].rss, 8192);
        assert_int_equal(smaps.v[0].swap, 4096);
        assert_int_equal(smaps.v[0].kind, SMAPS_FILE);
        assert_true(smaps.v[0].write && !smaps.v[0].no_huge);
        assert_int_equal(smaps.v[1].rss, 100 * 1024);
        assert_int_equal(smaps.v[1].kind, SMAPS_ANONYMOUS);
        assert_true(smaps.v[1].no_huge);
        assert_int_equal(smaps.v[2].kind, SMAPS_SHARED);
        assert_int_equal(smaps.v[2].rss, 4096); /* not more than it is long */
        assert_int_equal(smaps.v[3].kind, SMAPS_OURS);
        assert_int_equal(smaps.v[4].kind, SMAPS_STACK);
        assert_ptr_equal(smaps_find(&smaps, 0x7f0000020fff), &smaps.v[1]);
        assert_null(smaps_find(&smaps, 0x7f0000021000));
        assert_null(smaps_find(&smaps, 0));
        smaps_done(&smaps);
}

static void refuses_what_is_no_smaps(void **state)
{
        static const char *const bad[] = {
                "x\n", "Rss: 4 kB\n", "10-20 rw-p 0 0:0 0\n18-30 rw-p 0 0:0 0\n", "10-20 rw-p 0 0:0 0\nRss: 4 kB", "\n",
        };
        struct smaps smaps = { .n = 77 };
        char *endless = malloc(200000);

        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                assert_int_equal(parse(bad[i], &smaps), -EINVAL);
        assert_int_equal(parse_bytes("10-20 rw-p 0 0:0 0 /a\0b\n", 24, &smaps), -EINVAL);
        memset(endless, 'a', 200000);
        assert_int_equal(parse_bytes(endless, 200000, &smaps), -EINVAL);
        free(endless);
        assert_int_equal(smaps.n, 77);
}

static void reads_our_own_and_agrees_with_the_page_map(void **state)
{
        enum { PAGES = 64, TOUCHED = 23 };
        size_t page = PAGEMAP_PAGE;
        char *memory = mmap(NULL, (PAGES + 2) * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        struct smaps smaps = { 0 };
        const struct smaps_region *region;
        uint8_t pages[PAGES];
        uint64_t resident, start;
        int fd = pagemap_open(getpid());

        assert_true(memory != MAP_FAILED && fd >= 0);
        memory += page; /* neighbours differ, so that it is a region of its own */
        start = (uint64_t)(uintptr_t)memory;
        assert_int_equal(mprotect(memory, PAGES * page, PROT_READ | PROT_WRITE), 0);
        madvise(memory, PAGES * page, MADV_NOHUGEPAGE);
        for (size_t i = 0; i < TOUCHED; i++)
                memory[2 * i * page] = 1;
        assert_int_equal(smaps_read(getpid(), &smaps), 0);
        region = smaps_find(&smaps, start);
        assert_true(region && region->start == start && region->end == start + PAGES * page);
        assert_int_equal(region->rss, TOUCHED * page);
        assert_int_equal(pagemap_resident(fd, region->start, region->end, &resident), 0);
        assert_int_equal(resident, TOUCHED * page);
        assert_int_equal(pagemap_look(fd, region->start, PAGES, pages), 0);
        assert_true(pages[0] && !pages[1] && pages[2 * TOUCHED - 2] && !pages[2 * TOUCHED]);
        smaps_done(&smaps);
        close(fd);
        munmap(memory - page, (PAGES + 2) * page);
}

static void a_process_that_is_gone_has_none(void **state)
{
        struct smaps smaps = { .n = 77 };

        assert_int_equal(smaps_read(0x3ffffff0, &smaps), -ESRCH);
        assert_int_equal(smaps.n, 77);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_what_is_resident_of_each_mapping),
                cmocka_unit_test(refuses_what_is_no_smaps),
                cmocka_unit_test(reads_our_own_and_agrees_with_the_page_map),
                cmocka_unit_test(a_process_that_is_gone_has_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
