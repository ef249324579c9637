/* ticks: the time stamp counter, which the probe reads too. */
#pragma once

#include <stdint.h>

uint64_t ticks_now(void);

/* Ticks in a second, measured once (takes some milliseconds the first time). */
uint64_t ticks_per_second(void);
