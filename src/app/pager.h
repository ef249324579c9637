/* pager: where a page of text goes: through the user's pager when a person looks, else to stdout. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* $PAGER as the shell reads it, else less(1) where there is one. Stdout when that is no terminal, PAGER is
 * empty or cat, or NOT. Rights that were given up before are given up for the pager, too. The caller ends
 * it with pager_close(). */
FILE *pager_open(bool not);

/* Returns 0, or -EIO when stdout does not take it; what a pager does with it is its own. */
int pager_close(FILE *out);
