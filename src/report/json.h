/* json: the pieces that everything heaptop prints as JSON is made of, so that a thing looks the same
 * everywhere.
 *
 * doc/schema/ describes the whole. Strings are made harmless. Values are new references. */
#pragma once

#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { JSON_SCHEMA = 1 }; /* "heaptop_schema"; within one things are only added */

json_t *json_text(const char *s);         /* NULL = "" */
json_t *json_text_or_null(const char *s); /* NULL and "" = null */
json_t *json_number(uint64_t n);

/* VALUE +- ERROR in whole bytes as {"value", "low", "high"}; null when either is NAN. With AT_LEAST_ZERO
 * the interval does not go below: nothing is less than not there. What does not fit into 63 bits (a hostile
 * file) is cut. */
json_t *json_estimate(double value, double error, bool at_least_zero);

/* RFC 3339 in UTC: "2026-11-22T13:22:40Z"; null when the clock cannot say it. */
json_t *json_date(uint64_t time_ns, int64_t wall_offset_ns);

/* Prints ROOT and a newline, and gives ROOT up. Returns 0, -ENOMEM when ROOT is NULL, or -EIO. */
int json_print(FILE *out, json_t *root);

/* One value on one line, without a newline; gives VALUE up. */
void json_put(FILE *out, json_t *value);
