/* fuzz_maps: any text is refused or gives sorted mappings. */
#include "target/maps.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct maps maps = { 0 };

        if (maps_parse((const char *)data, size, &maps) < 0)
                return 0;
        for (size_t i = 1; i < maps.n; i++)
                if (maps.v[i].start < maps.v[i - 1].end)
                        abort();
        maps_find(&maps, size);
        maps_gap(&maps, 0x7f0000000000, 4096, 2ull << 30);
        maps_done(&maps);
        return 0;
}
