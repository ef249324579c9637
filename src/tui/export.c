/* What E asks: into which format, and where. The files are app's. */
#include "tui/ui_state.h"

#include <stdio.h>
#include <string.h>

static const char *const formats[] = { "pprof", "folded", "speedscope", "json", "csv", "openmetrics" };
enum { N_FORMATS = sizeof formats / sizeof *formats };

static const char *export_hint(const struct ui *ui)
{
        (void)ui;
        return "Up Down: others   then kept, born, redact, FILE";
}

static const char *export_begin(struct ui *ui)
{
        uint32_t from, to;

        snprintf(ui->export_words, sizeof ui->export_words, "%.100s%s",
                 ui->exported[0] ? ui->exported : formats[0],
                 ui_export_span(ui, &from, &to) ? " kept" : "");
        return ui->export_words;
}

/* The first word becomes the format before or after it. */
static void export_step(struct ui *ui, int by)
{
        size_t len = strcspn(ui->typed, " ");
        char rest[TEXT_MAX];
        int at = 0;

        for (int i = 0; i < N_FORMATS; i++)
                if (strlen(formats[i]) == len && memcmp(formats[i], ui->typed, len) == 0)
                        at = (i + by + N_FORMATS) % N_FORMATS;
        snprintf(rest, sizeof rest, "%s", ui->typed + len);
        snprintf(ui->typed, sizeof ui->typed, "%s%.100s", formats[at], rest);
}

static enum ui_action export_accept(struct ui *ui, const char *text)
{
        if (!text[0])
                return UI_NOTHING;
        snprintf(ui->exported, sizeof ui->exported, "%.*s", (int)strcspn(text, " "), text);
        snprintf(ui->export_words, sizeof ui->export_words, "%s", text);
        return UI_EXPORT;
}

const struct prompt_type prompt_export = { .name = "export as: ", .hint = export_hint, .begin = export_begin,
                                           .accept = export_accept, .step = export_step };

bool ui_export_span(struct ui *ui, uint32_t *ret_from, uint32_t *ret_to)
{
        if (ui->view == VIEW_MARKS)
                return marks_span(ui, ret_from, ret_to);
        *ret_from = ui->range.from;
        *ret_to = ui->range.to;
        return ui->range.set && !ui->range.failed;
}

const char *ui_export_words(const struct ui *ui)
{
        return ui->export_words;
}
