#include "unit.h"

#include "base/io.h"
#include "target/oom.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char world[64];

static void put(const char *path, const char *text)
{
        char full[512];
        int fd;

        snprintf(full, sizeof full, "%s/%s", world, path);
        for (char *p = strchr(full + strlen(world) + 1, '/'); p; p = strchr(p + 1, '/')) {
                *p = '\0';
                mkdir(full, 0700);
                *p = '/';
        }
        fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(io_write_all(fd, text, strlen(text)), 0);
        close(fd);
}

static int make_world(void **state)
{
        snprintf(world, sizeof world, "/tmp/test_oom.XXXXXX");
        assert_non_null(mkdtemp(world));
        put("proc/vmstat", "pgfault 12\noom_kill 5\n");
        return 0;
}

static int remove_world(void **state)
{
        char command[128];

        snprintf(command, sizeof command, "rm -r '%s'", world);
        return system(command);
}

static void begin(struct oom *oom)
{
        char proc[128], cgroup[128];

        snprintf(proc, sizeof proc, "%s/proc", world);
        snprintf(cgroup, sizeof cgroup, "%s/cgroup", world);
        oom_init_from(proc, cgroup, oom, 7);
}

static void expect(const struct oom *oom, const char *source, uint64_t before, uint64_t now)
{
        struct oom_evidence evidence;

        oom_look(oom, &evidence);
        assert_non_null(strstr(evidence.source, source));
        assert_int_equal(evidence.before, before);
        assert_int_equal(evidence.now, now);
}

static void the_events_of_a_cgroup_are_counted(void **state)
{
        struct oom oom;

        put("proc/7/cgroup", "0::/web.slice/a b.service\n");
        put("cgroup/web.slice/a b.service/memory.events", "low 0\nhigh 3\nmax 9\noom 4\noom_kill 1\noom_group_kill 7\n");
        begin(&oom);
        expect(&oom, "/web.slice/a b.service/memory.events", 1, 1);
        put("cgroup/web.slice/a b.service/memory.events", "low 0\nhigh 3\nmax 9\noom 5\noom_kill 2\noom_group_kill 7\n");
        expect(&oom, "/memory.events", 1, 2);
        oom_done(&oom);
}

static void version_1_is_read_too(void **state)
{
        struct oom oom;

        put("proc/7/cgroup", "9:name=systemd:/\n4:cpu,memory:/old\n0::/\n");
        put("cgroup/memory/old/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
        begin(&oom);
        put("cgroup/memory/old/memory.oom_control", "oom_kill_disable 0\nunder_oom 1\noom_kill 4\n");
        expect(&oom, "/memory/old/memory.oom_control", 3, 4);
        oom_done(&oom);
}

static void the_unified_tree_of_a_hybrid_is_found(void **state)
{
        struct oom oom;

        put("proc/7/cgroup", "0::/x\n");
        put("cgroup/unified/x/memory.events", "oom_kill 8\n");
        begin(&oom);
        expect(&oom, "/unified/x/memory.events", 8, 8);
        oom_done(&oom);
}

static void without_a_cgroup_the_machine_counts(void **state)
{
        struct oom oom;
        char path[128];

        put("proc/7/cgroup", "0::/gone\n");
        put("cgroup/gone/memory.events", "oom_kill 0\n");
        begin(&oom);
        put("proc/vmstat", "oom_kill 6\n");
        snprintf(path, sizeof path, "%s/cgroup/gone/memory.events", world);
        unlink(path); /* a service's cgroup goes with its last process */
        expect(&oom, "/vmstat", 5, 6);
        oom_done(&oom);
}

static void nothing_to_read_is_no_evidence(void **state)
{
        struct oom oom;
        char path[128];

        snprintf(path, sizeof path, "%s/proc/vmstat", world);
        unlink(path);
        put("proc/7/cgroup", "0::/../outside\n3:memory\n:::\n");
        begin(&oom);
        expect(&oom, "", 0, 0);
        oom_done(&oom);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_world, remove_world)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(the_events_of_a_cgroup_are_counted),
                TEST(version_1_is_read_too),
                TEST(the_unified_tree_of_a_hybrid_is_found),
                TEST(without_a_cgroup_the_machine_counts),
                TEST(nothing_to_read_is_no_evidence),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
