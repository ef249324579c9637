/* actions: what a key can make the viewer do outside the screen: files, clipboard, editor, requests to the recorder. */
#pragma once

#include "app/options.h"
#include "app/user.h"
#include "store/store.h"
#include "tui/term.h"
#include "tui/ui.h"

struct term_options actions_term_options(const struct options *options);

/* m: asks the recorder for a mark, or writes one at the moment AT into a finished session. Says how it went. */
void actions_mark(struct ui *ui, struct store *store, bool live, const struct rec_process *at, uint64_t now_ns);

/* r and d in the marks, on ui_mark_id(): likewise. Says only what went wrong: the list of marks tells the rest. */
void actions_edit_mark(struct ui *ui, struct store *store, bool live, bool rename, uint64_t now_ns);

/* D: asks the recorder to go on without us and waits, bounded, until it has agreed. */
int actions_keep(struct store *store, struct err *err);

/* The options screen has changed settings: the terminal follows. TERM may be NULL. */
void actions_use_settings(const struct config *config, const struct options *options, struct term *term);

/* W: the settings into the user's config file; says where. */
void actions_write_config(struct ui *ui, const struct options *options, const struct user *user, uint64_t now_ns);

/* P and y: into a file in the state directory; y also into the terminal's clipboard (OSC 52). */
void actions_save_screen(struct ui *ui, const struct canvas *canvas, const struct user *user, uint64_t now_ns);
void actions_copy(struct ui *ui, bool has_term, const struct user *user, uint64_t now_ns);

/* E: what is shown of STORE by HEAP, by ui_export_words(), into the file named there or a new one in the state directory; says
 * which. */
void actions_export(struct ui *ui, struct store *store, struct heap *heap, const struct rules *rules, bool own_rules, const struct user *user, uint64_t now_ns);

/* e: $VISUAL or $EDITOR on the source line, with the terminal to itself. *TERM is opened anew afterwards; NULL when that
 * fails. */
void actions_edit(struct ui *ui, struct term **term, const struct term_options *options, uint64_t now_ns);
