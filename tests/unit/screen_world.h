/* screen_world: a session or a picker with its screen, for tests of what is drawn. */
#pragma once

#include "demo_session.h"

#include "base/clock.h"
#include "tui/ui.h"

static const uint64_t NOW = 5000 * NS_PER_S;

struct world {
        struct fake *fake;
        struct heap *heap;
        struct picker *picker;
        struct ui *ui;
        char *source;
};

/* MODE's screen after KEYS ("j j Enter"). The caller ends it with close_world(). */
struct world open_world(enum ui_mode mode, const char *keys);
void close_world(struct world *world);

/* KEYS, one after the other, at NOW. */
void press(struct ui *ui, const char *keys);

/* Is TEXT on the screen? If not, prints what is. */
bool screen_has(struct ui *ui, int width, int height, const char *text);

/* The source file that the session is about. The caller frees it. */
char *source_path(void);
