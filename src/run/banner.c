/* SPDX-License-Identifier: MIT */
#include "run/banner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

/* An open regular file, which never blocks; -errno. */
static int
open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return -EINVAL;
}

static int
read_file(struct banner_text *out, int fd)
{
	size_t room = out->len + BANNER_MOST_BYTES;
	ssize_t n = 1;

	out->bytes = mem_grow(out->bytes, room, 1);
	while (out->len < room && n > 0) {
		n = read(fd, out->bytes + out->len, room - out->len);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			out->len += (size_t)n;
	}
	return n < 0 ? -errno : 0;
}

/* Adds what the file holds. */
static void
add_file(struct banner_text *out, const char *path, const char *id)
{
	int fd, r;

	if (path == NULL)
		return;
	fd = open_file(path);
	r = fd < 0 ? fd : read_file(out, fd);
	if (fd >= 0)
		close(fd);
	if (r < 0)
		log_warn("event=banner-unreadable service=%s path=%s error=\"%s\"", id, path,
		    r == -EINVAL ? "it is no regular file" : strerror(-r));
	else if (out->len >= BANNER_MOST_BYTES)
		log_warn("event=banner-cut service=%s path=%s bytes=%u "
			 "reason=\"what is longer than that is not sent\"",
		    id, path, BANNER_MOST_BYTES);
}

struct banners *
banners_read(const struct service_conf *conf)
{
	struct banners *b;

	if (conf->banner == NULL && conf->banner_success == NULL && conf->banner_fail == NULL)
		return NULL;
	b = mem_alloc(sizeof(*b));
	b->users = 1;
	add_file(&b->success, conf->banner, conf->id);
	add_file(&b->success, conf->banner_success, conf->id);
	add_file(&b->fail, conf->banner, conf->id);
	add_file(&b->fail, conf->banner_fail, conf->id);
	return b;
}

void
banners_leave(struct banners *b)
{
	if (b == NULL || --b->users > 0)
		return;
	free(b->success.bytes);
	free(b->fail.bytes);
	free(b);
}
