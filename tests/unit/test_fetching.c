/* Which files are fetched, in which order, and what happens when servers are in trouble. The process that fetches is played by this
 * program: it answers as DEBUGINFOD_URLS says. */
#include "unit.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "live/fetching.h"
#include "target/debuginfod_wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int child(void)
{
        const char *urls = getenv("DEBUGINFOD_URLS");
        struct debuginfod_request request;
        struct debuginfod_reply ended = { .type = DEBUGINFOD_ENDED,
                                          .result = -ENOENT };

        if (urls && strcmp(urls, "refused") == 0)
                ended.result = -ECONNREFUSED;
        else if (urls && strcmp(urls, "no library") == 0)
                ended.result = -ENOPKG;
        while (recv(DEBUGINFOD_SOCKET, &request, sizeof request, 0) == (ssize_t)sizeof request)
                if (send(DEBUGINFOD_SOCKET, &ended, sizeof ended, MSG_NOSIGNAL) < 0)
                        return 1;
        return 0;
}

/* Programs without debug information. */
static const char *const paths[] = { "/bin/cat", "/bin/ls", "/bin/true" };
enum { FILES = 3 };

struct world {
        struct fetching *fetching;
        struct naming *namings[FILES];
        uint64_t now_ns;
};

static struct world open_world(const char *urls)
{
        const struct debuginfod_options options = { .urls = urls, .home = "/", .uid = 65534, .gid = 65534 };
        struct world world = { .fetching = fetching_new(&options), .now_ns = NS_PER_S };

        for (uint32_t i = 0; i < FILES; i++) {
                const struct fetching_frame frame = { .addr = 0x1000, .module = i, .frame = i + 1 };
                struct image *image;

                assert_int_equal(image_open_path(paths[i], &image), 0);
                assert_int_equal(naming_open(image, NULL, &world.namings[i]), 0);
                image_close(image);
                fetching_missed(world.fetching, world.namings[i], paths[i], &frame);
        }
        return world;
}

static void close_world(struct world *world)
{
        fetching_free(world->fetching);
        for (int i = 0; i < FILES; i++)
                naming_close(world->namings[i]);
}

static const char *current(struct world *world)
{
        static struct fetching_state state;

        fetching_look(world->fetching, &state);
        return state.text;
}

static uint32_t waiting(struct world *world)
{
        struct fetching_state state;

        fetching_look(world->fetching, &state);
        return state.waiting;
}

/* Steps until fewer than BEFORE wait, or nothing is being fetched. */
static void step_on(struct world *world, uint32_t before)
{
        for (int i = 0; i < 30000 && waiting(world) == before && current(world)[0]; i++) {
                fetching_step(world->fetching, world->now_ns, true);
                usleep(1000);
        }
}

static void what_stands_at_most_sites_comes_first(void **state)
{
        struct world world = open_world("missing");

        fetching_weigh(world.fetching, 0, 1);
        fetching_weigh(world.fetching, 1, 7);
        fetching_weigh(world.fetching, 2, 3);
        assert_int_equal(waiting(&world), 3);
        fetching_step(world.fetching, world.now_ns, false);
        assert_string_equal(current(&world), "ls");
        step_on(&world, 3);
        assert_string_equal(current(&world), "true");
        step_on(&world, 2);
        assert_string_equal(current(&world), "cat");
        step_on(&world, 1);
        assert_int_equal(waiting(&world), 0);
        assert_null(fetching_take_note(world.fetching)); /* that nobody has them is no trouble */
        close_world(&world);
}

static void nothing_is_fetched_before_it_is_known_what_matters(void **state)
{
        struct world world = open_world("missing");

        fetching_step(world.fetching, world.now_ns, false);
        assert_string_equal(current(&world), "");
        fetching_step(world.fetching, world.now_ns, true);
        assert_string_not_equal(current(&world), "");
        close_world(&world);
}

static void trouble_is_told_once_and_tried_again_less_and_less_often(void **state)
{
        struct world world = open_world("refused");
        char *note;

        fetching_step(world.fetching, world.now_ns, true);
        step_on(&world, 3);
        assert_string_equal(current(&world), "");
        note = fetching_take_note(world.fetching);
        assert_non_null(note);
        assert_non_null(strstr(note, "no server can be reached; tried again in 30s"));
        free(note);
        for (uint64_t pause = FETCHING_PAUSE_NS; waiting(&world) > 0; pause *= 2) {
                uint32_t before = waiting(&world);

                if (pause > FETCHING_PAUSE_MAX_NS)
                        pause = FETCHING_PAUSE_MAX_NS;
                assert_int_equal(fetching_due_ns(world.fetching), world.now_ns + pause);
                fetching_step(world.fetching, world.now_ns + pause - 1, true);
                assert_string_equal(current(&world), "");
                world.now_ns += pause;
                fetching_step(world.fetching, world.now_ns, true);
                step_on(&world, before);
                assert_null(fetching_take_note(world.fetching));
        }
        close_world(&world);
}

static void what_can_never_work_is_given_up_with_its_process(void **state)
{
        struct world world = open_world("no library");
        char *note;

        fetching_step(world.fetching, world.now_ns, true);
        step_on(&world, 3);
        assert_int_equal(waiting(&world), 0);
        note = fetching_take_note(world.fetching);
        assert_non_null(note);
        free(note);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
        close_world(&world);
}

int main(int argc, char **argv)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_stands_at_most_sites_comes_first),
                cmocka_unit_test(nothing_is_fetched_before_it_is_known_what_matters),
                cmocka_unit_test(trouble_is_told_once_and_tried_again_less_and_less_often),
                cmocka_unit_test(what_can_never_work_is_given_up_with_its_process),
        };

        if (debuginfod_is_child(argc, argv))
                return child();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
