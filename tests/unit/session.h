/* session: session files for tests, in a folder that goes away with the test program. */
#pragma once

#include "sample.h"
#include "store/store.h"

/* Group set-up and tear-down for cmocka. */
int session_make_folder(void **state);
int session_remove_folder(void **state);

/* A path in the folder, where nothing is any more. Valid until the fourth next call. */
const char *session_path(const char *name);

/* Writes all of SAMPLE to PATH and ends it. */
void session_write(const char *path, const struct sample *sample);

/* Writes the ticks [FROM, TO) of SAMPLE (indices). */
void session_write_ticks(struct store *store, const struct sample *sample, uint32_t from, uint32_t to);

struct store *session_create(const char *path, const struct sample *sample);
struct store *session_open(const char *path);

/* Asks for everything there is, with the answers ignored. Returns how many rows came. */
size_t session_read_everything(const struct history *history);

/* The whole file; the caller frees it. */
unsigned char *session_bytes(const char *path, size_t *ret_len);
void session_put_bytes(const char *path, const void *bytes, size_t len);
