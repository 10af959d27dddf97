/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/quote.h"
#include "base/rate.h"
#include "base/sink.h"
#include "suite.h"

static struct {
	unsigned count;
	enum log_level level;
	char text[16384];
} seen;

static void
remember(enum log_level level, const char *text, void *arg)
{
	ck_assert_ptr_eq(arg, &seen);
	seen.count++;
	errno = EDOM;
	seen.level = level;
	snprintf(seen.text, sizeof(seen.text), "%s", text);
}

static void
start(enum log_level level)
{
	memset(&seen, 0, sizeof(seen));
	log_set_sinks(NULL, NULL);
	log_set_hook(remember, &seen);
	log_set_level(level);
}

/* Standard error into a temporary file, and what came there. */
static FILE *captured;
static int stderr_before;

static void
capture(void)
{
	captured = tmpfile();
	ck_assert_ptr_nonnull(captured);
	stderr_before = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	dup2(fileno(captured), STDERR_FILENO);
}

static const char *
capture_end(void)
{
	static char text[16384];
	size_t n;

	dup2(stderr_before, STDERR_FILENO);
	close(stderr_before);
	rewind(captured);
	n = fread(text, 1, sizeof(text) - 1, captured);
	text[n] = '\0';
	fclose(captured);
	return text;
}

static bool
matches(const char *text, const char *pattern)
{
	regex_t regex;
	int r;

	ck_assert_int_eq(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	r = regexec(&regex, text, 0, NULL, 0);
	regfree(&regex);
	return r == 0;
}

START_TEST(hook_gets_level_and_text)
{
	start(LOG_LEVEL_DEBUG);
	log_error("event=%s", "a");
	ck_assert_int_eq(seen.level, LOG_LEVEL_ERR);
	ck_assert_str_eq(seen.text, "event=a");
	log_warn("event=b");
	ck_assert_int_eq(seen.level, LOG_LEVEL_WARN);
	log_info("event=c");
	ck_assert_int_eq(seen.level, LOG_LEVEL_INFO);
	log_debug("event=d");
	ck_assert_int_eq(seen.level, LOG_LEVEL_DEBUG);
	ck_assert_uint_eq(seen.count, 4);
}

END_TEST

START_TEST(less_urgent_than_the_level_is_not_written)
{
	start(LOG_LEVEL_WARN);
	log_debug("event=a");
	log_info("event=b");
	ck_assert_uint_eq(seen.count, 0);
	log_warn("event=c");
	log_error("event=d");
	ck_assert_uint_eq(seen.count, 2);
}

END_TEST

START_TEST(errno_survives_and_can_be_printed)
{
	start(LOG_LEVEL_INFO);
	errno = ENOENT;
	log_info("event=a error=%m");
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_str_eq(seen.text, "event=a error=No such file or directory");
	log_set_hook(NULL, NULL);
	capture();
	errno = EPERM;
	log_info("event=b");
	ck_assert_int_eq(errno, EPERM);
	capture_end();
}

END_TEST

START_TEST(long_message_is_cut)
{
	char *text = mem_alloc(100001);

	memset(text, 'x', 100000);
	start(LOG_LEVEL_INFO);
	log_info("%s", text);
	ck_assert_uint_eq(strlen(seen.text), 8191);
	free(text);
}

END_TEST

START_TEST(message_is_one_line)
{
	start(LOG_LEVEL_INFO);
	log_info("event=a\nevent=b\r\033[2J\tc\x7f");
	ck_assert_str_eq(seen.text, "event=a?event=b??[2J c?");
}

END_TEST

START_TEST(without_sinks_lines_go_to_standard_error)
{
	const char *text;

	start(LOG_LEVEL_INFO);
	log_set_hook(NULL, NULL);
	capture();
	log_warn("event=a key=1");
	text = capture_end();
	ck_assert_msg(
	    matches(text, "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{4} "
			  "porterd\\[[0-9]+\\]: warning: event=a key=1\n$"),
	    "%s", text);
}

END_TEST

/* Two sinks, each on a file of its own. */
static char paths[2][32];
static struct sink *sinks[2];

static void
open_sinks(void)
{
	start(LOG_LEVEL_INFO);
	log_set_hook(NULL, NULL);
	for (size_t i = 0; i < 2; i++) {
		struct sink_target target = { .kind = SINK_FILE, .path = paths[i] };

		strcpy(paths[i], "/tmp/log-test-XXXXXX");
		close(mkstemp(paths[i]));
		sinks[i] = sink_open(&target);
	}
	log_set_sinks(sinks[0], sinks[1]);
}

/* Whether the file of a sink holds one line, of this pattern. */
static bool
sink_has(size_t i, const char *pattern)
{
	char text[256], more[256];
	FILE *f = fopen(paths[i], "r");
	bool has_it = fgets(text, sizeof(text), f) != NULL && matches(text, pattern) &&
		      fgets(more, sizeof(more), f) == NULL;

	fclose(f);
	return has_it;
}

static void
close_sinks(void)
{
	log_set_sinks(NULL, NULL);
	for (size_t i = 0; i < 2; i++) {
		sink_close(sinks[i]);
		unlink(paths[i]);
	}
}

START_TEST(both_sinks_get_the_line)
{
	open_sinks();
	log_error("event=a");
	ck_assert(sink_has(0, "porterd\\[[0-9]+\\]: error: event=a\n$"));
	ck_assert(sink_has(1, "porterd\\[[0-9]+\\]: error: event=a\n$"));
	close_sinks();
}

END_TEST

START_TEST(second_sink_may_be_for_what_is_graver)
{
	open_sinks();
	log_set_second_level(LOG_LEVEL_WARN);
	log_info("event=a");
	ck_assert(sink_has(0, "event=a"));
	ck_assert(!sink_has(1, ""));
	close_sinks();
	open_sinks();
	log_warn("event=b");
	ck_assert(sink_has(0, "event=b"));
	ck_assert(sink_has(1, "event=b"));
	close_sinks();
	log_set_second_level(LOG_LEVEL_DEBUG);
}

END_TEST

START_TEST(fatal_ends_with_status_1)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		log_set_hook(NULL, NULL);
		close(STDERR_FILENO);
		log_fatal("event=a");
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 1);
}

END_TEST

/* Lines of another log that were to be written with others; but not those of the process that this one is a copy of. */
START_TEST(fatal_writes_what_was_gathered)
{
	char path[] = "/tmp/porterd-log-XXXXXX", text[64] = "";
	const struct sink_target target = { .kind = SINK_FILE, .is_set = true, .path = path };
	int fd = mkstemp(path);
	pid_t pid = fork();

	if (pid == 0) {
		struct sink *s = sink_open(&target);
		close(STDERR_FILENO);
		sink_write(s, "", LOG_INFO, "first");
		if (!sink_gather(s, "", LOG_INFO, "second"))
			_exit(2);
		if (fork() == 0) {
			log_set_hook(remember, &seen);
			log_fatal("event=a");
		}
		wait(NULL);
		log_set_hook(NULL, NULL);
		log_fatal("event=b");
	}
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_gt(pread(fd, text, sizeof(text) - 1, 0), 0);
	close(fd);
	unlink(path);
	ck_assert_str_eq(text, "first\nsecond\n");
}

END_TEST

START_TEST(rate_counts_what_it_leaves_out)
{
	struct rate rate = { 0 };
	unsigned left_out = 9;

	ck_assert(rate_allows(&rate, 1000, 500, &left_out));
	ck_assert_uint_eq(left_out, 0);
	ck_assert(!rate_allows(&rate, 1000, 500, &left_out));
	ck_assert(!rate_allows(&rate, 1499, 500, &left_out));
	ck_assert(rate_allows(&rate, 1500, 500, &left_out));
	ck_assert_uint_eq(left_out, 2);
	ck_assert(!rate_allows(&rate, 1501, 500, &left_out));
	/* A clock that goes back does not silence it for longer than the interval. */
	ck_assert(rate_allows(&rate, 3, 500, &left_out));
	ck_assert_uint_eq(left_out, 1);
}

END_TEST

static const struct {
	const char *text, *quoted;
} quotes[] = {
	{ "", "\"\"" },
	{ "plain-1.2/3:4", "plain-1.2/3:4" },
	{ "two words", "\"two words\"" },
	{ "a=b", "\"a=b\"" },
	{ "say \"hi\"", "\"say \\\"hi\\\"\"" },
	{ "back\\slash", "\"back\\\\slash\"" },
	{ "it's", "\"it's\"" },
	{ "a\nb\r", "\"a\\x0ab\\x0d\"" },
	{ "\033[2J\x7f", "\\x1b[2J\\x7f" },
	{ "%n%s", "%n%s" },
	{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" }, /* two bytes */
	{ "\xed\x95\x9c", "\xed\x95\x9c" },             /* three */
	{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },     /* four */
	{ "\xc2\x9b"
	  "2J",
	    "\\xc2\\x9b"
	    "2J" }, /* a control character beyond ASCII */
	{ "\x9b"
	  "2J",
	    "\\x9b"
	    "2J" },          /* no UTF-8 */
	{ "\xc3", "\\xc3" }, /* ends too early */
	{ "\xc3(", "\\xc3(" },
	{ "\xe2\x82", "\\xe2\\x82" },
	{ "\xc0\xaf", "\\xc0\\xaf" }, /* overlong */
	{ "\xe0\x80\xaf", "\\xe0\\x80\\xaf" },
	{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },          /* a surrogate */
	{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" }, /* above U+10FFFF */
	{ "\xff\xfe", "\\xff\\xfe" },
};

START_TEST(f6_quoting)
{
	char out[128];

	ck_assert_str_eq(quote_text(quotes[_i].text, out, sizeof(out)), quotes[_i].quoted);
}

END_TEST

START_TEST(f6_quoting_is_cut_between_characters)
{
	char out[128], whole[128];

	quote_text(quotes[_i].text, whole, sizeof(whole));
	for (size_t size = 0; size <= strlen(whole) + 1; size++) {
		memset(out, '#', sizeof(out));
		ck_assert_ptr_eq(quote_text(quotes[_i].text, out, size), out);
		ck_assert_int_eq(out[size], '#');
		if (size < 3)
			continue;
		ck_assert_uint_lt(strlen(out), size);
		/* As much of it as fits, and the closing quote. */
		if (whole[0] == '"')
			ck_assert(out[0] == '"' && out[strlen(out) - 1] == '"');
		ck_assert_int_eq(strncmp(out, whole, strlen(out) - (whole[0] == '"')), 0);
	}
	ck_assert_str_eq(out, whole);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(hook_gets_level_and_text),
	TEST(less_urgent_than_the_level_is_not_written),
	TEST(errno_survives_and_can_be_printed),
	TEST(long_message_is_cut),
	TEST(message_is_one_line),
	TEST(without_sinks_lines_go_to_standard_error),
	TEST(both_sinks_get_the_line),
	TEST(second_sink_may_be_for_what_is_graver),
	TEST(fatal_ends_with_status_1),
	TEST(fatal_writes_what_was_gathered),
	TEST(rate_counts_what_it_leaves_out),
	TEST_LOOP(f6_quoting, ARRAY_LEN(quotes)),
	TEST_LOOP(f6_quoting_is_cut_between_characters, ARRAY_LEN(quotes)),
};

int
main(void)
{
	return run_suite("log", tests, ARRAY_LEN(tests));
}
