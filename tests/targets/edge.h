/* edge: what the files of this program share. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

extern int edge_bad;    /* how many things were off */
extern double edge_end; /* when to end, as edge_now() counts */

double edge_now(void); /* seconds, from some moment on */

/* Says that WHAT was off unless OK. */
void edge_check(const char *what, int ok);

/* Allocates and frees N blocks of many sizes. */
void edge_churn(int n);

/* Tells the test that all is set up. */
void edge_ready(void);

/* Does the function that begins at ENTRY begin with a jump of ours? */
bool edge_is_hooked(const volatile uint8_t *entry);

/* The modes that are not in edge.c; each returns the exit status. */
int edge_mode_ring(void);
int edge_mode_sleep(void);
int edge_mode_coroutines(void);
int edge_mode_nested(void);
int edge_mode_altstack(void);
int edge_mode_handler(void);
int edge_mode_diverted(void);
int edge_mode_unload(void);
int edge_mode_inside(void);
int edge_mode_asleep(void);
int edge_mode_late(void);
