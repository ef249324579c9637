/* fuzz_debug: what names, or is, a part of debug information: links to other files, packed symbols, packages of units. */
#include "target/debug_files.h"
#include "target/dwarf_package.h"
#include "target/minidebug.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void links(const uint8_t *data, size_t size)
{
        struct debug_altlink altlink;
        struct debug_link link;

        if (debug_files_parse_link(data, size, &link) && strlen(link.name) + 1 + sizeof link.crc > size)
                abort();
        if (debug_files_parse_altlink(data, size, &altlink) && altlink.id + altlink.id_len != data + size)
                abort();
}

static void packed(const uint8_t *data, size_t size)
{
        enum { MAX = 1 << 20 };
        size_t len;
        char *out;

        if (minidebug_unpack(data, size, MAX, &out, &len) < 0)
                return;
        if (len == 0 || len > MAX)
                abort();
        free(out);
}

static void package(const uint8_t *data, size_t size)
{
        struct dwarf_strings strings;
        uint64_t id = 0, offset, part;

        memcpy(&id, data, size < sizeof id ? size : sizeof id);
        for (unsigned section = 0; section < 9; section++)
                dwarf_package_find(data, size, id, section, &offset, &part);
        for (unsigned version = 4; version <= 5; version++)
                if (dwarf_package_strings(data, size / 2, version, data + size / 2, size - size / 2, &strings)) {
                        free(strings.offsets);
                        free(strings.strings);
                }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static void (*const kinds[])(const uint8_t *data, size_t size) = { links, packed, package };

        if (size > 0)
                kinds[data[0] % 3](data + 1, size - 1);
        return 0;
}
