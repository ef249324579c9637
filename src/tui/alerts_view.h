/* alerts_view: what the two files of view 8 share. Private to them. */
#pragma once

#include "model/alerts.h"
#include "tui/ui_state.h"

struct alerts_view {
        struct alerts *alerts;
        struct table table; /* ids are indices of rules */
        uint64_t muted_until_ns[ALERTS_MAX];
        bool own;         /* the rules are the user's, else the default ones */
        bool ready;       /* there are rules */
        bool more;        /* part of the recording has not been looked at yet */
        bool seen;        /* what was crossed before this screen was opened is known, and silent */
        size_t announced; /* entries of the log that were told */
        bool bell;
        int editing;      /* the rule that is being typed, or NEW_RULE */
        char wrong[1024]; /* what is wrong with it so far */
};

/* Made when it is first asked for. */
struct alerts_view *alerts_state_of(struct ui *ui);

/* There are rules, the common ones when the user has none; and the table lists them. */
void alerts_need_rules(struct ui *ui, struct alerts_view *view);

bool alerts_is_muted(const struct ui *ui, size_t rule);
const char *alerts_level_word(enum alert_level level);

/* For its view_type. */
struct table *alerts_list(struct ui *ui);
bool alerts_command(struct ui *ui, enum command command, enum ui_action *ret);
void alerts_done(struct ui *ui);
