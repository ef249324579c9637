/* Every function of the libraries and programs that are hooked, and of some large ones, is moved to three distances; what objdump
 * then says of the copies must be what it says of the originals.
 *
 * For each file the displaced instructions of all functions are written one behind the other, then their copies. objdump
 * disassembles both. An instruction's text is cut into what it does and the address it is about (memory relative to the
 * instruction pointer, a branch target); that address is brought back to where the bytes really belong. Both parts must be
 * the same, one instruction for one; a call must have become the push of its return address and a jump to its target.
 *
 * Files that this machine does not have are said. HEAPTOP_RELOCATE names further ones, separated by colons. */
#include "unit.h"

#include "base/alloc.h"
#include "inject/hook.h"
#include "inject/relocate.h"
#include "target/cfi.h"
#include "target/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIB "/usr/lib/x86_64-linux-gnu/"

enum { READ_MAX = 4096, TEXT = 96, REASONS = 16 };

struct function {
        uint64_t addr, size; /* behind a landing pad, as hooks are */
};

/* One instruction as objdump has it. */
struct line {
        uint64_t at, target; /* in the file */
        bool has_target;     /* it is about an address */
        char text[TEXT];
};

struct lines {
        struct line *v;
        size_t n, cap;
};

/* A function that was moved, and where its bytes stand in the two files. */
struct moved {
        struct function function;
        uint64_t to;
        size_t original_at, copy_at;
        struct relocated out;
};

struct reason {
        const char *why;
        size_t n;
};

struct census {
        const struct image *image;
        struct function *functions;
        size_t n_functions, cap_functions;
        struct moved *moved;
        size_t n_moved, cap_moved;
        struct reason reasons[REASONS];
        size_t n_refused, n_wrong, n_instructions;
};

/* ---- which functions ---- */

static void add_function(struct census *census, uint64_t addr, uint64_t size)
{
        uint64_t here = size < READ_MAX ? size : READ_MAX;
        const uint8_t *code = image_bytes(census->image, addr, here);
        uint32_t skip = code ? hook_offset(code, here, addr) : 0;

        if (!code || size <= skip)
                return;
        array_grow(census->functions, census->n_functions, census->cap_functions);
        census->functions[census->n_functions++] = (struct function){ addr + skip, size - skip };
}

static int on_symbol(void *ctx, const struct image_symbol *symbol)
{
        add_function(ctx, symbol->addr, symbol->size);
        return 0;
}

static int on_fde(void *ctx, const struct cfi_fde *fde)
{
        add_function(ctx, fde->start, fde->size);
        return 0;
}

/* Of several sizes for one address the largest. */
static int by_address(const void *a, const void *b)
{
        const struct function *x = a, *y = b;

        if (x->addr != y->addr)
                return x->addr < y->addr ? -1 : 1;
        return x->size > y->size ? -1 : x->size < y->size;
}

static void list_functions(struct census *census)
{
        struct cfi cfi = { .eh = true };
        size_t n = 0;

        cfi.bytes = image_eh_frame(census->image, &cfi.addr, &cfi.len);
        image_functions(census->image, on_symbol, census);
        if (cfi.bytes)
                cfi_each(&cfi, on_fde, census);
        assert_true(census->n_functions > 0);
        qsort(census->functions, census->n_functions, sizeof *census->functions, by_address);
        for (size_t i = 0; i < census->n_functions; i++)
                if (n == 0 || census->functions[i].addr != census->functions[n - 1].addr)
                        census->functions[n++] = census->functions[i];
        census->n_functions = n;
}

/* ---- moving ---- */

static void refused(struct census *census, const char *why)
{
        size_t i = 0;

        census->n_refused++;
        while (i + 1 < REASONS && census->reasons[i].why && strcmp(census->reasons[i].why, why) != 0)
                i++;
        census->reasons[i].why = why;
        census->reasons[i].n++;
}

static void move_function(struct census *census, const struct function *function, int64_t distance, FILE *originals,
                          FILE *copies)
{
        uint64_t size = function->size > RELOCATE_READ_MAX ? function->size : RELOCATE_READ_MAX;
        struct moved moved = { .function = *function, .to = function->addr + (uint64_t)distance };
        const uint8_t *code;
        const char *why;

        size = size < READ_MAX ? size : READ_MAX;
        code = image_bytes(census->image, function->addr, size);
        if (!code) { /* the last function of a segment: without what is behind it */
                size = function->size < READ_MAX ? function->size : READ_MAX;
                code = image_bytes(census->image, function->addr, size);
        }
        if (!code)
                return;
        if (relocate(code, size, function->size, function->addr, moved.to, HOOK_JUMP_LENGTH, &moved.out, &why) < 0) {
                refused(census, why);
                return;
        }
        moved.original_at = (size_t)ftell(originals);
        moved.copy_at = (size_t)ftell(copies);
        fwrite(code, 1, moved.out.length, originals);
        fwrite(moved.out.code, 1, moved.out.code_length, copies);
        /* a pushed return address is no code: what follows must be decoded rightly again */
        for (int i = 0; i < 16; i++)
                fputc(0x90, copies);
        array_grow(census->moved, census->n_moved, census->cap_moved);
        census->moved[census->n_moved++] = moved;
}

/* ---- objdump ---- */

/* Cuts TEXT in two: "lea 0x100(%rip),%rax # 0x107" is "lea @(%rip),%rax" about 0x107, "call 0x40" is "call @" about 0x40. */
static void parse(char *text, struct line *ret)
{
        static const char *const no_effect[] = { "bnd ", "notrack " };
        char *comment = strstr(text, "# 0x"), *operand, *end, *rip;

        text[strcspn(text, "\n")] = '\0';
        ret->has_target = comment != NULL;
        ret->target = comment ? strtoull(comment + 2, NULL, 16) : 0;
        if (comment)
                *comment = '\0';
        for (size_t i = 0; i < array_len(no_effect); i++)
                if (strncmp(text, no_effect[i], strlen(no_effect[i])) == 0)
                        text += strlen(no_effect[i]);
        rip = comment ? strstr(text, "(%rip)") : NULL;
        operand = strrchr(text, ' ');
        if (rip) {
                for (operand = rip; operand > text && (operand[-1] == '-' || operand[-1] == 'x' ||
                                                       strchr("0123456789abcdef", operand[-1])); operand--)
                        ;
                snprintf(ret->text, sizeof ret->text, "%.*s@%.40s", (int)(operand - text < 48 ? operand - text : 48), text, rip);
        } else if (operand && strncmp(operand, " 0x", 3) == 0 && (text[0] == 'j' || strstr(text, "call"))) {
                ret->has_target = true;
                ret->target = strtoull(operand, &end, 16);
                text[strcspn(text, ", ")] = '\0'; /* also what is predicted: "je,pn" */
                snprintf(ret->text, sizeof ret->text, "%.40s @", text);
        } else {
                snprintf(ret->text, sizeof ret->text, "%s", text);
        }
        for (end = ret->text + strlen(ret->text); end > ret->text && end[-1] == ' '; end--)
                end[-1] = '\0';
}

static void disassemble(const char *path, struct lines *ret)
{
        char *command = xasprintf("objdump -D -z -w -b binary -m i386:x86-64 --no-show-raw-insn '%s'", path), text[512];
        FILE *in = popen(command, "r");

        assert_non_null(in);
        ret->n = 0;
        while (fgets(text, sizeof text, in)) {
                char *colon = strchr(text, ':');
                struct line line = { 0 };

                if (text[0] != ' ' || !colon || colon[1] != '\t')
                        continue;
                line.at = strtoull(text, NULL, 16);
                parse(colon + 2, &line);
                array_grow(ret->v, ret->n, ret->cap);
                ret->v[ret->n++] = line;
        }
        assert_int_equal(pclose(in), 0);
        free(command);
}

static const struct line *line_at(const struct lines *lines, uint64_t at)
{
        size_t low = 0, high = lines->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (lines->v[middle].at < at)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < lines->n && lines->v[low].at == at ? &lines->v[low] : NULL;
}

/* ---- comparing ---- */

/* The absolute address that LINE is about when its function's bytes, at AT in the file, stand at ADDR. */
static uint64_t target_of(const struct line *line, size_t at, uint64_t addr)
{
        return line->has_target ? line->target - at + addr : 0;
}

static bool is_call(const struct line *line)
{
        return strncmp(line->text, "call", 4) == 0 || strstr(line->text, " call");
}

static bool is_jump(const struct line *line)
{
        return strncmp(line->text, "jmp", 3) == 0;
}

/* A call has become `push return address; jmp`. */
static bool is_moved_call(const struct moved *m, const struct line *old, const struct line *new, uint64_t returns_to)
{
        uint64_t literal_at = new->target - m->copy_at, literal;
        const char *jump_of = strchr(old->text, '*');

        if (strncmp(new->text, "push", 4) != 0 || !strstr(new->text, " @(%rip)") || literal_at > m->out.code_length - 8u)
                return false;
        memcpy(&literal, m->out.code + literal_at, 8);
        return literal == returns_to && is_jump(&new[1]) &&
               (jump_of ? strstr(new[1].text, jump_of) : strstr(new[1].text, " @")) &&
               target_of(old, m->original_at, m->function.addr) == target_of(&new[1], m->copy_at, m->to);
}

static bool same_instruction(const struct moved *m, uint32_t i, const struct lines *originals, const struct lines *copies)
{
        const struct line *old = line_at(originals, m->original_at + m->out.from[i]);
        const struct line *new = line_at(copies, m->copy_at + m->out.to[i]);
        uint32_t next = i + 1 < m->out.n_steps ? m->out.to[i + 1] : 0;
        uint64_t back = m->function.addr + m->out.from[i];

        if (!new)
                return false;
        if (m->out.from[i] == m->out.length) /* the jump back */
                return is_jump(new) && target_of(new, m->copy_at, m->to) == back;
        if (!old || strstr(old->text, "(bad)"))
                return false;
        if (is_call(old))
                return is_moved_call(m, old, new, m->function.addr + (old[1].at - m->original_at));
        if (next && (new[1].at != m->copy_at + next || old[1].at != m->original_at + m->out.from[i + 1]))
                return false;
        return strcmp(old->text, new->text) == 0 &&
               target_of(old, m->original_at, m->function.addr) == target_of(new, m->copy_at, m->to);
}

static void compare(struct census *census, const struct lines *originals, const struct lines *copies)
{
        for (size_t i = 0; i < census->n_moved; i++) {
                const struct moved *m = &census->moved[i];

                for (uint32_t step = 0; step < m->out.n_steps; step++) {
                        census->n_instructions++;
                        if (same_instruction(m, step, originals, copies))
                                continue;
                        if (census->n_wrong++ < 20)
                                print_message("# wrong: +0x%llx, instruction %u\n",
                                              (unsigned long long)m->function.addr, step);
                }
        }
}

/* ---- one file ---- */

static void move_all(struct census *census, int64_t distance)
{
        static struct lines lines[2];
        char paths[2][32] = { "/tmp/relocate.XXXXXX", "/tmp/relocate.XXXXXX" };
        FILE *files[2];

        for (int i = 0; i < 2; i++) {
                files[i] = fdopen(mkstemp(paths[i]), "w");
                assert_non_null(files[i]);
        }
        census->n_moved = 0;
        for (size_t i = 0; i < census->n_functions; i++)
                move_function(census, &census->functions[i], distance, files[0], files[1]);
        for (int i = 0; i < 2; i++) {
                fputc(0x90, files[i]);
                assert_int_equal(fclose(files[i]), 0);
                disassemble(paths[i], &lines[i]);
                unlink(paths[i]);
        }
        compare(census, &lines[0], &lines[1]);
}

/* Near, and about as far as jumps reach, both ways. */
static const int64_t distances[] = { 4096, 0x60000000, -0x60000000 };

static void check_file(const char *path)
{
        struct census census = { 0 };
        struct image *image = NULL;
        size_t n_moved = 0;

        if (image_open_path(path, &image) < 0) {
                print_message("# not on this machine: %s\n", path);
                return;
        }
        census.image = image;
        list_functions(&census);
        for (size_t i = 0; i < array_len(distances); i++) {
                move_all(&census, distances[i]);
                n_moved += census.n_moved;
        }
        print_message("# %s: %zu functions, %zu moves of %zu instructions, %zu wrong, %zu refused (%.2f %%)\n", path,
                      census.n_functions, n_moved, census.n_instructions, census.n_wrong, census.n_refused,
                      100.0 * (double)census.n_refused / (double)(census.n_refused + n_moved));
        for (size_t i = 0; i < REASONS && census.reasons[i].why; i++)
                print_message("#     %zu: %s\n", census.reasons[i].n / array_len(distances), census.reasons[i].why);
        assert_int_equal(census.n_wrong, 0);
        assert_true(census.n_refused < (n_moved + census.n_refused) / 10);
        free(census.functions);
        free(census.moved);
        image_close(image);
}

static void the_c_library_means_the_same_elsewhere(void **state)
{
        assert_int_equal(access(LIB "libc.so.6", R_OK), 0);
        check_file(LIB "libc.so.6");
        check_file(LIB "ld-linux-x86-64.so.2");
}

static void the_cxx_library_means_the_same_elsewhere(void **state)
{
        check_file(LIB "libstdc++.so.6");
        check_file(LIB "libgcc_s.so.1");
}

static void other_allocators_mean_the_same_elsewhere(void **state)
{
        check_file(LIB "libjemalloc.so.2");
        check_file(LIB "libtcmalloc.so.4");
        check_file(LIB "libmimalloc.so.2.0");
        check_file("/usr/lib/x86_64-linux-musl/libc.so");
}

static void assembly_of_libcrypto_means_the_same_elsewhere(void **state)
{
        check_file(LIB "libcrypto.so.3");
}

static void programs_mean_the_same_elsewhere(void **state)
{
        check_file("/usr/bin/redis-server");
        check_file("/usr/sbin/nginx");
        check_file("/usr/bin/python3");
}

static void further_files_mean_the_same_elsewhere(void **state)
{
        const char *more = getenv("HEAPTOP_RELOCATE");
        char *list = xstrdup(more ? more : ""), *next = list;

        while (next)
                if (next[0] != ':' && next[0] != '\0')
                        check_file(strsep(&next, ":"));
                else
                        strsep(&next, ":");
        free(list);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_c_library_means_the_same_elsewhere),
                cmocka_unit_test(the_cxx_library_means_the_same_elsewhere),
                cmocka_unit_test(other_allocators_mean_the_same_elsewhere),
                cmocka_unit_test(assembly_of_libcrypto_means_the_same_elsewhere),
                cmocka_unit_test(programs_mean_the_same_elsewhere),
                cmocka_unit_test(further_files_mean_the_same_elsewhere),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
