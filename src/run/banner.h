/* SPDX-License-Identifier: MIT */
/* What clients are sent before anything else: files that are read when the service is configured. */
#ifndef RUN_BANNER_H
#define RUN_BANNER_H

#include <stddef.h>

#include "conf/config.h"

/* Of a longer file only the beginning is sent. */
#define BANNER_MOST_BYTES (64u << 10)

struct banner_text {
	char *bytes;
	size_t len;
};

struct banners {
	unsigned users;             /* the service, and clients on their way */
	struct banner_text success; /* to those who are served: banner and banner_success */
	struct banner_text fail;    /* to those who are refused: banner and banner_fail */
};

/* One user. NULL: the settings name no file. One that cannot be read is empty, and said. */
struct banners *banners_read(const struct service_conf *conf);
void banners_leave(struct banners *b); /* NULL is allowed */

#endif
