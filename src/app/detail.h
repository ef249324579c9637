/* detail: what attaching to one process would be like. Reads /proc only; changes nothing. */
#pragma once

#include "model/picker.h"

#include <sys/types.h>

void detail_look(pid_t pid, struct picker_detail *ret);
