/* views: the table of all screens and windows. */
#include "tui/ui_state.h"

static const struct view_type overview = { .draw = overview_draw, .table = sites_list };
static const struct view_type sites = { .draw = sites_draw, .table = sites_list };
static const struct view_type stack = { .draw = stack_draw, .table = stack_list, .command = stack_key, .mouse = source_mouse, .frame = stack_frame,
                                        .find = stack_find, .show = stack_show_selected, .forget = stack_forget };
static const struct view_type before = { .draw = before_draw, .table = before_table };
static const struct view_type replay = { .draw = replay_draw, .command = replay_command, .mouse = replay_mouse, .table = sites_list };
static const struct view_type processes = { .draw = picker_draw, .table = processes_list, .command = picker_key };
static const struct view_type sessions = { .draw = sessions_draw, .table = sessions_list, .command = picker_key };
static const struct view_type help = { .draw = help_draw };
static const struct view_type log_window = { .draw = logview_draw };
static const struct view_type info = { .draw = info_draw };

static const struct view_type *const types[VIEWS] = {
        [VIEW_OVERVIEW] = &overview, [VIEW_SITES] = &sites,     [VIEW_STACK] = &stack,         [VIEW_BEFORE] = &before,
        [VIEW_MARKS] = &marks_type,  [VIEW_FLAME] = &flame_type, [VIEW_REPLAY] = &replay,       [VIEW_ALERTS] = &alerts_type,
        [VIEW_PICKER] = &processes,  [VIEW_SESSIONS] = &sessions, [VIEW_ERROR] = &error_type,   [VIEW_HELP] = &help,
        [VIEW_LOG] = &log_window,    [VIEW_INFO] = &info,        [VIEW_MENU] = &menu_type,      [VIEW_OPTIONS] = &options_type,
        [VIEW_ENDED] = &ended_type,
};

const struct view_type *view_type(enum view view)
{
        return types[view];
}

void views_forget(struct ui *ui)
{
        for (int view = 0; view < VIEWS; view++)
                if (types[view]->forget)
                        types[view]->forget(ui);
}
