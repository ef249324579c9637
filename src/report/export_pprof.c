/* The profile of pprof: gzip around one protobuf message (data/profile.proto).
 *
 * One sample for each stack, one location for each code address, with a line for the function and each call
 * inlined there. Addresses are those of the instruction that calls: return address less one. A session
 * knows code by module and offset, not where the module lay in memory, so each gets a range of its own, one
 * behind the other; what has no code address (interpreted functions) stands in none. */
#include "report/export_parts.h"

#include "base/addrmap.h"
#include "base/alloc.h"
#include "report/profile.pb-c.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { N_TYPES = 4, LABELS = 2 };

#define RANGES_START 0x100000ull        /* below: nothing, so that 0 is no address */
#define RANGES_STEP  0x100000ull        /* ranges begin at multiples of it */
#define FAR_OFFSET   (UINT64_C(1) << 40) /* a module whose offsets begin beyond is not told from 0 on */
#define RANGES_END   (UINT64_C(1) << 62)

/* A list of messages, as protobuf-c wants it: pointers. */
struct list {
        void **v;
        size_t n, cap;
};

struct range {
        uint64_t low, high;   /* offsets that were seen */
        uint64_t start;       /* address of offset LOW rounded down */
        uint32_t id;          /* of the mapping, 0 = none */
        bool used, named;
};

struct profile {
        struct export *export;
        Pprof__Profile message;
        struct list samples, locations, functions, mappings, strings;
        struct addrmap string_of;   /* hash of a text -> index */
        struct addrmap function_of; /* name and file -> id */
        uint32_t *location_of;      /* by frame id, 0 = none yet */
        size_t n_location_of;
        struct range *ranges;       /* by module id */
        uint32_t n_ranges;
};

static void *add(struct list *list, size_t size, const void *init)
{
        void *message = xmalloc(size);

        memcpy(message, init, size);
        array_grow(list->v, list->n, list->cap);
        list->v[list->n++] = message;
        return message;
}

/* ---- strings ---- */

static uint64_t hash(const char *text)
{
        uint64_t value = 0xcbf29ce484222325ull;

        for (; *text; text++)
                value = (value ^ (unsigned char)*text) * 0x100000001b3ull; /* FNV-1a */
        return value == 0 || value == UINT64_MAX ? 1 : value;
}

/* The index of TEXT, which is freed. */
static int64_t string(struct profile *profile, char *text)
{
        uint64_t key = hash(text), index;

        while (addrmap_get(&profile->string_of, key, &index)) {
                if (strcmp(profile->strings.v[index], text) == 0) {
                        free(text);
                        return (int64_t)index;
                }
                key = key >= UINT64_MAX - 1 ? 1 : key + 1; /* two texts of one hash */
        }
        addrmap_put(&profile->string_of, key, profile->strings.n);
        array_grow(profile->strings.v, profile->strings.n, profile->strings.cap);
        profile->strings.v[profile->strings.n] = text;
        return (int64_t)profile->strings.n++;
}

static int64_t word(struct profile *profile, const char *text)
{
        return string(profile, xstrdup(text));
}

/* ---- modules as ranges of addresses ---- */

static int note_offsets(void *ctx, const struct heap_stack *stack)
{
        struct profile *profile = ctx;
        struct heap_line lines[HEAP_LINES_MAX];

        for (size_t i = 0; i < stack->n_frames; i++) {
                size_t n = heap_frame_lines(profile->export->heap, stack->frames[i], lines);
                const struct heap_line *line = &lines[n - 1];
                struct range *range = &profile->ranges[line->module < profile->n_ranges ? line->module : 0];

                if (range == profile->ranges)
                        continue;
                for (size_t k = 0; k < n; k++)
                        range->named |= !lines[k].approximate;
                if (line->script)
                        continue;
                if (!range->used || line->offset < range->low)
                        range->low = line->offset;
                if (!range->used || line->offset > range->high)
                        range->high = line->offset;
                range->used = true;
        }
        return 0;
}

static void add_mapping(struct profile *profile, uint32_t module, uint64_t *next)
{
        struct range *range = &profile->ranges[module];
        Pprof__Mapping mapping = PPROF__MAPPING__INIT;
        const char *path, *build_id;
        uint64_t size;

        if (range->id || !(range->used || range->named) ||
            !heap_module(profile->export->heap, module, &path, &build_id))
                return;
        range->low = range->low < FAR_OFFSET ? 0 : range->low & ~(RANGES_STEP - 1);
        size = range->high - range->low;
        if (size > RANGES_END - *next) /* made up: no range can hold it */
                size = 0;
        mapping.id = range->id = (uint32_t)profile->mappings.n + 1;
        mapping.memory_start = range->start = *next;
        mapping.memory_limit = *next += (size / RANGES_STEP + 1) * RANGES_STEP;
        mapping.file_offset = range->low;
        mapping.filename = string(profile, export_path(profile->export, path));
        mapping.build_id = word(profile, build_id);
        mapping.has_functions = mapping.has_filenames = range->named;
        mapping.has_line_numbers = mapping.has_inline_frames = range->named;
        add(&profile->mappings, sizeof mapping, &mapping);
}

/* The program itself comes first: that is how pprof knows it. */
static int add_mappings(struct profile *profile)
{
        struct heap *heap = profile->export->heap;
        uint64_t next = RANGES_START;
        const char *path, *build_id;
        int r;

        profile->n_ranges = heap_n_modules(heap);
        profile->ranges = xcalloc((size_t)profile->n_ranges + 1, sizeof *profile->ranges);
        r = export_stacks(profile->export, note_offsets, profile);
        for (uint32_t id = 1; id < profile->n_ranges; id++)
                if (heap_module(heap, id, &path, &build_id) &&
                    strcmp(path, profile->export->session->exe) == 0)
                        add_mapping(profile, id, &next);
        for (uint32_t id = 1; id < profile->n_ranges; id++)
                add_mapping(profile, id, &next);
        return r;
}

/* ---- functions, locations, samples ---- */

static uint64_t function(struct profile *profile, const struct heap_line *line)
{
        Pprof__Function function = PPROF__FUNCTION__INIT;
        uint64_t key, id;

        function.name = string(profile, export_name(profile->export, line->name));
        function.filename = line->file ? string(profile, export_path(profile->export, line->file)) : 0;
        function.system_name = function.name;
        key = ((uint64_t)function.name << 32 | (uint64_t)function.filename) + 1;
        if (addrmap_get(&profile->function_of, key, &id))
                return id;
        function.id = id = profile->functions.n + 1;
        add(&profile->functions, sizeof function, &function);
        addrmap_put(&profile->function_of, key, id);
        return id;
}

static void place(const struct profile *profile, const struct heap_line *line, Pprof__Location *ret)
{
        const struct range *range;

        if (line->module == 0 || line->module >= profile->n_ranges)
                return;
        range = &profile->ranges[line->module];
        ret->mapping_id = range->id;
        if (range->id && !line->script && line->offset > range->low && range->high - range->low < RANGES_END)
                ret->address = range->start + (line->offset - range->low) - 1;
}

static uint64_t location(struct profile *profile, uint32_t frame)
{
        Pprof__Location location = PPROF__LOCATION__INIT;
        struct heap_line lines[HEAP_LINES_MAX];
        size_t n;

        if (frame >= profile->n_location_of) {
                size_t wanted = frame * (size_t)2 + 64;

                profile->location_of = xreallocarray(profile->location_of, wanted,
                                                     sizeof *profile->location_of);
                memset(profile->location_of + profile->n_location_of, 0,
                       (wanted - profile->n_location_of) * sizeof *profile->location_of);
                profile->n_location_of = wanted;
        }
        if (profile->location_of[frame])
                return profile->location_of[frame];
        n = heap_frame_lines(profile->export->heap, frame, lines);
        location.id = profile->location_of[frame] = (uint32_t)profile->locations.n + 1;
        place(profile, &lines[n - 1], &location);
        location.n_line = n;
        location.line = xcalloc(n, sizeof *location.line);
        for (size_t i = 0; i < n; i++) {
                Pprof__Line *line = location.line[i] = xmalloc(sizeof *line);

                pprof__line__init(line);
                line->function_id = function(profile, &lines[i]);
                line->line = lines[i].line;
        }
        add(&profile->locations, sizeof location, &location);
        return location.id;
}

static void add_labels(struct profile *profile, const struct heap_stack *stack, Pprof__Sample *sample)
{
        struct heap_site site;
        Pprof__Label *label;

        sample->label = xcalloc(LABELS, sizeof *sample->label);
        if (heap_site(profile->export->heap, stack->site, &site)) {
                label = sample->label[sample->n_label++] = xmalloc(sizeof *label);
                pprof__label__init(label);
                label->key = word(profile, "class");
                label->str = word(profile, heap_class_name(site.class));
        }
        if (stack->born_blocks > 0 && stack->born_bytes > 0) {
                label = sample->label[sample->n_label++] = xmalloc(sizeof *label);
                pprof__label__init(label);
                label->key = label->num_unit = word(profile, "bytes");
                label->num = stack->born_bytes / stack->born_blocks;
        }
}

static int64_t count(int64_t blocks, int64_t bytes)
{
        return blocks > 0 && bytes > 0 ? blocks : 0;
}

static int add_sample(void *ctx, const struct heap_stack *stack)
{
        struct profile *profile = ctx;
        bool kept = profile->export->options->metric == EXPORT_KEPT;
        int64_t in_use = export_bytes(stack, kept ? EXPORT_KEPT : EXPORT_LIVE);
        int64_t born = export_bytes(stack, EXPORT_BORN);
        Pprof__Sample sample = PPROF__SAMPLE__INIT;

        if (in_use == 0 && born == 0)
                return 0;
        sample.n_value = N_TYPES;
        sample.value = xcalloc(N_TYPES, sizeof *sample.value);
        sample.value[0] = count(stack->born_blocks, born);
        sample.value[1] = born;
        sample.value[2] = count(kept ? stack->kept_blocks : stack->live_blocks, in_use);
        sample.value[3] = in_use;
        sample.n_location_id = stack->n_frames;
        sample.location_id = xcalloc(stack->n_frames + 1, sizeof *sample.location_id);
        for (size_t i = 0; i < stack->n_frames; i++)
                sample.location_id[i] = location(profile, stack->frames[i]);
        add_labels(profile, stack, &sample);
        add(&profile->samples, sizeof sample, &sample);
        return 0;
}

/* ---- the whole ---- */

static void add_head(struct profile *profile, Pprof__ValueType types[N_TYPES],
                     Pprof__ValueType *type_of[N_TYPES], Pprof__ValueType *period, int64_t comments[2])
{
        static const char *const names[N_TYPES] = { "alloc_objects", "alloc_space", "inuse_objects",
                                                    "inuse_space" };
        const struct export *export = profile->export;
        const struct rec_process *p = export->process;
        uint64_t began = export->session->started_ns;

        for (int i = 0; i < N_TYPES; i++) {
                pprof__value_type__init(&types[i]);
                types[i].type = word(profile, names[i]);
                types[i].unit = word(profile, i % 2 ? "bytes" : "count");
                type_of[i] = &types[i];
        }
        profile->message.sample_type = type_of;
        profile->message.n_sample_type = N_TYPES;
        pprof__value_type__init(period);
        period->type = word(profile, "space");
        period->unit = word(profile, "bytes");
        profile->message.period_type = period;
        profile->message.period = (int64_t)p->mean;
        profile->message.default_sample_type = word(profile,
                                                    names[export->options->metric == EXPORT_BORN ? 1 : 3]);
        profile->message.time_nanos = (int64_t)(p->time_ns + (uint64_t)p->wall_offset_ns);
        profile->message.duration_nanos = p->time_ns > began ? (int64_t)(p->time_ns - began) : 0;
        comments[0] = string(profile, xasprintf("heaptop %s: %s pid %d, estimates from samples",
                                                PACKAGE_VERSION,
                                                export->session->comm, (int)export->session->pid));
        comments[1] = string(profile, xasprintf("%lld bytes from before the attach have no stack, "
                                                "and are not in it", (long long)p->before_bytes));
        profile->message.comment = comments;
        profile->message.n_comment = 2;
}

static int put_gzipped(FILE *out, const void *bytes, size_t len)
{
        enum { WITH_GZIP = 16, CHUNK = 64 << 10 };
        z_stream stream = { .next_in = (unsigned char *)(uintptr_t)bytes };
        unsigned char *chunk = xmalloc(CHUNK);
        int r = deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + WITH_GZIP, 8,
                             Z_DEFAULT_STRATEGY);

        for (int state = Z_OK; r == Z_OK && state != Z_STREAM_END;) {
                size_t part = len > CHUNK ? CHUNK : len;

                if (stream.avail_in == 0) {
                        stream.avail_in = (unsigned)part;
                        len -= part;
                }
                stream.next_out = chunk;
                stream.avail_out = CHUNK;
                state = deflate(&stream, len == 0 ? Z_FINISH : Z_NO_FLUSH);
                fwrite(chunk, 1, CHUNK - stream.avail_out, out);
        }
        deflateEnd(&stream);
        free(chunk);
        return r == Z_OK ? 0 : -ENOMEM;
}

static int put_profile(struct profile *profile)
{
        Pprof__Profile *message = &profile->message;
        uint8_t *packed;
        size_t size;
        int r;

        message->sample = (Pprof__Sample **)profile->samples.v;
        message->n_sample = profile->samples.n;
        message->mapping = (Pprof__Mapping **)profile->mappings.v;
        message->n_mapping = profile->mappings.n;
        message->location = (Pprof__Location **)profile->locations.v;
        message->n_location = profile->locations.n;
        message->function = (Pprof__Function **)profile->functions.v;
        message->n_function = profile->functions.n;
        message->string_table = (char **)profile->strings.v;
        message->n_string_table = profile->strings.n;
        size = pprof__profile__get_packed_size(message);
        packed = xmalloc(size + 1);
        pprof__profile__pack(message, packed);
        r = put_gzipped(profile->export->out, packed, size);
        free(packed);
        return r;
}

static void free_list(struct list *list)
{
        for (size_t i = 0; i < list->n; i++)
                free(list->v[i]);
        free(list->v);
}

static void free_profile(struct profile *profile)
{
        for (size_t i = 0; i < profile->samples.n; i++) {
                Pprof__Sample *sample = profile->samples.v[i];

                for (size_t k = 0; k < sample->n_label; k++)
                        free(sample->label[k]);
                free(sample->label);
                free(sample->value);
                free(sample->location_id);
        }
        for (size_t i = 0; i < profile->locations.n; i++) {
                Pprof__Location *location = profile->locations.v[i];

                for (size_t k = 0; k < location->n_line; k++)
                        free(location->line[k]);
                free(location->line);
        }
        free_list(&profile->samples);
        free_list(&profile->locations);
        free_list(&profile->functions);
        free_list(&profile->mappings);
        free_list(&profile->strings);
        addrmap_done(&profile->string_of);
        addrmap_done(&profile->function_of);
        free(profile->location_of);
        free(profile->ranges);
}

int export_pprof(struct export *export)
{
        struct profile profile = { .export = export };
        Pprof__ValueType types[N_TYPES], *type_of[N_TYPES], period;
        int64_t comments[2];
        int r;

        pprof__profile__init(&profile.message);
        word(&profile, "");
        add_head(&profile, types, type_of, &period, comments);
        r = heap_read_all(export->heap); /* labels ask for the site of each stack */
        if (r == 0)
                r = add_mappings(&profile);
        if (r == 0)
                r = export_stacks(export, add_sample, &profile);
        if (r == 0)
                r = put_profile(&profile);
        free_profile(&profile);
        return r;
}
