/* SPDX-License-Identifier: MIT */
/* One line of inetd.conf. */
#ifndef LOAD_INETD_LINE_H
#define LOAD_INETD_LINE_H

#include "load/inetd_fields.h"

bool inetd_is_socket_type(const char *text, size_t len);
/* False, and an error, if the line is no service. */
bool inetd_line_read(const struct inetd_line *l, struct block *out);

#endif
