#include "unit.h"

#include "base/io.h"
#include "target/limits.h"
#include "target/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIELDS " S 1 2 3 4 5 4194560 7 8 9 10 111 222 0 0 20 0 17 0 123456 987654321 77 18446744073709551615\n"

static void stat_survives_any_name(void **state)
{
        static const char *const names[] = { "plain", "a b", ") R 9 9", "((", "))", "", "x\ny", "\033[31m" };

        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
                struct proc_stat stat;
                char text[256];

                snprintf(text, sizeof text, "4711 (%s)" FIELDS, names[i]);
                assert_int_equal(proc_stat_parse(text, strlen(text), &stat), 0);
                assert_int_equal(stat.pid, 4711);
                assert_string_equal(stat.comm, names[i]);
                assert_int_equal(stat.state, 'S');
                assert_int_equal(stat.ppid, 1);
                assert_int_equal(stat.utime, 111);
                assert_int_equal(stat.stime, 222);
                assert_int_equal(stat.threads, 17);
                assert_int_equal(stat.start_time, 123456);
                assert_int_equal(stat.vm_bytes, 987654321);
                assert_false(stat.kernel_thread);
        }
}

static void stat_refuses_what_is_cut_off(void **state)
{
        static const char *const bad[] = { "", "1", "1 (a", "1 (a)", "1 (a) S 1 2", ")(" };
        struct proc_stat stat = { .pid = 5 };

        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                assert_int_equal(proc_stat_parse(bad[i], strlen(bad[i]), &stat), -EINVAL);
        assert_int_equal(stat.pid, 5);
}

static void status_reads_ids_and_sizes(void **state)
{
        struct proc_status status;

        assert_int_equal(proc_status_parse("Name:\tUid: 9\nUid:\t1000\t1001\t1000\t1000\nGid:\t5\t5\t5\t5\nTracerPid:\t77\n"
                                           "NSpid:\t400\t12\t1\nVmSize:\t  100 kB\nVmRSS:\t 50 kB\nRssAnon:\t 30 kB\n"
                                           "RssFile:\t 15 kB\nRssShmem:\t 5 kB\nThreads:\t3\nSeccomp:\t2\n", &status), 0);
        assert_int_equal(status.uid, 1000);
        assert_int_equal(status.euid, 1001);
        assert_int_equal(status.tracer, 77);
        assert_int_equal(status.ns_pid, 1);
        assert_int_equal(status.seccomp, 2);
        assert_int_equal(status.threads, 3);
        assert_true(status.has_memory);
        assert_int_equal(status.rss_anon_bytes, 30 * 1024);
        assert_int_equal(proc_status_parse("Name:\tx\n", &status), -EINVAL);
}

static void knows_itself(void **state)
{
        struct proc_stat stat;
        struct proc_status status;
        char *exe = NULL, *cmdline = NULL;
        pid_t *ids = NULL, tid;
        size_t n = 0;
        bool found = false;

        assert_int_equal(prctl(PR_SET_NAME, "a) R 1 (b"), 0);
        assert_int_equal(proc_stat_read(getpid(), &stat), 0);
        assert_string_equal(stat.comm, "a) R 1 (b");
        assert_int_equal(stat.ppid, getppid());
        assert_int_equal(proc_status_read(getpid(), &status), 0);
        assert_int_equal(status.uid, getuid());
        assert_true(status.rss_anon_bytes > 0);
        assert_int_equal(proc_live_thread(getpid(), &tid), 0);
        assert_int_equal(tid, getpid());
        assert_int_equal(proc_elf_bits(getpid()), 64);
#ifdef __SANITIZE_ADDRESS__ /* it brings the library of C++ */
        assert_string_equal(proc_kind(getpid(), NULL), "C++");
#else
        assert_string_equal(proc_kind(getpid(), NULL), "C");
#endif
        assert_int_equal(proc_exe(getpid(), &exe), 0);
        assert_non_null(strstr(exe, "test_proc"));
        assert_int_equal(proc_cmdline(getpid(), &cmdline), 0);
        assert_non_null(strstr(cmdline, "test_proc"));
        assert_int_equal(proc_pids(&ids, &n), 0);
        for (size_t i = 0; i < n; i++)
                found |= ids[i] == getpid();
        assert_true(found);
        assert_true(proc_is_same(getpid(), stat.start_time));
        assert_false(proc_is_same(getpid(), stat.start_time + 1));
        assert_true(proc_uptime_ns(stat.start_time) < 3600ull * 1000000000);
        free(ids);
        free(exe);
        free(cmdline);
}

static void *stays(void *arg)
{
        pause();
        return arg;
}

static void a_leader_that_has_ended_is_read_through_another_thread(void **state)
{
        struct proc_stat stat = { 0 };
        pid_t child = fork(), tid = 0;
        pthread_t thread;
        char byte;
        int fd;

        if (child == 0) {
                pthread_create(&thread, NULL, stays, NULL);
                pthread_exit(NULL);
        }
        assert_true(child > 0);
        for (int polls = 0; stat.state != 'Z' && polls < 10000; polls++, usleep(1000))
                assert_int_equal(proc_stat_read(child, &stat), 0);
        assert_int_equal(stat.state, 'Z');
        assert_int_equal(proc_live_thread(child, &tid), 0);
        assert_int_not_equal(tid, child);
        fd = proc_open_live(child, "smaps", O_RDONLY);
        assert_true(fd >= 0);
        assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
        assert_int_equal(read(fd, &byte, 1), 1);
        close(fd);
        assert_int_equal(proc_open_live(child, "nothing", O_RDONLY), -ESRCH);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
}

static void a_zombie_has_a_state_but_no_memory(void **state)
{
        struct proc_stat stat;
        struct proc_status status;
        struct maps maps;
        siginfo_t info;
        pid_t child = fork(), tid;

        if (child == 0)
                _exit(0);
        assert_true(child > 0);
        assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
        assert_int_equal(proc_stat_read(child, &stat), 0);
        assert_int_equal(stat.state, 'Z');
        assert_int_equal(proc_status_read(child, &status), 0);
        assert_false(status.has_memory);
        assert_int_equal(proc_live_thread(child, &tid), -ESRCH);
        assert_int_equal(proc_open_live(child, "smaps", O_RDONLY), -ESRCH);
        assert_int_equal(maps_read(child, &maps), -ESRCH);
        assert_false(proc_is_same(child, stat.start_time));
        waitpid(child, NULL, 0);
        assert_int_equal(proc_stat_read(child, &stat), -ESRCH);
        assert_int_equal(proc_status_read(child, &status), -ESRCH);
}

static void names_users(void **state)
{
        char name[32];

        proc_user_name(0, name, sizeof name);
        assert_string_equal(name, "root");
        proc_user_name(4123456789u, name, sizeof name);
        assert_string_equal(name, "4123456789");
}

/* ---- limits: a small world of files ---- */

static char world[64];

static void put(const char *path, const char *text)
{
        char full[256];
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
        snprintf(world, sizeof world, "/tmp/test_proc.XXXXXX");
        assert_non_null(mkdtemp(world));
        put("proc/meminfo", "MemTotal:  1048576 kB\n");
        put("proc/7/status", "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nVmSize:\t500 kB\nVmData:\t60 kB\nVmRSS:\t40 kB\n");
        put("proc/7/limits", "Limit   Soft   Hard   Units\nMax data size   unlimited  unlimited  bytes\n"
                             "Max address space         unlimited            unlimited            bytes\n");
        return 0;
}

static int remove_world(void **state)
{
        char command[128];

        snprintf(command, sizeof command, "rm -r '%s'", world);
        return system(command);
}

static struct limits limits_of_world(void)
{
        struct limits limits;
        char proc[128], cgroup[128];

        snprintf(proc, sizeof proc, "%s/proc", world);
        snprintf(cgroup, sizeof cgroup, "%s/cgroup", world);
        assert_int_equal(limits_read_from(proc, cgroup, 7, &limits), 0);
        return limits;
}

static void the_limit_is_ram_when_nothing_else_is(void **state)
{
        struct limits limits = limits_of_world();

        assert_int_equal(limits.limit_bytes, 1ull << 30);
        assert_string_equal(limits.source, "RAM");
        assert_int_equal(limits.used_bytes, 40 * 1024);
        assert_true(limits.room_bytes == UINT64_MAX);
}

static void the_smallest_cgroup_above_counts(void **state)
{
        struct limits limits;

        put("proc/7/cgroup", "0::/a.slice/b.service\n");
        put("cgroup/a.slice/memory.max", "1000000\n");
        put("cgroup/a.slice/memory.current", "900000\n");
        put("cgroup/a.slice/memory.stat", "anon 5\ninactive_file 100000\n");
        put("cgroup/a.slice/b.service/memory.max", "max\n");
        put("cgroup/a.slice/b.service/memory.high", "5000000\n");
        put("cgroup/a.slice/b.service/memory.current", "4999000\n");
        limits = limits_of_world();
        assert_int_equal(limits.limit_bytes, 1000000);
        assert_string_equal(limits.source, "cgroup /a.slice");
        assert_int_equal(limits.used_bytes, 800000);
        assert_int_equal(limits.room_bytes, 1000);
}

static void the_old_cgroups_count_too(void **state)
{
        struct limits limits;

        put("proc/7/cgroup", "12:cpu,cpuacct:/x\n9:memory:/docker/abc\n1:name=systemd:/y\n0::/z\n");
        put("cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        put("cgroup/memory/docker/abc/memory.limit_in_bytes", "2000000\n");
        put("cgroup/memory/docker/abc/memory.usage_in_bytes", "500000\n");
        limits = limits_of_world();
        assert_int_equal(limits.limit_bytes, 2000000);
        assert_string_equal(limits.source, "cgroup /docker/abc");
        assert_int_equal(limits.room_bytes, 1500000);
}

static void resource_limits_count(void **state)
{
        struct limits limits;

        put("proc/7/limits", "Max data size   700000   unlimited  bytes\nMax address space     800000  800000  bytes\n");
        limits = limits_of_world();
        assert_int_equal(limits.limit_bytes, 700000);
        assert_string_equal(limits.source, "RLIMIT_DATA");
        assert_int_equal(limits.used_bytes, 60 * 1024);
}

static void a_hostile_cgroup_path_leads_nowhere(void **state)
{
        struct limits limits;

        put("secret/memory.max", "1\n");
        put("proc/7/cgroup", "0::/../secret\n:::\n\n0:\nx\n");
        limits = limits_of_world();
        assert_string_equal(limits.source, "RAM");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(stat_survives_any_name),
                cmocka_unit_test(stat_refuses_what_is_cut_off),
                cmocka_unit_test(status_reads_ids_and_sizes),
                cmocka_unit_test(knows_itself),
                cmocka_unit_test(a_leader_that_has_ended_is_read_through_another_thread),
                cmocka_unit_test(a_zombie_has_a_state_but_no_memory),
                cmocka_unit_test(names_users),
#define IN_WORLD(name) cmocka_unit_test_setup_teardown(name, make_world, remove_world)
                IN_WORLD(the_limit_is_ram_when_nothing_else_is),
                IN_WORLD(the_smallest_cgroup_above_counts),
                IN_WORLD(the_old_cgroups_count_too),
                IN_WORLD(resource_limits_count),
                IN_WORLD(a_hostile_cgroup_path_leads_nowhere),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
