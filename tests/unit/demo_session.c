#include "demo_session.h"

#include "base/clock.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define M (1 << 20)
enum { TICKS = 480, STEP_S = 5 };

/* A pseudo-random number in [-1, 1) that is the same everywhere (Knuth's MMIX generator). */
static double wobble(uint64_t seed)
{
        uint64_t x = seed * 6364136223846793005ull + 1442695040888963407ull;

        x ^= x >> 33;
        x *= 6364136223846793005ull;
        return (double)(x >> 11) / (double)(1ull << 52) - 1;
}

struct demo {
        struct fake *fake;
        uint32_t login, oauth; /* the two stacks of SessionStore::put */
        uint32_t put, listeners, cache, chunk, config, sqlite, plugin, png, hostile, nearest, mapped;
};

static uint32_t call(struct fake *fake, uint32_t caller, uint32_t module, const char *func, const char *file,
                     uint32_t line)
{
        return fake_add_stack(fake, caller, fake_add_frame(fake, module, func, file, line));
}

static uint32_t allocate(struct fake *fake, uint32_t caller, uint32_t libc, uint32_t runtime)
{
        uint32_t malloc_frame = fake_add_frame(fake, libc, "malloc", NULL, 0);
        uint32_t new_frame = fake_add_frame(fake, runtime, "operator new(unsigned long)", "new_op.cc", 50);

        fake_set_frame(fake, malloc_frame, "malloc", NULL, 0, REC_FRAME_NAMED | REC_FRAME_RUNTIME);
        fake_set_frame(fake, new_frame, "operator new(unsigned long)", "new_op.cc", 50,
                       REC_FRAME_NAMED | REC_FRAME_RUNTIME);
        return fake_add_stack(fake, fake_add_stack(fake, caller, new_frame), malloc_frame);
}

/* The calls that lead to SessionStore::put, with inlined and runtime frames. */
static void add_leak(struct demo *demo, const char *source)
{
        struct fake *fake = demo->fake;
        uint32_t shop = fake_add_module(fake, "/usr/bin/shopd"),
                 libc = fake_add_module(fake, "/usr/lib/libc.so.6");
        uint32_t cpp = fake_add_module(fake, "/usr/lib/libstdc++.so.6");
        uint32_t main_stack = call(fake, 0, shop, "main", "/src/server.cc", 31);
        uint32_t loop = call(fake, main_stack, shop, "uv_run", "/src/core.c", 418);
        uint32_t dispatch =
                call(fake, loop, shop, "http::Server::dispatch(http::Request const&)", "/src/http.cc", 207);
        uint32_t login_frame = fake_add_frame(fake, shop, "Login::handle(Request const&)", "/src/login.cc", 54);
        uint32_t login = fake_add_stack(fake, dispatch, login_frame);
        uint32_t oauth = call(fake, dispatch, shop, "OAuth::callback(Request const&)", "/src/oauth.cc", 140);
        uint32_t made, put_frame = fake_add_frame(fake, shop, "SessionStore::put(User const&)", source, 9);
        uint32_t through_login = fake_add_stack(fake, login, put_frame),
                 through_oauth = fake_add_stack(fake, oauth, put_frame);

        fake_add_inline(fake, login_frame, "Login::user_of(Request const&)", "/src/login.cc", 21);
        made = fake_add_inline(fake, put_frame, "std::make_unique<Session, User const&>(User const&)", "/src/unique_ptr.h", 1065);
        fake_set_frame(fake, made, "std::make_unique<Session, User const&>(User const&)", "/src/unique_ptr.h", 1065,
                       REC_FRAME_NAMED | REC_FRAME_RUNTIME);
        demo->put = fake_set_site(fake, through_login, 0);
        demo->login = allocate(fake, through_login, libc, cpp);
        demo->oauth = allocate(fake, through_oauth, libc, cpp);
        fake_set_site(fake, demo->login, demo->put);
        fake_set_site(fake, demo->oauth, demo->put);
        fake_set_class(fake, demo->put, REC_GROWING);
}

static void add_others(struct demo *demo)
{
        struct fake *fake = demo->fake;
        uint32_t plugin = fake_add_module(fake, "/opt/shop/lib/libthing.so.3"), stack;

        demo->listeners = fake_add_site(fake, "on_event", "/src/bus.c", 41);
        demo->cache = fake_add_site(
                fake,
                "LruCache<std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >, "
                "std::shared_ptr<Page> >::insert(std::shared_ptr<Page> const&)",
                "/src/lru.h", 130);
        demo->chunk = fake_add_site(fake, "read_chunk", "/src/io.c", 512);
        demo->config = fake_add_site(fake, "shop::config::Loader::load_config", "/src/config.cc", 77);
        demo->sqlite = fake_add_site(fake, "sqlite3MemMalloc", "/build/sqlite3/src/mem1.c", 121);
        stack = fake_add_stack(fake, 0, fake_add_frame(fake, plugin, NULL, NULL, 0));
        demo->plugin = fake_set_site(fake, stack, 0);
        demo->hostile = fake_add_site(fake,
                                      "evil\033]0;owned\007\xe2\x80\xae"
                                      "name",
                                      "/src/evil.c", 1);
        stack = fake_add_frame(fake, plugin, "thing_open", NULL, 0);
        fake_set_frame(fake, stack, "thing_open", NULL, 0, REC_FRAME_NAMED | REC_FRAME_NEAREST);
        demo->nearest = fake_set_site(fake, fake_add_stack(fake, 0, stack), 0);
        demo->mapped = fake_add_site(fake, "TileMap::reserve", "/src/tiles.cc", 212);
        fake_set_kind(fake, demo->mapped, REC_SITE_MAPPED);
        fake_set_class(fake, demo->mapped, REC_FLAT);
        fake_set_class(fake, demo->listeners, REC_GROWING);
        fake_set_class(fake, demo->cache, REC_FLAT);
        fake_set_class(fake, demo->chunk, REC_FLAT);
        fake_set_class(fake, demo->config, REC_FLAT);
        fake_set_class(fake, demo->sqlite, REC_FLAT);
        fake_set_class(fake, demo->plugin, REC_SHRINKING);
}

/* What lives after share T (0 to 1) of the time. */
static void set_live(struct demo *demo, int tick, double t)
{
        struct fake *fake = demo->fake;
        double saw = (tick % 11) / 11.0;

        fake_set_stack_live(fake, demo->login, (int64_t)((2 + 84 * t + 0.4 * wobble((uint64_t)tick)) * M),
                            (int64_t)(700000 * t) + 1);
        fake_set_stack_live(fake, demo->oauth, (int64_t)((1 + 9 * t) * M), (int64_t)(80000 * t) + 1);
        fake_set_live(fake, demo->listeners, (int64_t)((5.3 + 3.1 * t) * M), (int64_t)(131000 * t) + 1);
        fake_set_live(fake, demo->cache, (int64_t)(196 * M * (1 - exp(-6 * t))), (int64_t)(18000 * t) + 1);
        fake_set_live(fake, demo->chunk, (int64_t)((10 + 54 * saw) * M), (int64_t)(1000 * saw) + 1);
        if (tick == 0) {
                fake_set_live(fake, demo->config, 58ll * M, 402000);
                fake_set_live(fake, demo->hostile, 1100 << 10, 61);
                fake_set_live(fake, demo->nearest, 700 << 10, 12);
                fake_set_live(fake, demo->mapped, 16 * M, 4);
        }
        fake_set_live(fake, demo->sqlite, (int64_t)((t < 0.3 ? 31 * t / 0.3 : 31) * M), 7700);
        fake_set_live(fake, demo->plugin, (int64_t)((30 - 26 * t) * M), 900);
        if (tick == TICKS - 3)
                demo->png = fake_add_site(fake, "png_create_info_struct", "/src/pngmem.c", 66);
        if (demo->png)
                fake_set_live(fake, demo->png, (int64_t)(tick - TICKS + 4) * M / 2, 16);
}

static void set_process(struct fake *fake, int tick, double t)
{
        struct rec_process *p = fake_process(fake);
        double saw = (tick % 11) / 11.0;
        uint64_t live = (uint64_t)((3 + 93 * t + 5.3 + 3.1 * t + 196 * (1 - exp(-6 * t)) + 10 + 54 * saw +
                                    58 + 1.8 + (t < 0.3 ? 31 * t / 0.3 : 31) + 30 - 26 * t) *
                                   M);

        p->before_bytes = (int64_t)((182 - 8 * t) * M);
        p->before_error = 9 * M;
        p->heap_used = live + (uint64_t)p->before_bytes;
        p->heap_free = (uint64_t)((71 + 4 * wobble((uint64_t)tick + 7)) * M);
        p->heap_exact = true;
        p->rss_anon = p->heap_used + p->heap_free + 30 * M;
        p->rss_file = 61 * M;
        p->rss_shmem = 0;
        p->vm_size = 3900ull * M;
        p->threads = 11;
        p->allocated_bytes += (uint64_t)((38 + 2 * wobble((uint64_t)tick + 99)) * M * STEP_S);
        p->freed_bytes = p->allocated_bytes - live / 2;
        p->allocated_calls += 61000 * STEP_S;
        p->freed_calls = p->allocated_calls - 900000;
        p->mean = 512 << 10;
        p->probe_cost_ns += 20 * NS_PER_MS;
        p->recorder_cpu_ns += 30 * NS_PER_MS;
        p->recorder_rss = 24 * M;
        p->lost_samples = tick > 200 ? 17 : 0;
}

/* Somebody looks with every tick. */
static void set_memory(struct fake *fake)
{
        const struct rec_process *p = fake_process(fake);
        struct rec_memory memory = {
                .look_ns = 900000, .n_mappings = 212, .rss = p->rss_anon + p->rss_file + p->rss_shmem,
                .heap_free = p->heap_free - 3 * M, .heap_overhead = 6 * M, .heap_split = true, .mapped = 12 * M,
                .stacks = 1100 << 10, .files = p->rss_file, .shared = p->rss_shmem, .rest = 5 * M, .untouched = 4 * M,
        };

        memory.heap_live = memory.rss - memory.heap_free - memory.heap_overhead - memory.mapped - memory.stacks -
                           memory.files - memory.shared - memory.rest;
        fake_set_memory(fake, &memory);
}

/* What was there before shrinks a little, in two sizes of three. */
static void set_before(struct fake *fake, int tick)
{
        if (tick % 60)
                return;
        fake_set_before_class(fake, &(struct rec_before_class){ .index = 12, .bytes = (120 - tick / 96) * M, .error = 4 * M,
                                                                .began = 120 * M });
        fake_set_before_class(fake, &(struct rec_before_class){ .index = 50, .bytes = (40 - tick / 160) * M, .error = M,
                                                                .began = 40 * M });
        if (tick == 0)
                fake_set_before_class(fake, &(struct rec_before_class){ .index = 87, .bytes = 22 * M, .began = 22 * M });
}

static void add_blocks(struct demo *demo)
{
        const uint32_t others[] = { demo->listeners, demo->cache, demo->config, demo->sqlite, demo->plugin };
        static const unsigned pace_s[] = { 12, 6, 1, 3, 2 };

        fake_set_thread(demo->fake, 4711, "shopd");
        fake_set_thread(demo->fake, 4714, "worker-1");
        fake_set_thread(demo->fake, 4716, "worker-3");
        for (int i = 0; i < 200; i++)
                fake_add_block_of(demo->fake, i % 5 < 3 ? 4716 : 4714, demo->login, i % 3 ? 128 : 200, 3400,
                                  FAKE_START_NS + (uint64_t)i * 12 * NS_PER_S, 0);
        for (uint64_t i = 0; i < 20; i++) /* and some that were given back */
                fake_add_block_of(demo->fake, 4714, demo->login, 128, 3400, FAKE_START_NS + i * 60 * NS_PER_S,
                                  FAKE_START_NS + i * (60 + 15) * NS_PER_S + NS_PER_S);
        for (size_t site = 0; site < sizeof others / sizeof *others; site++)
                for (uint64_t i = 0; i < 100; i++)
                        fake_add_block(demo->fake, fake_stack_of(demo->fake, others[site]), 4096, 100,
                                       FAKE_START_NS + i * pace_s[site] * NS_PER_S, 0);
        for (uint64_t i = 0; i < 60; i++)
                fake_add_block(demo->fake, fake_stack_of(demo->fake, demo->chunk), 65536, 8,
                               FAKE_START_NS + (TICKS - 30) * STEP_S * NS_PER_S + i * 2 * NS_PER_S, 0);
}

struct fake *demo_session(const char *source)
{
        struct demo demo = { .fake = fake_new() };
        struct fake *fake = demo.fake;

        fake_session(fake)->n_hooks = 7;
        fake_session(fake)->cmdline = "/usr/bin/shopd --prod --listen 0.0.0.0:8080";
        add_leak(&demo, source);
        add_others(&demo);
        fake_add_event(fake, REC_EVENT_ATTACHED, "attached: stopped 2.8 ms, hooked 7 functions");
        add_blocks(&demo);
        for (int tick = 0; tick < TICKS; tick++) {
                double t = (double)tick / (TICKS - 1);

                set_live(&demo, tick, t);
                set_process(fake, tick, t);
                set_memory(fake);
                set_before(fake, tick);
                if (tick == 120)
                        fake_add_mark(fake, "A");
                if (tick == 150)
                        fake_set_class_mean(fake, 12, 4096); /* the leak's blocks of 128 bytes */
                if (tick == 300)
                        fake_add_mark(fake, "B");
                if (tick == 200)
                        fake_add_event(fake, REC_EVENT_DLOPEN, "loaded /usr/lib/libnss_files.so.2");
                if (tick == 200)
                        fake_add_gap(fake, FAKE_START_NS + 950 * NS_PER_S, FAKE_START_NS + 1000 * NS_PER_S,
                                     17, "ring full");
                fake_tick_after(fake, STEP_S * NS_PER_S);
        }
        return fake;
}

/* ---- processes ---- */

static const struct {
        int32_t pid;
        const char *user, *command, *kind;
        double rss_m, per_min, saw;
        uint64_t limit_m;
        bool watched;
} processes[] = {
        { 4711, "web", "/usr/bin/shopd --prod --listen 0.0.0.0:8080", "C++", 812, 2.1, 0, 2048, false },
        { 5102, "postgres", "postgres: walwriter", "C", 6250, 0.9, 40, 0, false },
        { 1893, "web", "envoy -c /etc/envoy/envoy.yaml", "C++", 1228, 0.4, 60, 4096, false },
        { 990, "root", "/usr/bin/dockerd -H fd://", "Go", 211, 0, 0, 0, false },
        { 2204, "app", "redis-server *:6379", "C", 3481, 0, 0, 8192, false },
        { 3310, "app", "python3 worker.py --queue mail", "py", 640, -0.2, 0, 0, false },
        { 1, "root", "/sbin/init", "C", 19, 0, 0, 0, false },
        { 2001, "me", "-bash", "C", 9.2, 0, 0, 0, true },
        { 2417, "me", "node server.js", "node", 143, 0, 3, 0, false },
        { 30121, "app", "java -Xmx2g -jar shop.jar", "Java", 1890, 0.1, 20, 0, false },
};

/* bash has started node, dockerd the two containers, init the rest. */
static int32_t parent_of(int32_t pid)
{
        switch (pid) {
        case 1:
                return 0;
        case 2417:
                return 2001;
        case 1893:
        case 30121:
                return 990;
        default:
                return 1;
        }
}

static void fill(struct picker_process *p, size_t i, int second)
{
        double bytes = processes[i].rss_m + processes[i].per_min * second / 60;

        if (processes[i].saw > 0)
                bytes += processes[i].saw * (second % 20) / 20;
        *p = (struct picker_process){ .pid = processes[i].pid,
                                      .parent = parent_of(processes[i].pid),
                                      .start_time = 100 + i,
                                      .threads = (uint32_t)(1 + i * 3),
                                      .uptime_ns = (uint64_t)(3600 * (i + 1)) * NS_PER_S,
                                      .watched = processes[i].watched };
        snprintf(p->user, sizeof p->user, "%s", processes[i].user);
        snprintf(p->command, sizeof p->command, "%s", processes[i].command);
        snprintf(p->kind, sizeof p->kind, "%s", processes[i].kind);
        p->rss_bytes = (uint64_t)(bytes * M);
        p->limit_bytes = processes[i].limit_m * M;
}

struct picker *demo_picker(void)
{
        enum { N = sizeof processes / sizeof *processes };
        struct picker *picker = picker_new();
        struct picker_process now[N];
        struct picker_detail detail = {
                .pid = 4711,
                .allocator = "glibc 2.36",
                .limit = "cgroup /web.slice 2.0G (812M used)",
                .has_symbols = true,
                .unwind = ".eh_frame",
                .attach_ok = true,
                .attach = "OK (root). Would stop the process for about 3 ms, cost about 0.5 %."
        };
        static const struct picker_session sessions[] = {
                { "/home/me/.local/state/heaptop/shopd-4711.heaptop", "shopd pid 4711",
                  1700000000ll * 1000000000, 2520 * NS_PER_S, 38ull << 20, true },
                { "/home/me/.local/state/heaptop/redis-2204.heaptop", "redis-server pid 2204",
                  1699900000ll * 1000000000, 360 * NS_PER_S, 2ull << 20, false },
        };

        for (int second = 0; second < 60; second++) {
                for (size_t i = 0; i < N; i++)
                        fill(&now[i], i, second);
                picker_update(picker, now, N, (uint64_t)(1000 + second) * NS_PER_S);
        }
        picker_set_detail(picker, &detail);
        picker_set_sessions(picker, sessions, 2);
        return picker;
}
