/* demo_session: a fixed recording of a web shop that leaks, for golden screens and the fuzzing of keys. */
#pragma once

#include "fake_history.h"
#include "model/picker.h"

/* 40 minutes with growing, flat, cyclic and new sites, long C++ names, a hostile name, one without a symbol, two marks, an event
 * and a gap. SOURCE is the path of the file that SessionStore::put is said to be in; it must outlive the result. */
struct fake *demo_session(const char *source);

/* A dozen processes after a minute of watching; the third is selected by its growth. */
struct picker *demo_picker(void);
