#include "inject/plan.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/exit.h"
#include "base/log.h"
#include "inject/allocators.h"
#include "inject/extras.h"
#include "inject/forwarders.h"
#include "inject/hook.h"
#include "inject/mappings.h"
#include "inject/sys.h"
#include "inject/undo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        PAGE = 4096,
        ALLOCATORS_MAX = 8,
        MAPPERS_MAX = 4,
        FUNCTION_MAX = 4096, /* bytes of a function that are searched for branches into its start */
        STACK_GROWTH = 64 << 20,
};

/* A function that can be hooked. */
struct candidate {
        const struct allocator *allocator;
        const struct allocator_function *function;
        uint64_t entry;        /* where the jump goes */
        uint8_t code[FUNCTION_MAX];
        size_t size;           /* of code[] */
        size_t function_size;  /* from `entry` to the end of the function, 0 = not known */
        size_t area;           /* index into plan.areas */
        uint64_t slot;         /* address */
};

struct draft {
        struct process *process;
        struct plan *plan;
        struct allocator *allocators;
        size_t n_allocators;
        const struct injection *old; /* what is there already, NULL at an attach */
        uint64_t main;         /* address of the area with the probe */
        struct extras extras;
        struct allocator *mappers; /* C libraries, for what they map without malloc */
        struct candidate *v;
        size_t n, cap;
        struct wire_blob_header blob;
        struct buf tried;      /* modules that were looked at, for the message */
};

static uint64_t round_up(uint64_t n, uint64_t to)
{
        return (n + to - 1) / to * to;
}

/* ---- what is hooked already ---- */

static bool is_live(const struct process *process, const struct wire_hook_record *hook)
{
        uint8_t bytes[HOOK_JUMP_LENGTH];

        return process_read(process, hook->entry, bytes, sizeof bytes) == 0 && !memcmp(bytes, hook->patch, sizeof bytes);
}

/* True when a jump of ours stands in [START, END). One that stood there before its module was unloaded does not count. */
static bool is_hooked(const struct draft *d, uint64_t start, uint64_t end)
{
        for (uint32_t i = 0; d->old && i < d->old->n_hooks; i++)
                if (d->old->hooks[i].entry >= start && d->old->hooks[i].entry < end && is_live(d->process, &d->old->hooks[i]))
                        return true;
        return false;
}

static bool is_old(const struct draft *d, const struct module *module)
{
        return is_hooked(d, module->start, module->end);
}

static uint32_t first_index(const struct draft *d)
{
        return d->old ? d->old->n_hooks : 0;
}

/* ---- what to hook ---- */

static bool read_candidate(const struct draft *d, const struct allocator *allocator,
                           const struct allocator_function *function, struct candidate *ret)
{
        uint32_t skip;
        size_t want = function->size > RELOCATE_READ_MAX ? function->size : RELOCATE_READ_MAX;

        ret->allocator = allocator;
        ret->function = function;
        ret->size = sys_read_some(d->process->memory, function->addr, ret->code,
                                     want < FUNCTION_MAX ? want : FUNCTION_MAX);
        if (ret->size < HOOK_JUMP_LENGTH)
                return false;
        skip = hook_offset(ret->code, ret->size, function->addr);
        ret->entry = function->addr + skip;
        ret->size -= skip;
        memmove(ret->code, ret->code + skip, ret->size);
        ret->function_size = function->size > skip ? function->size - skip : 0;
        return true;
}

static bool can_move(const struct candidate *c, const char **ret_why)
{
        struct relocated moved;
        const char *why = "it cannot be read";

        *ret_why = NULL;
        /* Distances are checked again when the address is known. */
        if (relocate(c->code, c->size, c->function_size, c->entry, c->entry + PAGE, HOOK_JUMP_LENGTH, &moved, &why) == 0)
                return true;
        log_info("inject: %s of %s cannot be hooked: %s", c->function->name, c->allocator->name, why);
        *ret_why = why;
        return false;
}

/* Without these the numbers would be wrong, not merely incomplete. */
static bool is_vital(const struct allocator_function *function)
{
        return !strcmp(function->name, "malloc") || !strcmp(function->name, "free") || !strcmp(function->name, "realloc");
}

static void add_candidates(struct draft *d, const struct allocator *allocator)
{
        size_t before = d->n;
        uint32_t refused = 0;

        for (size_t i = 0; i < allocator->n; i++) {
                struct candidate *c;
                const char *why;

                array_grow(d->v, d->n, d->cap);
                c = &d->v[d->n];
                memset(c, 0, offsetof(struct candidate, code));
                if (d->n < WIRE_HOOKS_MAX - first_index(d) && d->blob.handlers[allocator->v[i].kind] != 0 &&
                    read_candidate(d, allocator, &allocator->v[i], c) && can_move(c, &why)) {
                        d->n++;
                        continue;
                }
                refused++;
                if (is_vital(&allocator->v[i])) {
                        d->n = before;
                        refused = (uint32_t)allocator->n;
                        break;
                }
        }
        d->plan->n_refused += refused;
}

static void find_allocators(struct draft *d, const struct modules *modules)
{
        for (size_t i = 0; i < modules->n && d->n_allocators < ALLOCATORS_MAX; i++) {
                const char *file = strrchr(modules->v[i].path, '/');

                if (modules->v[i].image && d->tried.len < 400)
                        buf_printf(&d->tried, "%s%s", d->tried.len ? ", " : "", file ? file + 1 : modules->v[i].path);
                if (allocators_find(d->process, &modules->v[i], &d->allocators[d->n_allocators]))
                        d->n_allocators++;
        }
        for (size_t i = 0; i < d->n_allocators; i++) {
                if (is_old(d, d->allocators[i].module))
                        continue;
                if (!forwarders_wraps(d->process, &d->allocators[i], d->allocators, d->n_allocators))
                        add_candidates(d, &d->allocators[i]);
                else
                        log_info("inject: %s only calls another allocator", d->allocators[i].name);
        }
}

static int add_extra(struct draft *d, const struct allocator *allocator, struct err *err)
{
        const struct allocator_function *function = &allocator->v[0];
        const char *why = "it cannot be read";
        struct candidate *c;

        array_grow(d->v, d->n, d->cap);
        c = &d->v[d->n];
        memset(c, 0, offsetof(struct candidate, code));
        if (d->n >= WIRE_HOOKS_MAX - first_index(d) || d->blob.handlers[function->kind] == 0)
                return err_set_id(err, ERROR_NOT_MOVABLE, EOPNOTSUPP,
                                  "cannot hook %s: that is more than this heaptop can do", function->name);
        if (!read_candidate(d, allocator, function, c) || !can_move(c, &why))
                return err_set_id(err, ERROR_NOT_MOVABLE, EOPNOTSUPP,
                                  "cannot hook %s in process %d: its first bytes cannot be moved, %s", function->name,
                                  (int)d->process->pid, why);
        for (size_t i = 0; i < d->n; i++)
                if (d->v[i].entry < c->entry + HOOK_JUMP_LENGTH && c->entry < d->v[i].entry + HOOK_JUMP_LENGTH)
                        return err_set_id(err, ERROR_EXTRA_FUNCTION, EINVAL, "%s is hooked already, as %s of %s", function->name,
                                          d->v[i].function->name, d->v[i].allocator->name);
        d->n++;
        return 0;
}

/* What the user asked for by name is hooked, or the attach fails. */
static int add_extras(struct draft *d, const struct modules *modules, const struct inject_options *options, struct err *err)
{
        int r = extras_find(d->process, modules, options, &d->extras, err);

        for (size_t i = 0; i < d->extras.n && r == 0; i++)
                r = add_extra(d, &d->extras.v[i]->allocator, err);
        return r;
}

/* Whatever stands in the way: that the function did not come with a new module was known when the attach began. */
static void add_new_extras(struct draft *d, const struct modules *modules, const struct inject_options *options)
{
        for (size_t i = 0; i < options->n_extras; i++) {
                struct inject_options one = { .extras = &options->extras[i], .n_extras = 1 };
                size_t before = d->extras.n;

                if (!options->extras[i].symbol || extras_find(d->process, modules, &one, &d->extras, NULL) < 0)
                        continue;
                for (size_t k = before; k < d->extras.n; k++) {
                        const struct allocator *allocator = &d->extras.v[k]->allocator;

                        if (!is_hooked(d, allocator->v[0].addr, allocator->v[0].addr + HOOK_JUMP_LENGTH))
                                add_extra(d, allocator, NULL);
                }
        }
}

/* Growth outside of malloc: good to know, but nothing depends on it. */
static void add_mappings(struct draft *d, const struct modules *modules)
{
        size_t n = 0;

        for (size_t i = 0; i < modules->n && n < MAPPERS_MAX; i++)
                if (!is_old(d, &modules->v[i]) && mappings_find(d->process, &modules->v[i], &d->mappers[n]))
                        add_candidates(d, &d->mappers[n++]);
}

/* ---- where to put it ---- */

static bool overlaps_area(const struct plan *plan, uint64_t addr, uint64_t length)
{
        for (size_t i = 0; i < plan->n_areas; i++)
                if (addr < plan->areas[i].addr + plan->areas[i].length && plan->areas[i].addr < addr + length)
                        return true;
        return false;
}

/* Finds (or adds) an area from which jumps reach all of MODULE; its index, or -1. */
static int area_for(struct draft *d, const struct module *module)
{
        struct plan *plan = d->plan;
        struct plan_area area = { 0 };
        uint64_t head = d->old ? sizeof(struct undo_extension) : d->blob.end + sizeof(struct undo_head);
        uint64_t fixed = plan->n_areas == 0 ? head + d->n * sizeof(struct wire_hook_record) : 0;

        for (size_t i = 0; i < plan->n_areas; i++)
                if (hook_reaches(plan->areas[i].addr, plan->areas[i].addr + plan->areas[i].length, module->start,
                                 module->end))
                        return (int)i;
        if (plan->n_areas == WIRE_AREAS_MAX)
                return -1;
        area.slots = round_up(fixed, 64);
        area.length = round_up(area.slots + d->n * HOOK_SLOT, PAGE);
        area.addr = maps_gap(&d->process->maps, module->start, area.length, 0x70000000);
        if (area.addr == 0 || overlaps_area(plan, area.addr, area.length) ||
            !hook_reaches(area.addr, area.addr + area.length, module->start, module->end))
                return -1;
        area.offset = plan->code_length;
        plan->code_length += area.length;
        plan->areas[plan->n_areas] = area;
        return (int)plan->n_areas++;
}

static void place(struct draft *d)
{
        size_t n = 0;

        for (size_t i = 0; i < d->n; i++) {
                struct candidate *c = &d->v[i];
                int area = area_for(d, c->allocator->module);
                struct plan_area *a = area >= 0 ? &d->plan->areas[area] : NULL;

                if (!a) {
                        log_info("inject: no room near %s for %s", c->allocator->name, c->function->name);
                        d->plan->n_refused++;
                        continue;
                }
                c->area = (size_t)area;
                c->slot = a->addr + a->slots + (uint64_t)a->n_slots++ * HOOK_SLOT;
                if (n != i)
                        d->v[n] = *c;
                n++;
        }
        d->n = n;
}

/* ---- the bytes ---- */

/* The malloc that belongs to C: the only one of its module, or that with the same prefix. */
static const struct candidate *malloc_of(const struct draft *d, const struct candidate *c)
{
        const struct candidate *only = NULL, *same = NULL;
        size_t n = 0;

        for (size_t i = 0; i < d->n; i++) {
                if (d->v[i].allocator != c->allocator || strcmp(d->v[i].function->name, "malloc") != 0)
                        continue;
                n++;
                only = &d->v[i];
                if (!strcmp(only->function->prefix, c->function->prefix))
                        same = only;
        }
        return n == 1 ? only : same;
}

/* The form of operator new that differs from C by returning NULL when it fails. */
static bool is_nothrow_of(const struct candidate *other, const struct candidate *c)
{
        size_t n = strlen(c->function->name);

        return other->allocator == c->allocator && !strncmp(other->function->name, c->function->name, n) &&
               !strcmp(other->function->name + n, "RKSt9nothrow_t");
}

/* What a sampled operator new runs instead, because it may not throw with a frame of ours above it. Where malloc's blocks are not
 * known to be the same (a program may have an operator new that writes something in front of them; sanitizers tell them apart) only
 * the nothrow form will do, of an array that of arrays. NULL: then it is not sampled. */
static const struct candidate *stand_in_of(const struct draft *d, const struct candidate *c)
{
        bool aligned = c->function->kind == WIRE_NEW_ALIGNED;

        if (c->allocator->new_is_malloc && !aligned)
                return malloc_of(d, c);
        for (size_t i = 0; i < d->n; i++)
                if (is_nothrow_of(&d->v[i], c) || (c->allocator->new_is_malloc && d->v[i].allocator == c->allocator &&
                                                   d->v[i].function->aligned_nothrow))
                        return &d->v[i];
        return NULL;
}

/* The function that C is when there is no block to resize. Not one that promises more: zeroes, an alignment, an exception. */
static const struct candidate *maker_of(const struct draft *d, const struct candidate *c)
{
        return !strcmp(c->function->name, "realloc") || !strcmp(c->function->name, "mi_reallocf") ? malloc_of(d, c) : NULL;
}

static void copy_steps(const struct relocated *moved, struct wire_hook_record *hook)
{
        memcpy(hook->from, moved->from, sizeof hook->from);
        memcpy(hook->to, moved->to, sizeof hook->to);
        hook->n_steps = moved->n_steps;
        hook->original_length = moved->code_length;
}

static int write_hook(struct draft *d, const struct candidate *c)
{
        struct plan *plan = d->plan;
        const struct plan_area *area = &plan->areas[c->area];
        uint8_t *slot = plan->code + area->offset + (c->slot - area->addr);
        bool is_new = c->function->kind == WIRE_NEW || c->function->kind == WIRE_NEW_ALIGNED;
        const struct candidate *stand_in = is_new ? stand_in_of(d, c) : NULL, *maker = maker_of(d, c);
        struct wire_hook_record *hook = &plan->hooks[plan->n_hooks];
        struct relocated moved;
        struct wire_hook data;
        const char *why;
        int r;

        *hook = (struct wire_hook_record){
                .entry = c->entry, .stub = c->slot, .original = c->slot + HOOK_ORIGINAL,
                .length = HOOK_JUMP_LENGTH, .kind = c->function->kind,
        };
        r = relocate(c->code, c->size, c->function_size, c->entry, hook->original, HOOK_JUMP_LENGTH, &moved, &why);
        if (r == 0)
                r = hook_jump(c->entry, c->slot, hook->patch);
        if (r < 0)
                return r;
        copy_steps(&moved, hook);
        memcpy(hook->saved, c->code, HOOK_JUMP_LENGTH);
        snprintf(hook->name, sizeof hook->name, "%s", c->function->name);
        data = (struct wire_hook){
                .original = hook->original,
                .malloc_original = stand_in ? stand_in->slot + HOOK_ORIGINAL : 0,
                .malloc_stub = maker ? maker->slot : 0,
                .sizing = c->function->nested ? WIRE_SIZE_NESTED : c->allocator->sizing,
                .index = first_index(d) + plan->n_hooks,
        };
        memset(slot, 0xcc, HOOK_SLOT);
        hook_stub(c->slot, c->function->kind, d->main + d->blob.handlers[c->function->kind], slot);
        memcpy(slot + HOOK_DATA, &data, sizeof data);
        memcpy(slot + HOOK_ORIGINAL, moved.code, moved.code_length);
        plan->n_hooks++;
        return 0;
}

static void write_extension(struct draft *d)
{
        struct plan *plan = d->plan;
        struct undo_extension head = { .magic = UNDO_EXTENSION, .version = WIRE_VERSION, .n_hooks = plan->n_hooks };
        struct remains remains;

        remains_find(&d->process->maps, &remains);
        head.serial = undo_next_serial(d->process, &remains);
        memcpy(plan->code, &head, sizeof head);
        memcpy(plan->code + sizeof head, plan->hooks, plan->n_hooks * sizeof plan->hooks[0]);
}

static void write_undo(struct draft *d)
{
        struct plan *plan = d->plan;
        struct undo_head head = { WIRE_MAGIC, WIRE_VERSION, plan->n_hooks };
        uint8_t *at = plan->code + d->blob.end;

        memcpy(at, &head, sizeof head);
        memcpy(at + sizeof head, plan->hooks, plan->n_hooks * sizeof plan->hooks[0]);
}

static int write_code(struct draft *d, struct err *err)
{
        struct plan *plan = d->plan;

        plan->code = xcalloc(1, plan->code_length);
        if (!d->old)
                memcpy(plan->code, heaptop_probe_start, d->blob.text_end);
        d->main = d->old ? d->old->root_addr - d->blob.root : plan->areas[0].addr;
        plan->root = d->main + d->blob.root;
        for (size_t i = 0; i < d->n; i++) {
                int r = write_hook(d, &d->v[i]);

                if (r < 0 && is_vital(d->v[i].function))
                        return err_set_id(err, ERROR_NOT_MOVABLE, -r,
                                          "cannot hook %s of %s: there is no room near it in process %d",
                                          d->v[i].function->name, d->v[i].allocator->name, (int)d->process->pid);
                plan->n_refused += r < 0;
        }
        if (d->old)
                write_extension(d);
        else
                write_undo(d);
        return 0;
}

/* ---- words and figures ---- */

static void describe_one(struct draft *d, const struct allocator *allocator, size_t *len)
{
        struct plan *plan = d->plan;
        bool hooked = false, allocates = allocator->n > 1 || allocator->v[0].kind == WIRE_POOL_GET ||
                                         allocator->v[0].kind == WIRE_POOL_GET_SECOND;

        for (size_t k = 0; k < d->n; k++)
                hooked |= d->v[k].allocator == allocator;
        if (!hooked)
                return;
        plan->exact_frees &= allocator->sizing == WIRE_SIZE_GLIBC;
        if (allocates && *len < sizeof plan->allocator)
                *len += (size_t)snprintf(plan->allocator + *len, sizeof plan->allocator - *len, "%s%s", *len ? " + " : "",
                                         allocator->name);
}

static void describe(struct draft *d)
{
        size_t len = 0;

        d->plan->exact_frees = true;
        for (size_t i = 0; i < d->n_allocators; i++)
                describe_one(d, &d->allocators[i], &len);
        for (size_t i = 0; i < d->extras.n; i++)
                describe_one(d, &d->extras.v[i]->allocator, &len);
}

/* All that can ever be the main thread's stack: [stack] and, below it, where it may grow. */
static void find_main_stack(const struct maps *maps, struct plan *plan)
{
        for (size_t i = 0; i < maps->n; i++) {
                uint64_t below = i > 0 ? maps->v[i - 1].end : 0;

                if (strcmp(maps->v[i].path, "[stack]") != 0)
                        continue;
                plan->main_stack_high = maps->v[i].end;
                plan->main_stack_low = maps->v[i].end - STACK_GROWTH;
                if (plan->main_stack_low < below)
                        plan->main_stack_low = below;
        }
}

static int check_blob(struct draft *d, struct err *err)
{
        size_t size = (size_t)(heaptop_probe_end - heaptop_probe_start);

        memcpy(&d->blob, heaptop_probe_start, sizeof d->blob);
        if (d->blob.magic != WIRE_MAGIC || d->blob.version != WIRE_VERSION || d->blob.text_end > size ||
            d->blob.text_end % PAGE != 0 || d->blob.root != d->blob.text_end || d->blob.end != d->blob.root + PAGE)
                return err_set(err, EINVAL, "this heaptop was built wrong: its probe has no valid header");
        return 0;
}

static int draw_up(struct draft *d, const struct modules *modules, const struct inject_options *options, struct err *err)
{
        int r = check_blob(d, err);

        if (r < 0)
                return r;
        find_allocators(d, modules);
        r = add_extras(d, modules, options, err);
        if (r < 0)
                return r;
        if (d->n == 0 && modules->n == 0)
                return err_set_id(err, ERROR_HAS_ENDED, ESRCH,
                                  "cannot watch %d: it is ending, its memory is gone already",
                                  (int)d->process->pid);
        if (d->n == 0)
                return err_set_id(err, ERROR_NO_MALLOC, EOPNOTSUPP,
                                  "cannot watch %d: no malloc found in %s (a program without a C allocator, or stripped of "
                                  "its symbols)", (int)d->process->pid, d->tried.len ? d->tried.data : "its memory");
        add_mappings(d, modules);
        place(d);
        if (d->n == 0)
                return err_set_id(err, ERROR_NOT_MOVABLE, EOPNOTSUPP,
                                  "cannot watch %d: there is no free address space near its allocator",
                                  (int)d->process->pid);
        r = write_code(d, err);
        if (r < 0)
                return r;
        describe(d);
        find_main_stack(&d->process->maps, d->plan);
        d->plan->shared_length = round_up(sizeof(struct wire_shared), PAGE);
        return 0;
}

/* Nothing to hook is the rule. */
static int draw_up_extension(struct draft *d, const struct modules *modules, const struct inject_options *options,
                             struct err *err)
{
        struct remains remains;
        int r = check_blob(d, err);

        if (r < 0)
                return r;
        find_allocators(d, modules);
        add_new_extras(d, modules, options);
        if (d->n > 0)
                add_mappings(d, modules);
        place(d);
        if (d->n == 0)
                return 0;
        if (remains_find(&d->process->maps, &remains) && remains.n_areas + d->plan->n_areas > REMAINS_AREAS)
                return err_set(err, ENOSPC, "%s of process %d is not hooked: too many libraries came and went", d->v[0].allocator->name,
                               (int)d->process->pid);
        d->plan->extends = true;
        d->plan->shared_length = PAGE;
        r = write_code(d, err);
        if (r == 0)
                describe(d);
        return r;
}

static int make(struct draft *d, const struct inject_options *options, struct err *err)
{
        struct process *process = d->process;
        struct modules *modules = &d->plan->modules;
        int r;

        *d->plan = (struct plan){ 0 };
        d->allocators = xcalloc(ALLOCATORS_MAX, sizeof *d->allocators);
        d->mappers = xcalloc(MAPPERS_MAX, sizeof *d->mappers);
        r = modules_read(process->view, &process->maps, NULL, modules);
        if (r < 0)
                err_set(err, -r, "cannot list the modules of process %d: %s", (int)process->pid, strerror(-r));
        else
                r = d->old ? draw_up_extension(d, modules, options, err) : draw_up(d, modules, options, err);
        if (r < 0)
                plan_done(d->plan);
        buf_done(&d->tried);
        extras_done(&d->extras);
        free(d->allocators);
        free(d->mappers);
        free(d->v);
        return r;
}

int plan_make(struct process *process, const struct inject_options *options, struct plan *ret, struct err *err)
{
        struct draft d = { .process = process, .plan = ret };

        return make(&d, options, err);
}

int plan_extend(struct process *process, const struct inject_options *options, const struct injection *injection,
                struct plan *ret, struct err *err)
{
        struct draft d = { .process = process, .plan = ret, .old = injection };

        return make(&d, options, err);
}

void plan_done(struct plan *plan)
{
        free(plan->code);
        modules_done(&plan->modules);
        *plan = (struct plan){ 0 };
}
