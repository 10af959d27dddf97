/* SPDX-License-Identifier: MIT */
/* The two clocks. Every interval is measured on the monotonic one; the other is for text only. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <sys/time.h>
#include <time.h>

int64_t clock_now_ms(void); /* CLOCK_MONOTONIC, milliseconds */
int64_t clock_now_us(void); /* the same in microseconds */
time_t clock_wall(void);    /* CLOCK_REALTIME, seconds */
int64_t clock_wall_ms(void);

static inline int64_t
clock_microseconds(const struct timeval *tv)
{
	return (int64_t)tv->tv_sec * 1000000 + tv->tv_usec;
}

#endif
