/* SPDX-License-Identifier: MIT */
/* How this process was started, so that it can be started again from the file that is there then. */
#ifndef CONTROL_SELF_H
#define CONTROL_SELF_H

struct self {
	char **argv;     /* of main */
	char *binary;    /* absolute, as it was named: a symbolic link is followed anew each time */
	char *directory; /* in which relative paths of argv are meant */
};

/* Looks the binary up as a shell would have. */
void self_take(struct self *self, char **argv);
void self_done(struct self *self);
/* The path as it is meant there; heap. */
char *self_absolute(const struct self *self, const char *path);

#endif
