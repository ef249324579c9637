#include "unit.h"

#include "base/exit.h"
#include "base/io.h"
#include "target/wanted.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID_A "4f5a00000000000000000000000000000000000000000000000000000000aaaa"
#define ID_B "4f5b00000000000000000000000000000000000000000000000000000000bbbb"

static char world[64];

static void put(int pid, const char *name, const char *text)
{
        char full[256];
        int fd;

        snprintf(full, sizeof full, "%s/%d", world, pid);
        mkdir(full, 0700);
        snprintf(full, sizeof full, "%s/%d/%s", world, pid, name);
        fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(io_write_all(fd, text, strlen(text)), 0);
        close(fd);
}

static void process(int pid, int parent, unsigned start, const char *comm, char state, const char *cgroup)
{
        char text[256];

        snprintf(text, sizeof text, "%d (%s) %c %d 3 4 5 6 4194560 7 8 9 10 1 2 0 0 20 0 1 0 %u 9 7 1\n", pid, comm, state, parent,
                 start);
        put(pid, "stat", text);
        put(pid, "cgroup", cgroup);
        put(pid, "mountinfo", "");
}

static void exe(int pid, const char *path)
{
        char full[256];

        snprintf(full, sizeof full, "%s/%d/exe", world, pid);
        assert_int_equal(symlink(path, full), 0);
}

static int make_world(void **state)
{
        snprintf(world, sizeof world, "/tmp/test_wanted.XXXXXX");
        assert_non_null(mkdtemp(world));
        return 0;
}

static int remove_world(void **state)
{
        char command[128];

        snprintf(command, sizeof command, "rm -r '%s'", world);
        return system(command);
}

static int find(enum wanted_kind kind, const char *text, bool parent, struct wanted_process *ret, struct err *err)
{
        const struct wanted wanted = { .kind = kind, .text = text, .parent = parent };

        *err = (struct err){ 0 };
        *ret = (struct wanted_process){ 0 };
        return wanted_find_from(world, &wanted, NULL, NULL, ret, err);
}

static void a_name_is_the_comm_or_the_executable(void **state)
{
        struct wanted_process found;
        struct err err;

        process(10, 1, 100, "shopd", 'S', "0::/\n");
        process(11, 1, 100, "python3", 'S', "0::/\n");
        exe(11, "/opt/bin/worker (deleted)");
        process(12, 1, 100, "a-very-long-nam", 'S', "0::/\n");
        process(13, 1, 100, "shopd", 'Z', "0::/\n");
        process(14, 1, 100, ") R 1 (shop", 'S', "0::/\n");
        assert_int_equal(find(WANTED_NAME, "shopd", false, &found, &err), 0);
        assert_int_equal(found.pid, 10);
        assert_int_equal(found.start_time, 100);
        assert_string_equal(found.comm, "shopd");
        assert_int_equal(find(WANTED_NAME, "worker", false, &found, &err), 0);
        assert_int_equal(found.pid, 11);
        assert_int_equal(find(WANTED_NAME, "a-very-long-name-indeed", false, &found, &err), 0);
        assert_int_equal(found.pid, 12);
        assert_int_equal(find(WANTED_NAME, "shop", false, &found, &err), -ENOENT);
        assert_int_equal(err_exit_status(&err), EXIT_NO_INPUT);
        assert_int_equal(find(WANTED_NAME, "a-very-long-nam-of", false, &found, &err), 0);
}

static void several_are_listed_and_none_is_picked(void **state)
{
        struct wanted_process found;
        struct err err;

        process(10, 1, 100, "nginx", 'S', "0::/\n");
        process(20, 10, 200, "nginx", 'S', "0::/\n");
        process(21, 10, 201, "nginx", 'S', "0::/\n");
        assert_int_equal(find(WANTED_NAME, "nginx", false, &found, &err), -ENOTUNIQ);
        assert_int_equal(found.pid, 0);
        assert_non_null(strstr(err.text, "3 processes are meant by nginx: 10 nginx, 20 nginx, 21 nginx"));
        assert_int_equal(err_exit_status(&err), EXIT_USAGE);
        /* a server and its workers, when that is what is asked for */
        assert_int_equal(find(WANTED_NAME, "nginx", true, &found, &err), 0);
        assert_int_equal(found.pid, 10);
        process(30, 1, 300, "nginx", 'S', "0::/\n");
        assert_int_equal(find(WANTED_NAME, "nginx", true, &found, &err), -ENOTUNIQ);
        assert_null(strstr(err.text, "20 nginx"));
}

static void a_unit_is_its_oldest_process_with_a_parent_outside(void **state)
{
        struct wanted_process found;
        struct err err;

        process(1, 0, 1, "systemd", 'S', "0::/init.scope\n");
        process(40, 1, 500, "shopd", 'S', "3:memory:/x\n0::/system.slice/shop.service\n");
        process(41, 40, 400, "worker", 'S', "0::/system.slice/shop.service/sub\n"); /* older only by its ticks */
        process(42, 1, 600, "helper", 'S', "0::/system.slice/shop.service\n");
        process(43, 1, 100, "other", 'S', "0::/system.slice/myshop.service\n0::/system.slice/shop.services\n");
        assert_int_equal(find(WANTED_UNIT, "shop.service", false, &found, &err), 0);
        assert_int_equal(found.pid, 40);
        assert_int_equal(find(WANTED_UNIT, "shop", false, &found, &err), 0);
        assert_int_equal(found.pid, 40);
        assert_int_equal(find(WANTED_UNIT, "shop.scope", false, &found, &err), -ENOENT);
}

static void the_old_tree_of_systemd_is_read_too(void **state)
{
        struct wanted_process found;
        struct err err;

        process(50, 1, 500, "old", 'S', "9:name=systemd:/system.slice/old.service\n4:memory:/system.slice/old.service\n0::/\n");
        process(51, 1, 400, "fake", 'S', "4:memory:/system.slice/old.service\n");
        assert_int_equal(find(WANTED_UNIT, "old", false, &found, &err), 0);
        assert_int_equal(found.pid, 50);
}

static void two_units_of_the_same_name_are_told(void **state)
{
        struct wanted_process found;
        struct err err;

        process(60, 1, 500, "a", 'S', "0::/user.slice/user-1.slice/app.service\n");
        process(61, 1, 500, "b", 'S', "0::/user.slice/user-2.slice/app.service\n");
        assert_int_equal(find(WANTED_UNIT, "app", false, &found, &err), -ENOTUNIQ);
        assert_non_null(strstr(err.text, "60 a in /user.slice/user-1.slice/app.service"));
}

static void a_container_is_known_by_the_beginning_of_its_id(void **state)
{
        struct wanted_process found;
        struct err err;

        process(70, 1, 500, "redis-server", 'S', "0::/system.slice/docker-" ID_A ".scope\n");
        process(71, 70, 501, "sh", 'S', "0::/system.slice/docker-" ID_A ".scope\n");
        process(72, 1, 600, "nginx", 'S', "4:memory:/kubepods/pod1/" ID_B "\n0::/\n");
        assert_int_equal(find(WANTED_CONTAINER, "4f5a", false, &found, &err), 0);
        assert_int_equal(found.pid, 70);
        assert_int_equal(find(WANTED_CONTAINER, ID_B, false, &found, &err), 0);
        assert_int_equal(found.pid, 72);
        assert_int_equal(find(WANTED_CONTAINER, "4f5", false, &found, &err), -EINVAL);
        assert_int_equal(find(WANTED_CONTAINER, "4F5A", false, &found, &err), -EINVAL);
        assert_int_equal(find(WANTED_CONTAINER, "f5a0", false, &found, &err), -ENOENT);
}

static void a_container_in_its_own_cgroup_namespace_is_known_by_its_mounts(void **state)
{
        struct wanted_process found;
        struct err err;

        process(80, 1, 500, "redis-server", 'S', "0::/\n");
        put(80, "mountinfo", "1 2 0:1 / / rw - overlay overlay rw,upperdir=/var/lib/docker/overlay2/" ID_B "/diff\n"
                             "3 2 8:1 /var/lib/docker/containers/" ID_A "/hostname /etc/hostname rw - ext4 /dev/sda rw\n");
        assert_int_equal(find(WANTED_CONTAINER, "4f5a", false, &found, &err), 0);
        assert_int_equal(found.pid, 80);
        /* the layer of an image is no container */
        assert_int_equal(find(WANTED_CONTAINER, "4f5b", false, &found, &err), -ENOENT);
}

/* Docker and podman mount a container's /dev/shm below a folder of its id, where the whole machine sees it. */
static void the_machine_around_a_container_is_no_part_of_it(void **state)
{
        struct wanted_process found;
        struct err err;

        process(1, 0, 1, "systemd", 'S', "0::/init.scope\n");
        put(1, "mountinfo", "1 2 8:1 / / rw - ext4 /dev/sda rw\n"
                            "3 1 0:50 / /var/lib/docker/containers/" ID_A "/mounts/shm rw - tmpfs shm rw\n"
                            "4 1 0:51 / /var/lib/containers/storage/overlay-containers/" ID_A "/userdata/shm rw - tmpfs shm rw\n");
        assert_int_equal(find(WANTED_CONTAINER, "4f5a", false, &found, &err), -ENOENT);
        process(80, 1, 500, "redis-server", 'S', "0::/\n");
        put(80, "mountinfo", "3 2 8:1 /var/lib/docker/containers/" ID_A "/hostname /etc/hostname rw - ext4 /dev/sda rw\n");
        assert_int_equal(find(WANTED_CONTAINER, "4f5a", false, &found, &err), 0);
        assert_int_equal(found.pid, 80);
        put(80, "mountinfo", "3 2\n\n \n3 2 8:1\n");
        assert_int_equal(find(WANTED_CONTAINER, "4f5a", false, &found, &err), -ENOENT);
}

static void names_that_cannot_be_are_refused(void **state)
{
        struct wanted_process found;
        struct err err;

        assert_int_equal(find(WANTED_NAME, "", false, &found, &err), -EINVAL);
        assert_int_equal(find(WANTED_NAME, "/usr/sbin/nginx", false, &found, &err), -EINVAL);
        assert_int_equal(find(WANTED_UNIT, "a/b", false, &found, &err), -EINVAL);
        assert_int_equal(err_exit_status(&err), EXIT_USAGE);
}

static void a_hostile_name_is_shown_harmless(void **state)
{
        struct wanted_process found;
        struct err err;

        process(90, 1, 500, "evil\033]0;x", 'S', "0::/s/e.service\n");
        process(91, 1, 500, "evil", 'S', "0::/t/e.service\n");
        assert_int_equal(find(WANTED_UNIT, "e", false, &found, &err), -ENOTUNIQ);
        assert_null(strchr(err.text, '\033'));
        assert_non_null(strstr(err.text, "\\x1b]0;x"));
}

static bool accept_even(void *ctx, pid_t pid)
{
        return pid % 2 == 0;
}

static void only_those_that_are_accepted_count(void **state)
{
        const struct wanted wanted = { .kind = WANTED_NAME, .text = "x" };
        struct wanted_process found;
        struct err err = { 0 };

        process(11, 1, 100, "x", 'S', "0::/\n");
        process(12, 1, 100, "x", 'S', "0::/\n");
        assert_int_equal(wanted_find_from(world, &wanted, accept_even, NULL, &found, &err), 0);
        assert_int_equal(found.pid, 12);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_world, remove_world)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_name_is_the_comm_or_the_executable),
                TEST(several_are_listed_and_none_is_picked),
                TEST(a_unit_is_its_oldest_process_with_a_parent_outside),
                TEST(the_old_tree_of_systemd_is_read_too),
                TEST(two_units_of_the_same_name_are_told),
                TEST(a_container_is_known_by_the_beginning_of_its_id),
                TEST(a_container_in_its_own_cgroup_namespace_is_known_by_its_mounts),
                TEST(the_machine_around_a_container_is_no_part_of_it),
                TEST(names_that_cannot_be_are_refused),
                TEST(a_hostile_name_is_shown_harmless),
                TEST(only_those_that_are_accepted_count),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
