/* SPDX-License-Identifier: MIT */
#include "base/sink.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/line.h"
#include "base/mem.h"
#include "base/output.h"
#include "base/quote.h"
#include "base/rate.h"

/* A file or socket that failed is opened anew this often at most. */
#define RETRY_MS    1000
/* A sink that fails and works by turns is reported this often at most. */
#define REPORT_MS   60000
/* Bytes of lines that are written at once. */
#define GATHER_SIZE 4096

struct sink {
	struct sink *next;
	unsigned users;
	struct sink_target target;
	int fd;           /* -1: not open; unused for standard error */
	int64_t retry_ms; /* not opened anew before; 0: at once */
	uint64_t lost;    /* lines since the latest one that was written */
	size_t written;   /* bytes of the latest line */
	bool is_torn;     /* the latest line was written in part */
	bool is_busy; /* a message about this sink is being written: it must not come back here */
	struct rate reports;
	bool is_soft_reported, is_hard_reported;
	bool is_full;   /* beyond its hard limit */
	char *gathered; /* lines to be written, with a newline between two; NULL: never any */
	size_t gathered_size;
	struct sink *next_gathered;
};

struct sink_class {
	int (*open)(const struct sink *s); /* a descriptor, or -errno; NULL: nothing to open */
	int (*write)(
	    struct sink *s, const struct output_line *line, int priority); /* 0 or -errno */
	bool (*is_same)(const struct sink_target *a, const struct sink_target *b);
};

static struct sink *sinks;
static struct sink *first_gathered; /* of those that have lines to be written */
static uint64_t lost_total;
static const char *syslog_path = "/dev/log";
static sink_report_fn *reporter;
static int64_t (*now_fn)(void) = clock_now_ms;

static int
open_file(const struct sink *s)
{
	return output_open_file(s->target.path);
}

static int
open_syslog(const struct sink *s)
{
	(void)s;
	return output_open_syslog(syslog_path);
}

static int
write_file(struct sink *s, const struct output_line *line, int priority)
{
	int n = output_write(s->fd, line, s->is_torn);

	(void)priority;
	if (n < 0)
		return n;
	s->written = (size_t)n;
	s->is_torn = s->written != output_size(line);
	return s->is_torn ? -ENOSPC : 0;
}

/* A restarted system log listens on a new socket behind the old name: the line is sent again at
 * once. */
static int
write_syslog(struct sink *s, const struct output_line *line, int priority)
{
	int n = output_send_syslog(s->fd, s->target.facility | priority, line->text);

	if (n == -ECONNREFUSED || n == -ENOTCONN || n == -ECONNRESET || n == -EPIPE) {
		int fd = open_syslog(s);

		if (fd < 0)
			return fd;
		close(s->fd);
		s->fd = fd;
		n = output_send_syslog(s->fd, s->target.facility | priority, line->text);
	}
	return n < 0 ? n : 0;
}

static int
write_stderr(struct sink *s, const struct output_line *line, int priority)
{
	int n = output_stderr(line);

	(void)priority;
	if (n < 0)
		return n;
	s->written = (size_t)n;
	return s->written == output_size(line) ? 0 : -EAGAIN;
}

static int
write_nothing(struct sink *s, const struct output_line *line, int priority)
{
	(void)s;
	(void)line;
	(void)priority;
	return 0;
}

static bool
is_same_file(const struct sink_target *a, const struct sink_target *b)
{
	return strcmp(a->path, b->path) == 0;
}

static bool
is_same_syslog(const struct sink_target *a, const struct sink_target *b)
{
	return a->facility == b->facility && a->level == b->level;
}

static const struct sink_class classes[] = {
	[SINK_NONE] = { .write = write_nothing },
	[SINK_FILE] = { .open = open_file, .write = write_file, .is_same = is_same_file },
	[SINK_SYSLOG] = { .open = open_syslog, .write = write_syslog, .is_same = is_same_syslog },
	[SINK_STDERR] = { .write = write_stderr },
};

static const char *
sink_name(const struct sink *s)
{
	if (s->target.kind == SINK_FILE)
		return s->target.path;
	return s->target.kind == SINK_SYSLOG ? syslog_path : "stderr";
}

static void
close_fd(struct sink *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* Opens what is not open, and what failed some time ago. 0 or -errno. */
static int
make_ready(struct sink *s)
{
	const struct sink_class *class = &classes[s->target.kind];
	int fd;

	if (class->open == NULL)
		return 0;
	if (s->retry_ms != 0 && now_fn() >= s->retry_ms)
		close_fd(s);
	else if (s->fd >= 0)
		return 0;
	else if (s->retry_ms != 0)
		return -EAGAIN;
	s->retry_ms = 0;
	fd = class->open(s);
	if (fd < 0)
		return fd;
	s->fd = fd;
	return 0;
}

static void __attribute__((format(printf, 1, 2))) report(const char *format, ...)
{
	char text[512];
	va_list ap;

	if (reporter == NULL)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	reporter(text);
}

static void
report_failure(struct sink *s, int error)
{
	char name[256];
	unsigned left_out;

	if (!rate_allows(&s->reports, now_fn(), REPORT_MS, &left_out))
		return;
	s->is_busy = true;
	report("event=log-failed log=%s error=\"%s\"", quote_text(sink_name(s), name, sizeof(name)),
	    strerror(-error));
	s->is_busy = false;
}

/* Gathered lines are written as one: all that were not written to their end are lost. */
static void
lose(struct sink *s, const struct output_line *line)
{
	unsigned lines = 1;

	for (const char *c = line->text; *c != '\0'; c++)
		lines += *c == '\n' && line->stamp_len + (size_t)(c - line->text) >= s->written;
	s->lost += lines;
	lost_total += lines;
}

static void
fail(struct sink *s, const struct output_line *line, int error)
{
	lose(s, line);
	if (s->retry_ms == 0)
		s->retry_ms = now_fn() + RETRY_MS;
	report_failure(s, error);
}

/* In the form of the line that comes behind it, so that whoever reads the log by program understands this one, too. */
static void
say_losses(struct line *l, uint64_t lost, const struct output_line *next)
{
	if (next->text[0] == '{') {
		line_json_open(l);
		line_json_time(l, "time", clock_wall_ms());
		line_json_text(l, "event", "messages-lost");
		line_json_number(l, "count", lost);
		line_json_close(l);
	} else if (next->stamp[0] == '\0' && strncmp(next->text, "event=", strlen("event=")) == 0) {
		line_put(l, "event=messages-lost count=");
		line_number(l, lost);
		line_put(l, " time=");
		line_time(l, clock_wall_ms());
	} else {
		line_number(l, lost);
		line_put(l, " messages lost");
	}
}

/* The line that says what is missing before the one that is about to be written. 0 or -errno. */
static int
write_losses(struct sink *s, const struct output_line *next, int priority)
{
	const struct sink_class *class = &classes[s->target.kind];
	char text[128];
	struct line l = { .text = text, .size = sizeof(text) };
	struct output_line line;
	int r;

	say_losses(&l, s->lost, next);
	line = output_line(next->stamp, text);
	r = class->write(s, &line, priority);
	if (r == 0)
		s->lost = 0;
	return r;
}

/* Size of the file with room bytes more; 0 for what is no regular file. */
static int64_t
size_with(const struct sink *s, size_t room)
{
	struct stat st;

	if (s->fd < 0 || fstat(s->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	return (int64_t)st.st_size + (int64_t)room;
}

/* Each message is marked as written beforehand, so that it may go to this very sink. */
static void
check_limits(struct sink *s, size_t room)
{
	const struct sink_target *t = &s->target;
	const int64_t size = size_with(s, room);
	char name[256];

	if (t->soft_bytes > 0 && size > t->soft_bytes && !s->is_soft_reported) {
		s->is_soft_reported = true;
		report("event=log-soft-limit log=%s size=%lld limit=%lld",
		    quote_text(t->path, name, sizeof(name)), (long long)size,
		    (long long)t->soft_bytes);
	}
	if (t->hard_bytes > 0 && size > t->hard_bytes && !s->is_hard_reported) {
		s->is_hard_reported = true;
		report("event=log-hard-limit log=%s size=%lld limit=%lld",
		    quote_text(t->path, name, sizeof(name)), (long long)size,
		    (long long)t->hard_bytes);
		s->is_full = true;
	}
}

static bool
has_limits(const struct sink *s)
{
	return s->target.kind == SINK_FILE &&
	       (s->target.soft_bytes > 0 || s->target.hard_bytes > 0);
}

static void
write_line(struct sink *s, const struct output_line *line, int priority)
{
	int r = make_ready(s);

	s->written = 0;
	if (r == 0 && has_limits(s))
		check_limits(s, output_size(line));
	if (s->is_full) {
		lose(s, line);
		return;
	}
	if (r == 0 && s->lost > 0)
		r = write_losses(s, line, priority);
	s->written = 0;
	if (r == 0)
		r = classes[s->target.kind].write(s, line, priority);
	if (r < 0) {
		fail(s, line, r);
		return;
	}
	s->retry_ms = 0;
}

static void
flush(struct sink *s)
{
	struct output_line lines = { .stamp = "", .text = s->gathered };
	struct sink **at = &first_gathered;

	if (s->gathered_size == 0)
		return;
	lines.text_len = s->gathered_size - 1;
	while (*at != s)
		at = &(*at)->next_gathered;
	*at = s->next_gathered;
	s->gathered_size = 0;
	write_line(s, &lines, LOG_INFO);
}

void
sink_flush_all(void)
{
	while (first_gathered != NULL)
		flush(first_gathered);
}

/* A file or standard error that nothing is wrong with. Where limits are looked at, it is for each line. */
static bool
may_gather(const struct sink *s)
{
	if (s->lost > 0)
		return false;
	return s->target.kind == SINK_STDERR ||
	       (s->target.kind == SINK_FILE && s->fd >= 0 && !has_limits(s));
}

static void
gather(struct sink *s, const struct output_line *line)
{
	char *to;

	if (s->gathered == NULL)
		s->gathered = mem_alloc(GATHER_SIZE);
	to = s->gathered + s->gathered_size;
	if (s->gathered_size == 0) {
		s->next_gathered = first_gathered;
		first_gathered = s;
	} else
		to[-1] = '\n';
	to = (char *)mempcpy(to, line->stamp, line->stamp_len);
	memcpy(to, line->text, line->text_len + 1);
	s->gathered_size += output_size(line);
}

bool
sink_gather(struct sink *s, const char *stamp, int priority, const char *line)
{
	const struct output_line pieces = output_line(stamp, line);
	const size_t size = output_size(&pieces);
	const int error = errno;

	if (s->gathered_size + size > GATHER_SIZE)
		flush(s);
	errno = error;
	if (size > GATHER_SIZE || !may_gather(s)) {
		sink_write(s, stamp, priority, line);
		return false;
	}
	gather(s, &pieces);
	return true;
}

void
sink_write(struct sink *s, const char *stamp, int priority, const char *line)
{
	const struct output_line pieces = output_line(stamp, line);
	const int error = errno;

	if (s->is_busy)
		return;
	flush(s);
	write_line(s, &pieces, priority >= 0 ? priority : s->target.level);
	errno = error;
}

static struct sink *
find(const struct sink_target *t)
{
	const struct sink_class *class = &classes[t->kind];

	for (struct sink *s = sinks; s != NULL; s = s->next)
		if (s->target.kind == t->kind &&
		    (class->is_same == NULL || class->is_same(&s->target, t)))
			return s;
	return NULL;
}

struct sink *
sink_open(const struct sink_target *target)
{
	struct sink *s = find(target);

	if (s == NULL) {
		s = mem_alloc(sizeof(*s));
		s->fd = -1;
		sink_target_copy(&s->target, target);
		s->next = sinks;
		sinks = s;
	}
	s->target.soft_bytes = target->soft_bytes;
	s->target.hard_bytes = target->hard_bytes;
	s->users++;
	return s;
}

void
sink_close(struct sink *s)
{
	struct sink **at = &sinks;

	if (s == NULL || --s->users > 0)
		return;
	flush(s);
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	close_fd(s);
	free(s->gathered);
	sink_target_done(&s->target);
	free(s);
}

void
sink_reopen_all(void)
{
	sink_flush_all();
	for (struct sink *s = sinks; s != NULL; s = s->next) {
		close_fd(s);
		s->retry_ms = 0;
		s->is_soft_reported = s->is_hard_reported = s->is_full = false;
	}
}

uint64_t
sink_lost_total(void)
{
	return lost_total;
}

void
sink_set_reporter(sink_report_fn *fn)
{
	reporter = fn;
}

void
sink_set_syslog_path(const char *path)
{
	syslog_path = path != NULL ? path : "/dev/log";
}

void
sink_set_clock(int64_t (*now_ms)(void))
{
	now_fn = now_ms != NULL ? now_ms : clock_now_ms;
}

void
sink_target_copy(struct sink_target *to, const struct sink_target *from)
{
	char *path = from->path != NULL ? mem_dup(from->path) : NULL;

	sink_target_done(to);
	*to = *from;
	to->path = path;
}

void
sink_target_done(struct sink_target *t)
{
	free(t->path);
	*t = (struct sink_target){ 0 };
}

bool
sink_target_equal(const struct sink_target *a, const struct sink_target *b)
{
	if (a->kind != b->kind || a->is_set != b->is_set)
		return false;
	if (a->kind == SINK_FILE)
		return is_same_file(a, b) && a->soft_bytes == b->soft_bytes &&
		       a->hard_bytes == b->hard_bytes;
	return a->kind != SINK_SYSLOG || is_same_syslog(a, b);
}
