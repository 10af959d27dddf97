/* SPDX-License-Identifier: MIT */
#include "base/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

static int highest;

int
descriptor_highest(void)
{
	return highest;
}

int
descriptor_high(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, DESCRIPTOR_LOWEST);

	if (high < 0)
		return -errno;
	close(fd);
	if (high > highest)
		highest = high;
	return high;
}

unsigned
descriptor_share(unsigned parts, unsigned most)
{
	struct rlimit nofile;
	rlim_t share;

	if (getrlimit(RLIMIT_NOFILE, &nofile) < 0)
		return most;
	share = nofile.rlim_cur / parts + 1;
	return share < most ? (unsigned)share : most;
}
