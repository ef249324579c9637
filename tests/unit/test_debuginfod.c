/* The process that fetches is played by this program itself: what it does depends on the build id that it is asked for. The real one
 * is tested against a server in tests/live/debuginfod.sh. */
#include "unit.h"

#include "app/servers.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "target/debuginfod.h"
#include "target/debuginfod_wire.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DIES     "dead0000"
#define HANGS    "0000aaaa"
#define MISSING  "0000bbbb"
#define A_FIFO   "0000cccc"
#define GARBAGE  "0000dddd"
#define USER     "0000eeee"
#define TALKS    "0000ffff"
#define TWO      "00001111"

static char own_id[DEBUGINFOD_ID_MAX + 1];
static struct debuginfod *debuginfod;

/* ---- the process ---- */

static void tell_with(uint32_t type, int32_t result, const int *fds, size_t n_fds)
{
        struct debuginfod_reply reply = { .type = type, .result = result, .done = 11, .total = 42 };
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(2 * sizeof(int))];
        } control = { 0 };
        struct iovec part = { &reply, sizeof reply };
        struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

        if (n_fds > 0) {
                message.msg_control = &control;
                message.msg_controllen = CMSG_SPACE(n_fds * sizeof *fds);
                control.header = (struct cmsghdr){ CMSG_LEN(n_fds * sizeof *fds), SOL_SOCKET, SCM_RIGHTS };
                memcpy(CMSG_DATA(&control.header), fds, n_fds * sizeof *fds);
        }
        if (sendmsg(DEBUGINFOD_SOCKET, &message, MSG_NOSIGNAL) < 0)
                _exit(1);
}

static void tell(uint32_t type, int32_t result, int fd)
{
        tell_with(type, result, &fd, fd >= 0);
}

static void talk(void)
{
        for (int i = 0; i < 100; i++)
                tell(DEBUGINFOD_PROGRESS, 0, -1);
        tell(DEBUGINFOD_ENDED, -ENOENT, -1);
        _exit(0);
}

static void hand_over_two(void)
{
        const int own = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), fds[] = { own, own };

        tell_with(DEBUGINFOD_ENDED, 0, fds, 2);
        close(own);
}

static int open_fifo(void)
{
        char path[] = "/tmp/test_debuginfod.XXXXXX";
        int fd;

        if (!mkdtemp(path) || chdir(path) < 0 || mkfifo("fifo", 0600) < 0)
                return -1;
        fd = open("fifo", O_RDWR | O_CLOEXEC);
        unlink("fifo");
        rmdir(path);
        return fd;
}

static void answer(const char *build_id)
{
        tell(DEBUGINFOD_PROGRESS, 0, -1);
        if (strcmp(build_id, DIES) == 0)
                _exit(3);
        else if (strcmp(build_id, HANGS) == 0)
                pause();
        else if (strcmp(build_id, MISSING) == 0)
                tell(DEBUGINFOD_ENDED, -ENOENT, -1);
        else if (strcmp(build_id, A_FIFO) == 0)
                tell(DEBUGINFOD_ENDED, 0, open_fifo());
        else if (strcmp(build_id, TALKS) == 0)
                talk();
        else if (strcmp(build_id, TWO) == 0)
                hand_over_two();
        else if (strcmp(build_id, GARBAGE) == 0)
                send(DEBUGINFOD_SOCKET, "garbage", 7, 0);
        else if (strcmp(build_id, USER) == 0) /* root or not, no group, two descriptors besides the socket */
                tell(DEBUGINFOD_ENDED, geteuid() != 0 && getgroups(0, NULL) == 0 && fcntl(4, F_GETFD) < 0 &&
                     getenv("HOME") && !getenv("SECRET") ? -ENOENT : -EPERM, -1);
        else
                tell(DEBUGINFOD_ENDED, 0, open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
}

static int child(void)
{
        struct debuginfod_request request;

        while (recv(DEBUGINFOD_SOCKET, &request, sizeof request, 0) == (ssize_t)sizeof request)
                if (request.type == DEBUGINFOD_FETCH)
                        answer(request.build_id);
                else
                        tell(DEBUGINFOD_ENDED, -EBADMSG, -1);
        return 0;
}

/* ---- tests ---- */

static int set_up(void **state)
{
        const struct debuginfod_options options = { .urls = "http://127.0.0.1:1", .home = "/nonexistent", .uid = 65534, .gid = 65534 };

        debuginfod = debuginfod_new(&options);
        return 0;
}

static int tear_down(void **state)
{
        debuginfod_free(debuginfod);
        return 0;
}

static int result_of(const char *build_id, struct image **ret)
{
        struct image *alternate;
        int result = 1;

        assert_int_equal(debuginfod_fetch(debuginfod, build_id), 0);
        for (int i = 0; i < 3000 && !debuginfod_poll(debuginfod, &result, ret, &alternate); i++)
                debuginfod_wait(debuginfod, 10);
        return result;
}

static void a_file_with_the_right_build_id_arrives(void **state)
{
        struct image *image;

        assert_int_equal(result_of(own_id, &image), 0);
        assert_string_equal(image_build_id(image), own_id);
        image_close(image);
}

static void a_file_with_another_build_id_is_refused(void **state)
{
        struct image *image;

        assert_int_equal(result_of("00000000", &image), -EBADMSG);
        assert_null(image);
}

static void what_is_no_file_is_refused(void **state)
{
        struct image *image;

        assert_int_equal(result_of(A_FIFO, &image), -EBADMSG);
        assert_null(image);
}

static void a_file_that_no_server_has_is_no_trouble(void **state)
{
        struct image *image;

        assert_int_equal(result_of(MISSING, &image), -ENOENT);
        assert_false(debuginfod_is_trouble(-ENOENT));
        assert_true(debuginfod_is_trouble(-ECONNREFUSED));
}

static void a_process_that_dies_is_replaced(void **state)
{
        struct image *image;
        pid_t first;

        assert_int_equal(debuginfod_pid(debuginfod), 0);
        assert_int_equal(result_of(MISSING, &image), -ENOENT);
        first = debuginfod_pid(debuginfod);
        assert_int_equal(result_of(MISSING, &image), -ENOENT);
        assert_int_equal(debuginfod_pid(debuginfod), first);
        assert_int_equal(result_of(DIES, &image), -ECHILD);
        assert_int_equal(debuginfod_pid(debuginfod), 0);
        assert_int_equal(result_of(GARBAGE, &image), -ECHILD);
        assert_int_equal(result_of(MISSING, &image), -ENOENT);
}

static void a_hanging_process_is_in_nobody_s_way(void **state)
{
        uint64_t begun_ns = clock_boottime_ns(), done, total = 0;
        struct image *image, *alternate;
        int result;

        assert_int_equal(debuginfod_fetch(debuginfod, HANGS), 0);
        assert_int_equal(debuginfod_fetch(debuginfod, MISSING), -EBUSY);
        for (int i = 0; i < 3000 && total == 0; i++) {
                assert_false(debuginfod_poll(debuginfod, &result, &image, &alternate));
                debuginfod_progress(debuginfod, &done, &total);
                debuginfod_wait(debuginfod, 10);
        }
        assert_int_equal(done, 11);
        assert_int_equal(total, 42);
        debuginfod_rest(debuginfod); /* it is at work */
        assert_true(debuginfod_pid(debuginfod) > 0);
        debuginfod_free(debuginfod);
        debuginfod = NULL;
        assert_true(clock_boottime_ns() - begun_ns < 60 * NS_PER_S);
}

static void a_process_that_talks_much_is_not_heard_out_at_once(void **state)
{
        struct image *image, *alternate;
        siginfo_t info;
        int result = 0;

        assert_int_equal(debuginfod_fetch(debuginfod, TALKS), 0);
        assert_int_equal(waitid(P_PID, (id_t)debuginfod_pid(debuginfod), &info, WEXITED | WNOWAIT), 0);
        assert_false(debuginfod_poll(debuginfod, &result, &image, &alternate));
        assert_true(debuginfod_poll(debuginfod, &result, &image, &alternate));
        assert_int_equal(result, -ENOENT);
}

static size_t count_descriptors(void)
{
        DIR *dir = opendir("/proc/self/fd");
        size_t n = 0;

        assert_non_null(dir);
        while (readdir(dir))
                n++;
        closedir(dir);
        return n;
}

static void descriptors_that_nobody_asked_for_do_not_stay(void **state)
{
        struct image *image;
        size_t n;

        assert_int_equal(result_of(MISSING, &image), -ENOENT);
        n = count_descriptors();
        result_of(TWO, &image);
        image_close(image);
        assert_int_equal(count_descriptors(), n);
}

static void the_process_has_no_privileges_and_nothing_of_ours(void **state)
{
        struct image *image;

        setenv("SECRET", "x", 1);
        assert_int_equal(result_of(USER, &image), geteuid() == 0 || getgroups(0, NULL) == 0 ? -ENOENT : -EPERM);
        unsetenv("SECRET");
}

static void root_does_not_fetch_as_root(void **state)
{
        const struct debuginfod_options options = { .urls = "http://127.0.0.1:1", .home = "/" };
        struct debuginfod *as_root = debuginfod_new(&options);

        if (geteuid() == 0)
                assert_int_equal(debuginfod_fetch(as_root, own_id), -EPERM);
        debuginfod_free(as_root);
}

static void the_cache_is_that_of_who_called(void **state)
{
        struct user user = { .uid = 1000, .gid = 1000, .invoking = true, .home = "/home/x" };
        struct servers servers;

        unsetenv("DEBUGINFOD_CACHE_PATH");
        unsetenv("DEBUGINFOD_URLS");
        setenv("XDG_CACHE_HOME", "/root/.cache", 1);
        assert_false(servers_find(false, &user).on);
        setenv("DEBUGINFOD_URLS", "http://127.0.0.1:1", 1);
        assert_false(servers_find(true, &user).on);
        servers = servers_find(false, &user);
        assert_true(servers.on);
        assert_string_equal(servers.options.home, "/home/x");
        assert_null(servers.options.cache);
        assert_null(servers.options.xdg_cache); /* by sudo: root's */
        assert_int_equal(servers.options.uid, 1000);
        user.invoking = false;
        assert_string_equal(servers_find(false, &user).options.xdg_cache, "/root/.cache");
        user = (struct user){ .home = "/root" };
        servers = servers_find(false, &user);
        if (geteuid() == 0) { /* root that nobody has called */
                assert_int_not_equal(servers.options.uid, 0);
                assert_string_equal(servers.options.cache, SERVERS_ROOT_CACHE);
        }
        unsetenv("DEBUGINFOD_URLS");
}

static void only_build_ids_are_asked_for(void **state)
{
        char longest[DEBUGINFOD_ID_MAX + 3];

        assert_int_equal(debuginfod_fetch(debuginfod, ""), -EINVAL);
        assert_int_equal(debuginfod_fetch(debuginfod, "../../etc"), -EINVAL);
        assert_int_equal(debuginfod_fetch(debuginfod, "abc"), -EINVAL);
        memset(longest, 'a', sizeof longest - 1);
        longest[sizeof longest - 1] = '\0';
        assert_int_equal(debuginfod_fetch(debuginfod, longest), -EINVAL);
}

int main(int argc, char **argv)
{
        static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
                TEST(a_file_with_the_right_build_id_arrives),
                TEST(a_file_with_another_build_id_is_refused),
                TEST(what_is_no_file_is_refused),
                TEST(a_file_that_no_server_has_is_no_trouble),
                TEST(a_process_that_dies_is_replaced),
                TEST(a_hanging_process_is_in_nobody_s_way),
                TEST(a_process_that_talks_much_is_not_heard_out_at_once),
                TEST(descriptors_that_nobody_asked_for_do_not_stay),
                TEST(the_process_has_no_privileges_and_nothing_of_ours),
                TEST(root_does_not_fetch_as_root),
                TEST(the_cache_is_that_of_who_called),
                TEST(only_build_ids_are_asked_for),
        };
        struct image *own;

        if (debuginfod_is_child(argc, argv))
                return child();
        if (image_open_path("/proc/self/exe", &own) < 0)
                return 1;
        snprintf(own_id, sizeof own_id, "%s", image_build_id(own));
        image_close(own);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
