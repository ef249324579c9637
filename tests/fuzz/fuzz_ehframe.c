/* fuzz_ehframe: any bytes give a table that can be searched. */
#include "target/unwind_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        for (int eh = 0; eh < 2; eh++) {
                struct unwind_table table = { 0 };

                if (unwind_table_parse(data, size, 0x1000, eh, &table) == 0)
                        for (uint64_t i = 0; i < 64; i++)
                                unwind_table_find(&table, table.base + i * 7);
                unwind_table_done(&table);
        }
        return 0;
}
