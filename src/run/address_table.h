/* SPDX-License-Identifier: MIT */
/* The table of address files and its parts. Private to address_files.c and address_watch.c. */
#ifndef RUN_ADDRESS_TABLE_H
#define RUN_ADDRESS_TABLE_H

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "run/address_files.h"
#include "run/address_reading.h"

/* In place of a number of inotify(7). */
#define NOTHING (-1)

/* Its directory, that of the file itself where the path is a symbolic link, and the file. */
enum { WATCH_DIRECTORY, WATCH_TARGET, WATCH_FILE, WATCHES };

struct address_file {
	char *path;
	const char *name; /* the last part of it */
	struct ip_set *set;
	unsigned users;
	int watch[WATCHES]; /* NOTHING: none */
	bool has_links;     /* what happens elsewhere may change where the path leads */
	bool is_watched;    /* what happens to it is heard of */
	bool is_missing;    /* and that was said */
	bool is_due;        /* it has to be looked at */
	bool is_waiting;    /* for another one to be read */
	bool is_current;    /* set is what the known file holds */
	struct stat known;  /* of the file as it was last read; st_ino 0: it was not */
	LIST_ENTRY(address_file) link;
};

struct address_files {
	struct loop *loop;
	const struct trust *trust;
	LIST_HEAD(, address_file) files;
	struct loop_io io; /* fd -1: nothing is watched yet */
	struct loop_timer gather, look;
	int64_t look_ms; /* when look is due */
	int64_t next_ms; /* nothing is read before then */
	bool has_said_unwatched;
	struct address_reading *reading; /* by a child; NULL: none */
	struct address_file *read_file;  /* and of which file */
	struct stat read_as;             /* and what that was */
	int64_t read_ms;                 /* when it began; afterwards, when another one may */
	struct loop_timer again;         /* for those that wait */
};

/* It has to be looked at, soon. */
void address_file_set_due(struct address_files *f, struct address_file *file);

/* Hears of what happens to the file from now on, whatever its path leads to now. -errno: not of everything. */
int address_watch(struct address_files *f, struct address_file *file);
void address_watch_leave(struct address_files *f, const struct address_file *file);
void address_watch_open(struct address_files *f);
void address_watch_close(struct address_files *f);

#endif
