/* log: messages about our own doings, for people who look into heaptop itself. */
#pragma once

#include <stddef.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN };

/* Starts appending everything to PATH (--log). Returns 0 or a negative errno. Without it the last lines are
 * only kept in memory. Nothing is ever written to the terminal. */
int log_open(const char *path);
void log_close(void);

void log_message(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define log_debug(...) log_message(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_message(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_message(LOG_WARN, __VA_ARGS__)

/* Copies up to MAX of the newest lines, oldest first, into RET (each cut to LOG_LINE_MAX). Returns how many.
 * Safe to call from any thread. */
enum { LOG_LINE_MAX = 200, LOG_LINES_KEPT = 200 };
size_t log_recent(char ret[][LOG_LINE_MAX], size_t max);
