/* detail: what attaching to one process would be like. Reads /proc only; changes nothing. */
#pragma once

#include "model/picker.h"

#include <sys/types.h>

void detail_look(pid_t pid, struct picker_detail *ret);

/* What PID may use: the smallest of its cgroup's memory.max and the machine's RAM. Returns bytes (0 = no limit known) and says in
 * SOURCE which it is. */
uint64_t detail_limit(pid_t pid, char *source, size_t size);
