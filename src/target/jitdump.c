#include "target/jitdump.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#define MAGIC         0x4a695444u /* "JiTD" as the runtime's processor writes it */
#define MAGIC_SWAPPED 0x4454694au
#define JITDUMP_VERSION 1

enum { HEADER_BYTES = 40, HEADER_MAX = 4096, PREFIX_BYTES = 16, ARCH_TIMES = 1 };
enum { LOAD_BYTES = PREFIX_BYTES + 40, MOVE_BYTES = PREFIX_BYTES + 48, LINES_BYTES = PREFIX_BYTES + 16 };
enum { LINE_BYTES = 16 };

enum record_id { CODE_LOAD, CODE_MOVE, CODE_DEBUG_INFO, CODE_CLOSE };

static uint32_t get32(const uint8_t *bytes)
{
        uint32_t value;

        memcpy(&value, bytes, sizeof value);
        return value;
}

static uint64_t get64(const uint8_t *bytes)
{
        uint64_t value;

        memcpy(&value, bytes, sizeof value);
        return value;
}

static int64_t take_header(struct jitdump *dump, const uint8_t *bytes, size_t len, struct err *err)
{
        uint32_t size;

        if (len < HEADER_BYTES)
                return 0;
        if (get32(bytes) == MAGIC_SWAPPED)
                return err_set(err, ENOTSUP, "it was written on a machine of the other byte order");
        if (get32(bytes) != MAGIC)
                return err_set(err, ENOEXEC, "it does not begin as a jitdump file does");
        if (get32(bytes + 4) != JITDUMP_VERSION)
                return err_set(err, ENOTSUP, "it is of version %u, and %d can be read", get32(bytes + 4),
                               JITDUMP_VERSION);
        if (get32(bytes + 12) != EM_X86_64)
                return err_set(err, ENOTSUP, "it is about code of another processor (%u)", get32(bytes + 12));
        size = get32(bytes + 8);
        if (size < HEADER_BYTES || size > HEADER_MAX)
                return err_set(err, EINVAL, "its header says that it has %u bytes", size);
        dump->begun = true;
        dump->timed = !(get64(bytes + 32) & ARCH_TIMES);
        return size;
}

static void take_load(struct jitdump *dump, const uint8_t *record, size_t len, struct jitcode *code, uint64_t at_ns)
{
        const char *name = (const char *)record + LOAD_BYTES;
        size_t name_len;

        if (len < LOAD_BYTES) {
                dump->broken++;
                return;
        }
        name_len = strnlen(name, len - LOAD_BYTES);
        if (!jitcode_add(code, get64(record + 32), get64(record + 40), name, name_len, at_ns, dump->timed))
                dump->broken++;
}

static void take_move(struct jitdump *dump, const uint8_t *record, size_t len, struct jitcode *code, uint64_t at_ns)
{
        if (len < MOVE_BYTES || !jitcode_move(code, get64(record + 32), get64(record + 40), at_ns))
                dump->broken++;
}

/* Entries: address, line, discriminator, name; the name "\xff" is the one before. */
static void take_lines(struct jitdump *dump, const uint8_t *record, size_t len, struct jitcode *code)
{
        const char *file = "";
        size_t at = LINES_BYTES, file_len = 0;
        uint64_t n;

        if (len < LINES_BYTES) {
                dump->broken++;
                return;
        }
        n = get64(record + 24);
        jitcode_lines_begin(code, get64(record + 16));
        for (uint64_t i = 0; i < n && at < len && len - at > LINE_BYTES; i++) {
                const uint8_t *entry = record + at;
                const char *name = (const char *)entry + LINE_BYTES;
                size_t name_len = strnlen(name, len - at - LINE_BYTES);

                if (name_len == len - at - LINE_BYTES)
                        break;
                if (!(name_len == 1 && (uint8_t)name[0] == 0xff)) {
                        file = name;
                        file_len = name_len;
                }
                jitcode_line(code, get64(entry), get32(entry + 8), file, file_len);
                at += LINE_BYTES + name_len + 1;
        }
}

/* How much of a record of TOTAL bytes must be there before it is looked at. */
static size_t needed(uint32_t id, uint32_t total)
{
        size_t most = id == CODE_LOAD ? LOAD_BYTES + JITCODE_NAME_MAX + 1 : id == CODE_MOVE ? MOVE_BYTES :
                      id == CODE_DEBUG_INFO ? JITDUMP_WINDOW : PREFIX_BYTES;

        return total < most ? total : most;
}

static void take_record(struct jitdump *dump, uint32_t id, const uint8_t *record, size_t len, struct jitcode *code,
                        uint64_t from_ns)
{
        uint64_t at_ns = dump->timed ? get64(record + 8) : from_ns;

        dump->records++;
        if (id == CODE_LOAD)
                take_load(dump, record, len, code, at_ns);
        else if (id == CODE_MOVE)
                take_move(dump, record, len, code, at_ns);
        else if (id == CODE_DEBUG_INFO)
                take_lines(dump, record, len, code);
        else if (id == CODE_CLOSE)
                dump->closed = true;
}

int64_t jitdump_take(struct jitdump *dump, const uint8_t *bytes, size_t len, struct jitcode *code, uint64_t from_ns,
                     struct err *err)
{
        uint64_t at = 0;

        if (!dump->begun)
                return take_header(dump, bytes, len, err);
        while (at < len && len - at >= PREFIX_BYTES && !dump->closed) {
                uint32_t id = get32(bytes + at), total = get32(bytes + at + 4);
                size_t need = needed(id, total);

                if (total < PREFIX_BYTES)
                        return err_set(err, EINVAL, "one of its records says that it has %u bytes", total);
                if (need > len - at)
                        break;
                take_record(dump, id, bytes + at, need, code, from_ns);
                at += total;
        }
        return (int64_t)at;
}
