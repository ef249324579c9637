#include "target/jitcode.h"

#include "base/addrmap.h"
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define CODE_MAX        ((uint64_t)256 << 20) /* of one function; no code cache is larger */
#define ADDRESS_END     (1ull << 47)
#define ENTRY_LINES_MAX 4096

enum { BLOCK_ENTRIES = 128 };

/* Entries never overlap and are sorted by address. They stand in blocks, which are sorted too, so that one more moves
 * at most a block and the list of blocks: with half a million entries less than 100 KiB. */

struct entry {
        uint64_t start, from_ns;
        uint32_t size, name;     /* name: offset in names */
        uint32_t first_line, n_lines;
        bool exact;
};

struct past {
        struct entry entry;
        uint64_t until_ns;
};

struct line {
        uint32_t offset, line, file; /* offset from the start of the code; file: offset in names */
};

struct block {
        size_t n; /* never 0 */
        struct entry v[BLOCK_ENTRIES];
};

struct place {
        size_t block, at;
};

struct jitcode {
        struct { struct block **v; size_t n, cap; } blocks;
        size_t n_entries;
        struct past *past; /* [JITCODE_PAST_MAX], a ring; NULL before the first */
        size_t n_past, next_past;
        uint64_t past_until_ns; /* the latest end */
        char *names;       /* each ends with NUL; offset 0 is "" */
        size_t names_len, names_cap;
        struct addrmap name_ids; /* from the hash of a name to its offset */
        struct { struct line *v; size_t n, cap; } lines;
        uint64_t lines_start;    /* of the code that the last lines are of, 0 = none */
        uint32_t lines_first;
        uint64_t added, refused;
        bool full;
};

struct jitcode *jitcode_new(void)
{
        struct jitcode *code = xcalloc(1, sizeof *code);

        code->names_cap = 4096;
        code->names = xcalloc(1, code->names_cap);
        code->names_len = 1;
        return code;
}

void jitcode_free(struct jitcode *code)
{
        if (!code)
                return;
        for (size_t i = 0; i < code->blocks.n; i++)
                free(code->blocks.v[i]);
        free(code->blocks.v);
        free(code->past);
        free(code->names);
        free(code->lines.v);
        addrmap_done(&code->name_ids);
        free(code);
}

/* ---- names ---- */

static uint64_t hash_bytes(const char *bytes, size_t len)
{
        uint64_t hash = 0xcbf29ce484222325ull; /* FNV-1a */

        for (size_t i = 0; i < len; i++)
                hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001b3ull;
        return hash == 0 || hash == UINT64_MAX ? 1 : hash;
}

/* Two names with the same hash (made up to have it) both stay; only the first is found again. */
static bool intern(struct jitcode *code, const char *name, size_t len, uint32_t *ret)
{
        uint64_t hash, known;
        bool taken;

        if (len > JITCODE_NAME_MAX)
                len = JITCODE_NAME_MAX;
        hash = hash_bytes(name, len);
        taken = addrmap_get(&code->name_ids, hash, &known);
        if (taken && known + len < code->names_len && memcmp(code->names + known, name, len) == 0 &&
            code->names[known + len] == '\0') {
                *ret = (uint32_t)known;
                return true;
        }
        if (code->names_len + len + 1 > JITCODE_NAMES_MAX) {
                code->full = true;
                return false;
        }
        while (code->names_len + len + 1 > code->names_cap) {
                code->names_cap *= 2;
                code->names = xrealloc(code->names, code->names_cap);
        }
        *ret = (uint32_t)code->names_len;
        memcpy(code->names + code->names_len, name, len);
        code->names_len += len;
        code->names[code->names_len++] = '\0';
        if (!taken)
                addrmap_put(&code->name_ids, hash, *ret);
        return true;
}

/* ---- entries ---- */

static uint64_t end_of(const struct entry *entry)
{
        return entry->start + entry->size;
}

/* The first entry that ends after ADDR. False when there is none. */
static bool first_after(const struct jitcode *code, uint64_t addr, struct place *ret)
{
        size_t low = 0, high = code->blocks.n;
        const struct block *block;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                block = code->blocks.v[middle];
                if (end_of(&block->v[block->n - 1]) <= addr)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low == code->blocks.n)
                return false;
        ret->block = low;
        block = code->blocks.v[low];
        low = 0;
        high = block->n;
        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (end_of(&block->v[middle]) <= addr)
                        low = middle + 1;
                else
                        high = middle;
        }
        ret->at = low;
        return true;
}

static void remove_block(struct jitcode *code, size_t at)
{
        free(code->blocks.v[at]);
        code->blocks.n--;
        memmove(&code->blocks.v[at], &code->blocks.v[at + 1], (code->blocks.n - at) * sizeof *code->blocks.v);
}

static void remove_entry(struct jitcode *code, const struct place *place)
{
        struct block *block = code->blocks.v[place->block];

        block->n--;
        memmove(&block->v[place->at], &block->v[place->at + 1], (block->n - place->at) * sizeof *block->v);
        code->n_entries--;
        if (block->n == 0)
                remove_block(code, place->block);
}

static void remember(struct jitcode *code, const struct entry *entry, uint64_t until_ns)
{
        if (!code->past)
                code->past = xcalloc(JITCODE_PAST_MAX, sizeof *code->past);
        code->past[code->next_past] = (struct past){ *entry, until_ns };
        code->next_past = (code->next_past + 1) % JITCODE_PAST_MAX;
        if (until_ns > code->past_until_ns)
                code->past_until_ns = until_ns;
        if (code->n_past < JITCODE_PAST_MAX)
                code->n_past++;
}

static void end_overlapped(struct jitcode *code, uint64_t start, uint64_t end, uint64_t now_ns)
{
        struct place place;

        while (first_after(code, start, &place)) {
                const struct entry *entry = &code->blocks.v[place.block]->v[place.at];

                if (entry->start >= end)
                        break;
                remember(code, entry, now_ns);
                remove_entry(code, &place);
        }
}

static void insert_block(struct jitcode *code, size_t at)
{
        array_grow(code->blocks.v, code->blocks.n, code->blocks.cap);
        memmove(&code->blocks.v[at + 1], &code->blocks.v[at], (code->blocks.n - at) * sizeof *code->blocks.v);
        code->blocks.n++;
        code->blocks.v[at] = xmalloc(sizeof **code->blocks.v);
        code->blocks.v[at]->n = 0;
}

/* A full block is cut in two: at its end when entries come in ascending order, else in the middle. */
static void make_room(struct jitcode *code, struct place *place)
{
        struct block *block = code->blocks.v[place->block], *next;
        size_t keep = place->at == BLOCK_ENTRIES ? BLOCK_ENTRIES : BLOCK_ENTRIES / 2;

        if (block->n < BLOCK_ENTRIES)
                return;
        insert_block(code, place->block + 1);
        next = code->blocks.v[place->block + 1];
        next->n = BLOCK_ENTRIES - keep;
        memcpy(next->v, &block->v[keep], next->n * sizeof *next->v);
        block->n = keep;
        if (place->at > keep || place->at == BLOCK_ENTRIES) {
                place->block++;
                place->at -= keep;
        }
}

static void insert(struct jitcode *code, const struct entry *entry)
{
        struct place place;
        struct block *block;

        if (code->blocks.n == 0) {
                insert_block(code, 0);
                place = (struct place){ 0, 0 };
        } else if (!first_after(code, entry->start, &place)) {
                place.block = code->blocks.n - 1;
                place.at = code->blocks.v[place.block]->n;
        }
        make_room(code, &place);
        block = code->blocks.v[place.block];
        memmove(&block->v[place.at + 1], &block->v[place.at], (block->n - place.at) * sizeof *block->v);
        block->v[place.at] = *entry;
        block->n++;
        code->n_entries++;
}

static bool put(struct jitcode *code, const struct entry *entry)
{
        end_overlapped(code, entry->start, end_of(entry), entry->from_ns);
        if (code->n_entries >= JITCODE_ENTRIES_MAX) {
                code->full = true;
                code->refused++;
                return false;
        }
        insert(code, entry);
        code->added++;
        return true;
}

static bool is_code(uint64_t start, uint64_t size)
{
        return start != 0 && start < ADDRESS_END && size != 0 && size <= CODE_MAX && size <= ADDRESS_END - start;
}

bool jitcode_add(struct jitcode *code, uint64_t start, uint64_t size, const char *name, size_t len, uint64_t from_ns,
                 bool exact)
{
        struct entry entry = { .start = start, .from_ns = from_ns, .size = (uint32_t)size, .exact = exact };

        if (!is_code(start, size) || !intern(code, name, len, &entry.name)) {
                code->refused++;
                return false;
        }
        if (code->lines_start == start) {
                entry.first_line = code->lines_first;
                entry.n_lines = (uint32_t)code->lines.n - code->lines_first;
        }
        code->lines_start = 0;
        return put(code, &entry);
}

bool jitcode_move(struct jitcode *code, uint64_t old, uint64_t start, uint64_t from_ns)
{
        struct place place;
        struct entry entry;

        if (!first_after(code, old, &place))
                return false;
        entry = code->blocks.v[place.block]->v[place.at];
        if (entry.start != old || !is_code(start, entry.size))
                return false;
        remember(code, &entry, from_ns);
        remove_entry(code, &place);
        entry.start = start;
        entry.from_ns = from_ns;
        return put(code, &entry);
}

/* ---- lines ---- */

void jitcode_lines_begin(struct jitcode *code, uint64_t start)
{
        if (code->lines_start != 0) /* nobody wants those */
                code->lines.n = code->lines_first;
        code->lines_start = start;
        code->lines_first = (uint32_t)code->lines.n;
}

void jitcode_line(struct jitcode *code, uint64_t addr, uint32_t line, const char *file, size_t len)
{
        uint64_t offset = addr - code->lines_start;
        size_t n = code->lines.n - code->lines_first;
        uint32_t name;

        if (code->lines_start == 0 || addr < code->lines_start || offset > CODE_MAX || n >= ENTRY_LINES_MAX ||
            code->lines.n >= JITCODE_LINES_MAX || (n > 0 && code->lines.v[code->lines.n - 1].offset > offset) ||
            !intern(code, file, len, &name))
                return;
        array_grow(code->lines.v, code->lines.n, code->lines.cap);
        code->lines.v[code->lines.n++] = (struct line){ (uint32_t)offset, line, name };
}

/* ---- finding ---- */

static const struct line *line_at(const struct jitcode *code, const struct entry *entry, uint64_t addr)
{
        const struct line *found = NULL;

        for (size_t i = 0; i < entry->n_lines; i++) {
                const struct line *line = &code->lines.v[entry->first_line + i];

                if (line->offset > addr - entry->start)
                        break;
                found = line;
        }
        return found;
}

static void tell(const struct jitcode *code, const struct entry *entry, uint64_t addr, struct jitcode_found *ret)
{
        const struct line *line = line_at(code, entry, addr);

        *ret = (struct jitcode_found){ .name = code->names + entry->name, .start = entry->start, .size = entry->size,
                                       .from_ns = entry->from_ns, .name_id = entry->name };
        if (line && line->line) {
                ret->file = code->names + line->file;
                ret->file_id = line->file;
                ret->line = line->line;
        }
}

/* The ended one that was there at that time; else the earliest whose time is not exactly known. */
static const struct entry *find_past(const struct jitcode *code, uint64_t addr, uint64_t at_ns)
{
        const struct entry *earliest = NULL;

        for (size_t i = 1; i <= code->n_past; i++) { /* the newest comes first */
                const struct past *past = &code->past[(code->next_past + JITCODE_PAST_MAX - i) % JITCODE_PAST_MAX];

                if (addr < past->entry.start || addr >= end_of(&past->entry) || at_ns >= past->until_ns)
                        continue;
                if (at_ns >= past->entry.from_ns)
                        return &past->entry;
                if (!past->entry.exact)
                        earliest = &past->entry;
        }
        return earliest;
}

bool jitcode_find(const struct jitcode *code, uint64_t addr, uint64_t at_ns, struct jitcode_found *ret)
{
        const struct entry *now = NULL, *then = NULL;
        struct place place;

        if (first_after(code, addr, &place)) {
                now = &code->blocks.v[place.block]->v[place.at];
                if (now->start > addr)
                        now = NULL;
        }
        if ((!now || now->from_ns > at_ns) && at_ns < code->past_until_ns)
                then = find_past(code, addr, at_ns);
        if (then)
                now = then;
        else if (now && now->from_ns > at_ns && now->exact)
                now = NULL;
        if (!now)
                return false;
        tell(code, now, addr, ret);
        return true;
}

bool jitcode_next(const struct jitcode *code, uint64_t addr, struct jitcode_found *ret)
{
        const struct entry *entry;
        struct place place;

        if (!first_after(code, addr, &place))
                return false;
        entry = &code->blocks.v[place.block]->v[place.at];
        if (entry->start < addr) /* ADDR is inside of something */
                return false;
        tell(code, entry, entry->start, ret);
        return true;
}

void jitcode_stats(const struct jitcode *code, struct jitcode_stats *ret)
{
        *ret = (struct jitcode_stats){ .entries = code->n_entries, .past = code->n_past, .added = code->added,
                                       .refused = code->refused, .full = code->full };
        ret->bytes = code->blocks.n * sizeof **code->blocks.v + code->blocks.cap * sizeof *code->blocks.v +
                     code->names_cap + code->name_ids.cap * 16 + code->lines.cap * sizeof *code->lines.v +
                     (code->past ? JITCODE_PAST_MAX * sizeof *code->past : 0);
}
