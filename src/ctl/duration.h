/* SPDX-License-Identifier: MIT */
/* Times as people write and read them. */
#ifndef CTL_DURATION_H
#define CTL_DURATION_H

#include <stddef.h>
#include <stdint.h>

/* Room for any text that duration_format and duration_moment write. */
#define DURATION_TEXT_SIZE 32

/* "90", "90s", "10m", "2h", "1d", "1h30m", each unit at most once and from large to small: seconds, at least 1 and at most
 * a hundred years. 0, or -EINVAL, -ERANGE. */
int duration_parse(const char *text, int64_t *seconds);
/* The two largest units: "4.2s" below ten seconds, "42s", "3m 10s", "2h 5m", "11d 4h". Returns text. */
const char *duration_format(int64_t ms, char text[DURATION_TEXT_SIZE]);
/* Local time: "2026-11-22 03:41:21", with is_exact also milliseconds. Returns text. */
const char *duration_moment(int64_t wall_ms, int is_exact, char text[DURATION_TEXT_SIZE]);

#endif
