#include "tui/layout.h"

#include <assert.h>
#include <stdbool.h>

static int needed(const struct part *parts, const bool *kept, size_t n, int gap)
{
        int sum = 0;

        for (size_t i = 0; i < n; i++)
                if (kept[i])
                        sum += parts[i].min + (sum > 0 ? gap : 0);
        return sum;
}

/* The least important part that is still there; of equals the last. N when only one is left. */
static size_t next_to_go(const struct part *parts, const bool *kept, size_t n)
{
        size_t worst = n, left = 0;

        for (size_t i = 0; i < n; i++) {
                if (!kept[i])
                        continue;
                left++;
                if (worst == n || parts[i].priority >= parts[worst].priority)
                        worst = i;
        }
        return left > 1 ? worst : n;
}

static void share_rest(const struct part *parts, const bool *kept, size_t n, int rest, struct span *ret)
{
        for (int priority = 0; rest > 0 && priority <= 100; priority++)
                for (size_t i = 0; i < n; i++) {
                        int more = parts[i].want - ret[i].size;

                        if (!kept[i] || parts[i].priority != priority || more <= 0)
                                continue;
                        more = more < rest ? more : rest;
                        ret[i].size += more;
                        rest -= more;
                }
}

void layout(const struct part *parts, size_t n, int size, int gap, struct span *ret)
{
        bool kept[LAYOUT_MAX];
        int at = 0, sum;

        assert(n <= LAYOUT_MAX);
        for (size_t i = 0; i < n; i++)
                kept[i] = true;
        while ((sum = needed(parts, kept, n, gap)) > size) {
                size_t victim = next_to_go(parts, kept, n);

                if (victim == n)
                        break;
                kept[victim] = false;
        }
        for (size_t i = 0; i < n; i++)
                ret[i] = (struct span){ 0, kept[i] ? parts[i].min : 0 };
        if (sum > size) { /* one is left and does not fit */
                for (size_t i = 0; i < n; i++)
                        if (kept[i])
                                ret[i].size = size > 0 ? size : 0;
                return;
        }
        share_rest(parts, kept, n, size - sum, ret);
        for (size_t i = 0; i < n; i++) {
                if (!kept[i])
                        continue;
                ret[i].at = at;
                at += ret[i].size + gap;
        }
}
