/* SPDX-License-Identifier: MIT */
#include "suite.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define TIMEOUT_S      30
#define TIMEOUT_SLOW_S 180

/* valgrind loads its own objects into the process that it runs. */
bool
suite_is_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

static int
timeout_s(void)
{
	const char *text = getenv("CK_DEFAULT_TIMEOUT");

	if (text != NULL && atoi(text) > 0)
		return atoi(text);
	return SUITE_IS_SANITIZED || suite_is_valgrind() ? TIMEOUT_SLOW_S : TIMEOUT_S;
}

int
run_suite(const char *suite, const struct suite_test *tests, size_t count)
{
	Suite *s = suite_create(suite);

	/* Tests look at what a program adds to it; who may not set it is as he was. */
	(void)!setpriority(PRIO_PROCESS, 0, 0);
	for (size_t i = 0; i < count; i++) {
		TCase *tcase = tcase_create(tests[i].name);

		tcase_set_timeout(tcase, timeout_s());
		if (tests[i].loops > 0)
			tcase_add_loop_test(tcase, *tests[i].test, 0, tests[i].loops);
		else
			tcase_add_test(tcase, *tests[i].test);
		suite_add_tcase(s, tcase);
	}

	SRunner *runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

void
test_skip(const char *test, const char *reason)
{
	const char *path = getenv("PORTER_SKIPS");
	char line[512];
	int len = snprintf(line, sizeof(line), "%s: %s\n", test, reason);

	if (len >= (int)sizeof(line))
		len = (int)sizeof(line) - 1;
	printf("skipped %s", line);
	fflush(stdout);
	if (path == NULL)
		return;

	/* One write to a file opened for appending: programs that run side by side do not mix their lines. */
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	if (write(fd, line, (size_t)len) < 0)
		perror(path);
	close(fd);
}
