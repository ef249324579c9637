#include "inject/undo.h"

#include "base/log.h"
#include "inject/hook.h"

#include <string.h>

enum {
        PAGE = 4096,
        AREA_MAX = 1 << 20,
};

static bool is_ours(const struct mapping *mapping)
{
        return !strcmp(mapping->path, "/memfd:" WIRE_MEMFD_NAME " (deleted)");
}

static bool add_area(struct wire_area *areas, size_t *n, const struct mapping *mapping)
{
        if (*n == REMAINS_AREAS)
                return false;
        areas[(*n)++] = (struct wire_area){ mapping->start, mapping->end - mapping->start };
        return true;
}

static bool is_root(const struct mapping *mapping, uint64_t start, uint64_t end)
{
        return mapping->start == start && mapping->end == end && end - start == PAGE && mapping->path[0] == '\0' &&
               mapping->write && !mapping->exec && !mapping->shared;
}

/* True when MAPPING continues the last code area, perhaps behind the root page (V[-1]); then the area grows. */
static bool continue_area(struct remains *remains, const struct mapping *mapping, uint64_t next_offset, bool has_before)
{
        struct wire_area *area = &remains->areas[remains->n_areas - 1];
        uint64_t end = area->addr + area->length;

        if (mapping->start == end && mapping->offset == next_offset) {
                area->length = mapping->end - area->addr;
                return true;
        }
        if (has_before && mapping->offset == next_offset + PAGE && is_root(&mapping[-1], end, mapping->start)) {
                remains->root = end;
                remains->root_area = area->addr;
                area->length = mapping->end - area->addr;
                return true;
        }
        return false;
}

/* True when the process also has code of SHARED's file. A heaptop maps the shared area of its target too, but never code:
 * what stands there belongs to its work, and is no remains. The file is compared, not what is written in it, because a
 * target may write there what it likes. */
static bool has_code(const struct maps *maps, const struct mapping *shared)
{
        for (size_t i = 0; i < maps->n; i++) {
                const struct mapping *mapping = &maps->v[i];

                if (is_ours(mapping) && !mapping->shared && mapping->inode == shared->inode &&
                    mapping->device == shared->device)
                        return true;
        }
        return false;
}

bool remains_find(const struct maps *maps, struct remains *ret)
{
        uint64_t next_offset = 0;

        *ret = (struct remains){ 0 };
        for (size_t i = 0; i < maps->n; i++) {
                const struct mapping *mapping = &maps->v[i];

                if (!is_ours(mapping))
                        continue;
                if (mapping->shared) {
                        if (has_code(maps, mapping))
                                add_area(ret->shared, &ret->n_shared, mapping);
                        continue;
                }
                if (ret->n_areas == 0 || !continue_area(ret, mapping, next_offset, i > 0))
                        add_area(ret->areas, &ret->n_areas, mapping);
                next_offset = mapping->offset + (mapping->end - mapping->start);
        }
        return ret->n_areas > 0 || ret->n_shared > 0;
}

bool remains_in_code(const struct remains *remains, uint64_t addr)
{
        for (size_t i = 0; i < remains->n_areas; i++)
                if (addr - remains->areas[i].addr < remains->areas[i].length)
                        return true;
        return false;
}

static bool range_in_code(const struct remains *remains, uint64_t addr, uint64_t length)
{
        return length > 0 && remains_in_code(remains, addr) && remains_in_code(remains, addr + length - 1);
}

bool undo_check(const struct wire_hook_record *hook, const struct maps *maps, const struct remains *remains)
{
        const struct mapping *mapping = maps_find(maps, hook->entry);
        uint64_t to;

        if (hook->length != HOOK_JUMP_LENGTH || hook->n_steps > WIRE_PATCH_MAX || hook->kind >= WIRE_KINDS ||
            hook->original_length > RELOCATE_CODE_MAX || !memchr(hook->name, '\0', sizeof hook->name))
                return false;
        if (!mapping || !mapping->exec || remains_in_code(remains, hook->entry) ||
            hook->entry > UINT64_MAX - hook->length)
                return false;
        if (!hook_is_jump(hook->entry, hook->patch, hook->length, &to) || to != hook->stub ||
            !range_in_code(remains, hook->stub, HOOK_SLOT) || hook->original != hook->stub + HOOK_ORIGINAL)
                return false;
        for (uint32_t i = 0; i < hook->n_steps; i++)
                if (hook->from[i] >= WIRE_PATCH_MAX || hook->to[i] >= hook->original_length ||
                    (i > 0 && (hook->from[i] <= hook->from[i - 1] || hook->to[i] <= hook->to[i - 1])))
                        return false;
        return true;
}

/* The address of the undo list in AREA, or 0 when it is not the main one. The header of each version begins in the same way. */
static uint64_t find_list(const struct process *process, const struct wire_area *area, uint32_t *ret_version)
{
        struct wire_blob_header header;

        if (area->length > AREA_MAX || area->length < sizeof header ||
            process_read(process, area->addr, &header, sizeof header) < 0)
                return 0;
        if (header.magic != WIRE_MAGIC || header.version < UNDO_OLDEST || header.version > WIRE_VERSION ||
            header.end > area->length - sizeof(struct undo_head))
                return 0;
        *ret_version = header.version;
        return area->addr + header.end;
}

/* True when there is nothing to undo for HOOK any more: its module was unloaded. */
static bool is_gone(const struct process *process, const struct wire_hook_record *hook)
{
        const struct mapping *mapping = maps_find(&process->maps, hook->entry);
        uint8_t bytes[HOOK_JUMP_LENGTH];

        return !(mapping && mapping->exec) && (process_read(process, hook->entry, bytes, sizeof bytes) < 0 ||
                                               memcmp(bytes, hook->patch, sizeof bytes) != 0);
}

/* Reads N records at ADDR behind those that are there already. */
static void read_records(const struct process *process, uint64_t addr, uint32_t n, struct undo *ret)
{
        if (n > WIRE_HOOKS_MAX - ret->n_hooks) {
                ret->broken = true;
                return;
        }
        for (uint32_t i = 0; i < n; i++) {
                struct wire_hook_record *hook = &ret->hooks[ret->n_hooks];

                if (process_read(process, addr + i * sizeof *hook, hook, sizeof *hook) < 0)
                        ret->broken = true;
                else if (undo_check(hook, &process->maps, &ret->remains))
                        ret->n_hooks++;
                else if (!is_gone(process, hook))
                        ret->broken = true;
        }
}

static void read_list(const struct process *process, uint64_t list, struct undo *ret)
{
        struct undo_head head;

        if (process_read(process, list, &head, sizeof head) < 0 || head.magic != WIRE_MAGIC ||
            head.version != ret->version || head.n_hooks > WIRE_HOOKS_MAX) {
                ret->broken = true;
                return;
        }
        read_records(process, list + sizeof head, head.n_hooks, ret);
}

/* True when AREA was added later and has a list of its own. */
static bool read_extension(const struct process *process, const struct wire_area *area, struct undo_extension *ret)
{
        return area->length <= AREA_MAX && process_read(process, area->addr, ret, sizeof *ret) == 0 &&
               ret->magic == UNDO_EXTENSION;
}

uint64_t undo_next_serial(const struct process *process, const struct remains *remains)
{
        struct undo_extension extension;
        uint64_t last = 0;

        for (size_t i = 0; i < remains->n_areas; i++)
                if (read_extension(process, &remains->areas[i], &extension) && extension.serial > last)
                        last = extension.serial;
        return last + 1;
}

/* The extension with the smallest serial number above AFTER; its address, or 0. */
static uint64_t next_extension(const struct process *process, const struct remains *remains, uint64_t after,
                               struct undo_extension *ret)
{
        struct undo_extension extension;
        uint64_t addr = 0;

        for (size_t i = 0; i < remains->n_areas; i++)
                if (read_extension(process, &remains->areas[i], &extension) && extension.serial > after &&
                    (addr == 0 || extension.serial < ret->serial)) {
                        *ret = extension;
                        addr = remains->areas[i].addr;
                }
        return addr;
}

static void read_extensions(const struct process *process, struct undo *ret)
{
        struct undo_extension extension = { 0 };
        uint64_t addr, after = 0;

        while ((addr = next_extension(process, &ret->remains, after, &extension)) != 0) {
                after = extension.serial;
                if (extension.version != ret->version)
                        ret->broken = true;
                else
                        read_records(process, addr + sizeof extension, extension.n_hooks, ret);
        }
}

bool undo_read(const struct process *process, struct undo *ret)
{
        uint64_t list = 0;

        memset(ret, 0, sizeof *ret);
        if (!remains_find(&process->maps, &ret->remains))
                return false;
        for (size_t i = 0; i < ret->remains.n_areas && list == 0; i++) {
                struct wire_area area = ret->remains.areas[i];

                list = find_list(process, &area, &ret->version);
                if (list == 0)
                        continue;
                read_list(process, list, ret);
                ret->remains.areas[i] = ret->remains.areas[0];
                ret->remains.areas[0] = area;
        }
        if (list != 0)
                read_extensions(process, ret);
        /* The main area comes first and goes last. Code without it was put in by another version: who knows what jumps there. */
        ret->broken |= list == 0 && ret->remains.n_areas > 0;
        if (ret->broken)
                log_warn("inject: process %d carries a damaged list of hooks", (int)process->pid);
        return true;
}
