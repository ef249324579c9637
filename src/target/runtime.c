#include "target/runtime.h"

#include "base/rules.h"
#include "target/frames_conf.h" /* made from data/frames.conf */

#include <pthread.h>

static struct rules *built_in;
static pthread_once_t built_in_once = PTHREAD_ONCE_INIT;

static void read_built_in(void)
{
        built_in = rules_new();
        if (rules_add(built_in, frames_conf, "frames.conf", NULL) == 0)
                return;
        rules_free(built_in); /* a mistake in the file is found by the unit test; without rules nothing is folded */
        built_in = rules_new();
}

const char *runtime_rules(void)
{
        return frames_conf;
}

bool runtime_is(const char *module, const char *func)
{
        pthread_once(&built_in_once, read_built_in);
        return rules_match(built_in, module, func) == RULES_FOLD;
}

bool runtime_is_engine(const char *module, const char *func)
{
        pthread_once(&built_in_once, read_built_in);
        return rules_match_engine(built_in, module, func) == RULES_FOLD;
}
