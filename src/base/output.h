/* SPDX-License-Identifier: MIT */
/* Writing one line to a file, a terminal or the system log without ever waiting. Used by sink.c and
 * log.c. */
#ifndef BASE_OUTPUT_H
#define BASE_OUTPUT_H

#include <stddef.h>
#include <string.h>

/* A line in pieces, with their lengths. */
struct output_line {
	const char *stamp, *text;
	size_t stamp_len, text_len;
};

static inline struct output_line
output_line(const char *stamp, const char *text)
{
	return (struct output_line){ stamp, text, strlen(stamp), strlen(text) };
}

/* With its newline. */
static inline size_t
output_size(const struct output_line *line)
{
	return line->stamp_len + line->text_len + 1;
}

/* Descriptors that stay open are high ones (base/descriptor.h) if the limit on descriptors allows it. All return -errno on failure; the writers return the bytes written, which may be less than the
 * line. */
int output_open_file(const char *path);
int output_open_syslog(const char *path);
/* is_torn: the line before was cut short, so this one starts on a new line. */
int output_write(int fd, const struct output_line *line, int is_torn);
int output_send_syslog(int fd, int priority, const char *text);
/* The name that stands before messages in the system log; it is borrowed. "porterd" unless something else is said. */
void output_name(const char *name);
int output_stderr(const struct output_line *line);

#endif
