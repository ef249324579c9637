/* fuzz_config: a config file is read, written, and read again: the settings are the same, and a second
 * writing changes nothing. */
#include "app/config.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(const struct settings *a, const struct settings *b)
{
        const struct setting *table;
        char one[SETTING_TEXT], other[SETTING_TEXT];
        size_t n;

        table = settings_table(&n);
        for (size_t i = 0; i < n; i++)
                if (strcmp(setting_text(&table[i], a, one), setting_text(&table[i], b, other)) != 0)
                        abort();
        for (int style = 0; style < STYLES; style++)
                if (strcmp(look_text(&a->looks.look[style], one), look_text(&b->looks.look[style], other)) !=
                    0)
                        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = xstrndup((const char *)data, size), *once, *twice;
        struct config config, again;

        config_parse(text, "input", &config);
        if (config.n_mistakes ==
            0) { /* what inih and the writer each take for a line is told apart by mistakes only */
                once = config_text(text, &config.settings, (const char *const *)config.rules, config.n_rules);
                config_parse(once, "written", &again);
                compare(&config.settings, &again.settings);
                if (again.n_rules != config.n_rules)
                        abort();
                twice = config_text(once, &config.settings, (const char *const *)config.rules,
                                    config.n_rules);
                if (strcmp(once, twice) != 0)
                        abort();
                free(twice);
                free(once);
                config_done(&again);
        }
        config_done(&config);
        free(text);
        return 0;
}
