/* bench_session: makes the large session that the screens are measured with; the same to the byte for the same arguments.
 *
 *     bench_session day FILE [HOURS [SITES [CHANGED [MB]]]]    a session that has ended
 *     bench_session live FILE [SITES [SECONDS]]                goes on as a recorder would
 *
 * A day is by default 24 hours of 60,000 sites, 60 stacks changing each second, kept below 256 MB as recordings are.
 * Everything goes through the store's writer, so old detail is rolled up as in a recording. "live" writes SECONDS ticks,
 * says READY, then a tick for each line on its input: the line tells how many stacks change in it. It answers "tick N". */
#include "base/alloc.h"
#include "sample.h"
#include "store/store.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        MODULES = 40,
        INNER = 6000,    /* functions that only pass on */
        CHANGED_MAX = 4096,
        BORN_MAX = 1000, /* sites that appear in one tick */
        BLOCKS_A_TICK = 10,
        LIVING = 200000, /* sampled blocks kept at hand */
        FULL_HOUR = 3600,
};

#define MIB (1ll << 20)

struct stack {
        uint32_t id, site;
        int64_t live_blocks, born_blocks, size;
        int64_t slope; /* blocks that stay of 16 that are born */
};

struct maker {
        struct store *store;
        uint64_t random;
        uint32_t n_sites, tick;
        struct stack *stacks; /* allocating ones, of sites that are there */
        uint32_t n_stacks;
        uint32_t n_frames, n_nodes, n_born_sites;
        uint64_t next_block;
        uint64_t *living; /* ids of blocks that live, 0 = none */
        struct rec_frame frames[INNER + 4 * BORN_MAX];
        struct rec_stack nodes[INNER + 4 * BORN_MAX];
        struct rec_site sites[BORN_MAX];
        struct rec_stack_tick changes[CHANGED_MAX + 2 * BORN_MAX];
        struct rec_site_state states[BORN_MAX + CHANGED_MAX];
        struct rec_block births[BLOCKS_A_TICK];
        struct rec_death deaths[BLOCKS_A_TICK];
        struct rec_class_tick classes[16];
        struct rec_module modules[MODULES];
        char *texts[2 * (INNER + 4 * BORN_MAX)]; /* names of this tick's frames */
        size_t n_texts;
        struct rec_tick row;
        uint64_t heap, allocated;
};

static uint64_t below(struct maker *m, uint64_t n)
{
        return sample_random(&m->random, n);
}

/* ---- names as C++ programs have them ---- */

static const char *const spaces[] = { "shop", "inventory", "http", "net::detail", "std", "boost::asio::detail", "google::protobuf",
                                      "v8::internal", "rocksdb", "(anonymous namespace)" };
static const char *const nouns[] = { "Session", "Warehouse", "Connection", "RequestParser", "BlockCache", "TemplateEngine",
                                     "EventLoop", "MessageQueue", "UserRepository", "Basket", "ThreadPool", "Compactor" };
static const char *const verbs[] = { "reserve", "parse_header", "insert", "on_readable", "dispatch", "serialize_to_string",
                                     "emplace_back", "handle_request", "rehash", "flush_pending", "clone", "lookup_or_create" };
static const char *const arguments[] = { "", "<int>", "<std::__cxx11::basic_string<char> >", "<std::map<int, std::string> >",
                                         "<unsigned char, std::allocator<unsigned char> >" };
static const char *const folders[] = { "/build/shop/src/core", "/build/shop/src/http", "/usr/include/c++/12/bits",
                                       "/build/third_party/rocksdb/db", "/build/shop/src/render/templates" };

#define PICK(m, list) (list)[below(m, sizeof(list) / sizeof(list)[0])]

static char *keep(struct maker *m, char *text)
{
        m->texts[m->n_texts++] = text;
        return text;
}

static uint32_t add_frame(struct maker *m, uint32_t inlined_in)
{
        uint32_t id = ++m->n_frames;
        const char *noun = PICK(m, nouns);
        char *func = xasprintf("%s::%s%s::%s_%x", PICK(m, spaces), noun, PICK(m, arguments), PICK(m, verbs), id);
        char *file = xasprintf("%s/%s_%u.cc", PICK(m, folders), noun, (unsigned)below(m, 300));

        m->frames[m->row.n_frames++] = (struct rec_frame){
                .id = id, .module = 1 + id % MODULES, .offset = 0x1000 + 64ull * id, .func = keep(m, func), .file = keep(m, file),
                .line = 1 + (uint32_t)below(m, 3000), .inlined_in = inlined_in, .flags = REC_FRAME_NAMED,
        };
        return id;
}

static uint32_t add_node(struct maker *m, uint32_t parent, uint32_t frame, uint32_t site)
{
        m->nodes[m->row.n_stacks++] = (struct rec_stack){ ++m->n_nodes, parent, frame, site };
        return m->n_nodes;
}

static void add_inner(struct maker *m)
{
        for (uint32_t i = 0; i < MODULES; i++)
                m->modules[i] = (struct rec_module){ i + 1, keep(m, xasprintf("/usr/lib/shop/libshop-%u.so.1", i + 1)),
                                                     "0123456789abcdef0123456789abcdef01234567" };
        m->row.modules = m->modules;
        m->row.n_modules = MODULES;
        for (uint32_t i = 0; i < INNER; i++) /* a tree some twelve calls deep */
                add_node(m, i < 5 ? i : i / 2, add_frame(m, 0), 0);
}

static void add_allocating(struct maker *m, uint32_t id, uint32_t site)
{
        m->stacks[m->n_stacks++] = (struct stack){
                .id = id, .site = site, .size = 16ll << below(m, 9), .slope = below(m, 40) == 0 ? 1 + (int64_t)below(m, 3) : 0,
        };
}

/* Half of the sites allocate by operator new, every fourth has inlined calls, every tenth is reached in a second way. */
static void add_site(struct maker *m)
{
        uint32_t site = ++m->n_born_sites, frame = add_frame(m, 0), leaf;

        if (site % 4 == 0)
                add_frame(m, frame);
        leaf = add_node(m, 1 + (uint32_t)below(m, INNER), frame, site % 2 ? site : 0);
        if (site % 2 == 0)
                leaf = add_node(m, leaf, 1 + site % 3, site);
        m->sites[m->row.n_sites++] = (struct rec_site){ site, frame, m->row.process.time_ns, REC_SITE_HEAP };
        m->states[m->row.n_states++] = (struct rec_site_state){ m->tick, site, REC_YOUNG };
        add_allocating(m, leaf, site);
        if (site % 10 == 0)
                add_allocating(m, add_node(m, 1 + (uint32_t)below(m, INNER), frame, site), site);
}

/* ---- ticks ---- */

static void change(struct maker *m, struct stack *s)
{
        int64_t born = 1 + (int64_t)below(m, 200), stay = s->slope ? born * s->slope / 16 : 0, samples;

        s->born_blocks += born;
        s->live_blocks += stay;
        if (!s->slope) /* up and down */
                s->live_blocks = 1 + (int64_t)below(m, 400);
        samples = 1 + s->live_blocks * s->size / (512 << 10);
        m->heap += (uint64_t)(stay * s->size);
        m->allocated += (uint64_t)(born * s->size);
        m->changes[m->row.n_changes++] = (struct rec_stack_tick){
                .tick = m->tick, .stack = s->id, .live_bytes = s->live_blocks * s->size, .live_blocks = s->live_blocks,
                .born_bytes = s->born_blocks * s->size, .born_blocks = s->born_blocks, .live_samples = samples,
                .born_samples = samples + s->born_blocks / 100, .live_variance = (double)(samples * (512 << 10)) * (512 << 10),
        };
}

static int by_stack(const void *a, const void *b)
{
        const struct rec_stack_tick *x = a, *y = b;

        return x->stack < y->stack ? -1 : x->stack > y->stack;
}

/* A few sites do most of the work. A stack stands at one thing in a tick: what comes twice is left out. */
static void change_some(struct maker *m, uint32_t changed)
{
        size_t kept = 0;

        for (uint32_t i = 0; i < changed && m->n_stacks > 0; i++) {
                double u = (double)below(m, 1 << 20) / (1 << 20);

                change(m, &m->stacks[(size_t)(u * u * u * m->n_stacks)]);
        }
        qsort(m->changes, m->row.n_changes, sizeof *m->changes, by_stack);
        for (size_t i = 0; i < m->row.n_changes; i++)
                if (i + 1 == m->row.n_changes || m->changes[i].stack != m->changes[i + 1].stack)
                        m->changes[kept++] = m->changes[i];
        m->row.n_changes = kept;
}

static void classify_some(struct maker *m)
{
        if (m->tick % 10 != 0 || m->n_stacks == 0)
                return;
        for (int i = 0; i < 5; i++) {
                const struct stack *s = &m->stacks[(m->tick / 2 + (uint32_t)i) % m->n_stacks];

                m->states[m->row.n_states++] =
                        (struct rec_site_state){ m->tick, s->site, s->slope ? REC_GROWING : REC_FLAT };
                if (i > 0 && m->states[m->row.n_states - 2].site == s->site)
                        m->row.n_states--;
        }
}

static void make_blocks(struct maker *m)
{
        uint64_t now = m->row.process.time_ns;

        for (uint32_t i = 0; i < BLOCKS_A_TICK && m->n_stacks > 0; i++) {
                uint64_t *place = &m->living[below(m, LIVING)];

                if (*place)
                        m->deaths[m->row.n_deaths++] = (struct rec_death){ *place, now - 5 };
                *place = ++m->next_block;
                m->births[m->row.n_births++] = (struct rec_block){
                        .id = *place, .stack = m->stacks[below(m, m->n_stacks)].id, .tid = 4711 + (uint32_t)below(m, 12),
                        .size = 16ull << below(m, 9), .weight = 100, .birth_ns = now - 7,
                };
        }
        for (uint32_t i = 0; i < 8; i++)
                m->classes[m->row.n_classes++] = (struct rec_class_tick){
                        .tick = m->tick, .index = i, .allocated_bytes = m->allocated / 8, .allocated_calls = m->allocated / 512,
                        .freed_bytes = m->allocated / 9, .freed_calls = m->allocated / 600,
                };
}

static void make_process(struct maker *m)
{
        uint64_t wave = (uint64_t)(40e6 * (1 + sin((double)m->tick / 200)));

        m->row.process = (struct rec_process){
                .tick = m->tick, .time_ns = SAMPLE_START_NS + (uint64_t)m->tick * SAMPLE_TICK_NS,
                .wall_offset_ns = INT64_C(1763800000000000000), .rss_anon = m->heap + wave + 100 * MIB, .rss_file = 7 * MIB,
                .rss_shmem = MIB, .vm_size = 9000 * MIB, .threads = 12, .heap_used = m->heap + wave + 60 * MIB,
                .heap_free = 30 * MIB, .heap_exact = true, .allocated_bytes = m->allocated, .allocated_calls = m->allocated / 64,
                .freed_bytes = m->allocated - m->heap, .freed_calls = (m->allocated - m->heap) / 64, .before_bytes = 50 * MIB,
                .before_error = MIB, .live_bytes = (int64_t)m->heap, .live_variance = 1e14, .mean = 512 << 10,
                .samples = m->tick * 80ull, .recorder_cpu_ns = m->tick * 5000000ull, .recorder_rss = 20 * MIB,
                .probe_cost_ns = m->tick * 500000ull,
        };
}

/* N_BORN new sites, CHANGED stacks that stand at something else. */
static void write_tick(struct maker *m, uint32_t n_born, uint32_t changed)
{
        static const char *const names[] = { "warm", "after the load", "before the fix" };
        struct rec_event event = { .tick = ++m->tick, .kind = m->tick == 1 ? REC_EVENT_ATTACHED : REC_EVENT_NOTE,
                                   .text = m->tick == 1 ? "hooked 7 functions" : "sampling became coarser" };
        struct rec_mark mark = { .tick = m->tick };
        struct err err = { 0 };

        m->row = (struct rec_tick){ 0 };
        make_process(m);
        event.time_ns = mark.time_ns = m->row.process.time_ns;
        if (m->tick == 1)
                add_inner(m);
        for (uint32_t i = 0; i < n_born && m->n_born_sites < m->n_sites; i++)
                add_site(m);
        for (uint32_t i = m->n_stacks - (m->n_stacks < 2 * n_born ? m->n_stacks : 2 * n_born); i < m->n_stacks; i++)
                if (m->stacks[i].born_blocks == 0)
                        change(m, &m->stacks[i]);
        change_some(m, changed);
        classify_some(m);
        if (changed)
                make_blocks(m);
        m->row.frames = m->frames;
        m->row.stacks = m->nodes;
        m->row.sites = m->sites;
        m->row.changes = m->changes;
        m->row.states = m->states;
        m->row.births = m->births;
        m->row.deaths = m->deaths;
        m->row.classes = m->classes;
        m->row.events = &event;
        m->row.n_events = m->tick == 1 || m->tick % 1800 == 0;
        mark.name = names[m->tick / 14400 % 3];
        m->row.marks = &mark;
        m->row.n_marks = m->tick % 14400 == 7200;
        if (store_write_tick(m->store, &m->row, &err) < 0) {
                fprintf(stderr, "tick %u: %s\n", m->tick, err.text);
                exit(2);
        }
        for (size_t i = 0; i < m->n_texts; i++)
                free(m->texts[i]);
        m->n_texts = 0;
}

static void begin(struct maker *m, const char *path, uint32_t n_sites, uint64_t limit)
{
        const struct rec_session session = {
                .version = "0.1.0", .host = "web3", .started_ns = SAMPLE_START_NS, .wall_offset_ns = INT64_C(1763800000000000000),
                .pid = 4711, .start_time = 12345, .uptime_ns = 60000000000, .comm = "shopd", .exe = "/usr/bin/shopd",
                .cmdline = "shopd --prod", .user = "web", .allocator = "glibc 2.36", .exact_frees = true,
                .limit_bytes = 8ull << 30, .limit_source = "cgroup /web.slice", .stop_ns = 2800000, .n_hooks = 7
        };
        struct err err = { 0 };

        m->random = 1;
        m->n_sites = n_sites;
        m->stacks = xcalloc(2 * (size_t)n_sites + 1, sizeof *m->stacks);
        m->living = xcalloc(LIVING, sizeof *m->living);
        if (store_create(path, (uid_t)-1, &m->store, &err) < 0 || store_write_session(m->store, &session, &err) < 0 ||
            store_set_limit(m->store, limit, FULL_HOUR) < 0) {
                fprintf(stderr, "%s\n", err.text);
                exit(2);
        }
}

static uint32_t argument(int argc, char **argv, int i, uint32_t otherwise)
{
        return argc > i ? (uint32_t)atoi(argv[i]) : otherwise;
}

/* A third of the sites is there after a minute, the others come during the first half. */
static void make_day(struct maker *m, uint32_t ticks, uint32_t changed)
{
        uint32_t early = m->n_sites / 3 / 60 + 1;
        double rest = (double)(m->n_sites - m->n_sites / 3) / (ticks / 2.0), owed = 0;
        struct err err = { 0 };

        for (uint32_t i = 0; i < ticks; i++) {
                owed += i < 60 ? 0 : rest;
                write_tick(m, i < 60 ? early : (uint32_t)owed, changed);
                owed -= floor(owed);
        }
        store_finish(m->store, SAMPLE_START_NS + (uint64_t)(ticks + 1) * SAMPLE_TICK_NS, "detached", &err);
}

static void go_live(struct maker *m, uint32_t seconds)
{
        char line[32];

        for (uint32_t i = 0; i < seconds || m->n_born_sites < m->n_sites; i++)
                write_tick(m, BORN_MAX, 60);
        puts("READY");
        fflush(stdout);
        while (fgets(line, sizeof line, stdin)) {
                uint32_t changed = (uint32_t)atoi(line);

                write_tick(m, 0, changed < CHANGED_MAX ? changed : CHANGED_MAX);
                printf("tick %u\n", m->tick);
                fflush(stdout);
        }
}

int main(int argc, char **argv)
{
        struct maker *m = xcalloc(1, sizeof *m);

        if (argc > 2 && strcmp(argv[1], "day") == 0) {
                begin(m, argv[2], argument(argc, argv, 4, 60000), (uint64_t)argument(argc, argv, 6, 256) * (uint64_t)MIB);
                make_day(m, argument(argc, argv, 3, 24) * 3600, argument(argc, argv, 5, 60));
        } else if (argc > 2 && strcmp(argv[1], "live") == 0) {
                begin(m, argv[2], argument(argc, argv, 3, 60000), 0);
                go_live(m, argument(argc, argv, 4, 660));
        } else {
                fprintf(stderr, "usage: %s day FILE [HOURS [SITES [CHANGED [MB]]]] | live FILE [SITES [SECONDS]]\n", argv[0]);
                return 64;
        }
        store_close(m->store);
        free(m->stacks);
        free(m->living);
        free(m);
        return 0;
}
