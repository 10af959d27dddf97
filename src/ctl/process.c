/* SPDX-License-Identifier: MIT */
#include "ctl/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* utime in /proc/PID/stat, where the end of the name is counted as the first; stime follows. */
#define UTIME_FIELD    13
/* In /proc/PID/statm, in pages. */
#define RESIDENT_FIELD 2

/* Reads a file of /proc/PID to its end, at most size - 1 bytes, with a NUL behind them. */
static bool
read_proc(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, size - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return true;
}

/* The number that is the field with this number of those that blanks separate; -1 if there is none. */
static int64_t
read_field(const char *text, unsigned field)
{
	char *end;
	long long number;

	for (; field > 1; field--) {
		text = strchr(text, ' ');
		if (text == NULL)
			return -1;
		text++;
	}
	number = strtoll(text, &end, 10);
	return end != text && number >= 0 ? number : -1;
}

bool
process_read(pid_t pid, struct process_use *use)
{
	char stat[1024], statm[256];
	const char *name_end;
	int64_t user, system, pages;

	/* The name in parentheses may hold blanks and parentheses: the state behind it is field 3. */
	if (!read_proc(pid, "stat", stat, sizeof(stat)) ||
	    !read_proc(pid, "statm", statm, sizeof(statm)) ||
	    (name_end = strrchr(stat, ')')) == NULL)
		return false;
	user = read_field(name_end, UTIME_FIELD);
	system = read_field(name_end, UTIME_FIELD + 1);
	pages = read_field(statm, RESIDENT_FIELD);
	if (user < 0 || system < 0 || pages < 0)
		return false;
	use->cpu_ms = (user + system) * 1000 / sysconf(_SC_CLK_TCK);
	use->rss_kb = pages * (sysconf(_SC_PAGESIZE) / 1024);
	return true;
}
