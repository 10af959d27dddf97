/* SPDX-License-Identifier: MIT */
/* A terminal that one program has for itself: its second screen, keys without waiting for a line. However the program
 * ends, be it by a signal, the terminal is as before. */
#ifndef CTL_TERMINAL_H
#define CTL_TERMINAL_H

#include <stdint.h>

enum terminal_event {
	TERMINAL_TIME, /* nothing came */
	TERMINAL_KEY,
	TERMINAL_SIZE, /* it has another size, or is ours again after the program was stopped */
	TERMINAL_GONE,
};

/* 0, or -errno. */
int terminal_enter(void);
void terminal_leave(void); /* may be called again */
/* Waits until something comes, at most so long. *key: what was pressed. A signal that ends the program ends it here. */
enum terminal_event terminal_wait(int64_t most_ms, char *key);

#endif
