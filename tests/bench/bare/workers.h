/* SPDX-License-Identifier: MIT */
/* Workers that are there before their connections. */
#ifndef BENCH_BARE_WORKERS_H
#define BENCH_BARE_WORKERS_H

#define WORKERS_MOST 64

/* These do not return. */
_Noreturn void workers_pass(int listener, unsigned workers);
_Noreturn void workers_share(int listener, unsigned workers);

#endif
