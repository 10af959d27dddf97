/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "load/load.h"
#include "suite.h"

static char dir[] = "/tmp/porter-lookup-XXXXXX";
static struct strings made;

static void
put(const char *name, mode_t mode, const char *text)
{
	char *path = mem_format("%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
	strings_take(&made, path);
}

static void
start(void)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void
clear(void)
{
	for (size_t i = 0; i < made.count; i++)
		unlink(made.item[i]);
	strings_done(&made);
	ck_assert_int_eq(rmdir(dir), 0);
}

/* clang-format off */
static const struct {
	const char *name;
	mode_t mode;
	const char *text;
	int result;
	const char *missing;
} programs[] = {
	{ "script", 0755, "#!/bin/sh\n", 0, NULL },
	{ "blanks", 0755, "#! \t/bin/sh -e\n", 0, NULL },
	{ "orphan", 0755, "#!/nonexistent/sh -e\n", -ENOENT, "/nonexistent/sh" },
	{ "crlf", 0755, "#!/bin/sh\r\n", -EILSEQ, NULL },
	{ "to_directory", 0755, "#!/bin\n", -EISDIR, "/bin" },
	{ "none", 0755, "#!\n", -ENOEXEC, NULL },
	{ "text", 0755, "echo hello\n", -ENOEXEC, NULL },
	{ "empty", 0755, "", -ENOEXEC, NULL },
	{ "plain", 0644, "#!/bin/sh\n", -EACCES, NULL },
	{ "elf", 0755, "\177ELF", 0, NULL },
};

/* clang-format on */

START_TEST(programs_are_what_can_be_executed)
{
	char *missing = NULL;

	start();
	put(programs[_i].name, programs[_i].mode, programs[_i].text);
	ck_assert_int_eq(lookup_system.program(made.item[0], NULL, &missing), programs[_i].result);
	if (programs[_i].missing == NULL)
		ck_assert_ptr_null(missing);
	else
		ck_assert_str_eq(missing, programs[_i].missing);
	free(missing);
	clear();
}

END_TEST

START_TEST(programs_that_are_none)
{
	char *missing = NULL;

	ck_assert_int_eq(lookup_system.program("/nonexistent", NULL, &missing), -ENOENT);
	ck_assert_int_eq(lookup_system.program("/", NULL, &missing), -EISDIR);
	ck_assert_int_eq(lookup_system.program("/dev/null", NULL, &missing), -EACCES);
	ck_assert_int_eq(lookup_system.program("/dev/null/x", NULL, &missing), -ENOTDIR);
	ck_assert_ptr_null(missing);
}

END_TEST

/* A link to /inside means the file in the new root, and .. does not leave it. */
START_TEST(paths_are_seen_from_below_the_new_root)
{
	char *missing = NULL;

	start();
	put("inside", 0755, "\177ELF");
	put("script", 0755, "#!/bin/sh\n");
	char *link = mem_format("%s/link", dir);
	ck_assert_int_eq(symlink("/inside", link), 0);
	strings_take(&made, link);
	ck_assert_int_eq(lookup_system.program("/inside", dir, &missing), 0);
	ck_assert_int_eq(lookup_system.program("/link", dir, &missing), 0);
	ck_assert_int_eq(lookup_system.program("/../../bin/sh", dir, &missing), -ENOENT);
	ck_assert_ptr_null(missing);
	ck_assert_int_eq(lookup_system.program("/script", dir, &missing), -ENOENT);
	ck_assert_str_eq(missing, "/bin/sh");
	ck_assert_int_eq(lookup_system.directory("/", dir), 0);
	ck_assert_int_eq(lookup_system.directory("/tmp", dir), -ENOENT);
	ck_assert_int_eq(lookup_system.directory("/inside", dir), -ENOTDIR);
	free(missing);
	clear();
}

END_TEST

START_TEST(users_and_groups_are_found_by_name_and_number)
{
	struct user_entry entry;
	gid_t *list, gid;
	size_t count;

	ck_assert_int_eq(lookup_system.user("root", &entry), 0);
	ck_assert_uint_eq(entry.uid, 0);
	free(entry.name);
	ck_assert_int_eq(lookup_system.user("0", &entry), 0);
	ck_assert_str_eq(entry.name, "root");
	free(entry.name);
	ck_assert_int_eq(lookup_system.user("0day", &entry), -ENOENT);
	ck_assert_int_eq(lookup_system.user("4294967295", &entry), -ENOENT);
	ck_assert_int_eq(lookup_system.user("", &entry), -ENOENT);
	ck_assert_int_eq(lookup_system.group("4711", &gid), 0);
	ck_assert_uint_eq(gid, 4711);
	ck_assert_int_eq(lookup_system.group("no such group", &gid), -ENOENT);
	ck_assert_int_eq(lookup_system.groups("root", 0, &list, &count), 0);
	ck_assert_uint_ge(count, 1);
	free(list);
}

END_TEST

START_TEST(numeric_hosts_resolve_and_invalid_ones_do_not)
{
	struct addr *list = NULL;
	size_t count = 0;

	ck_assert_int_eq(lookup_system.host("127.0.0.1", &list, &count), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(addr_family(&list[0]), AF_INET);
	free(list);
	ck_assert_int_lt(lookup_system.host("nix.invalid", &list, &count), 0);
	ck_assert_int_eq(lookup_system.port("no-such-port", "tcp"), -ENOENT);
}

END_TEST

int
main(void)
{
	const struct suite_test tests[] = {
		TEST_LOOP(programs_are_what_can_be_executed, (int)ARRAY_LEN(programs)),
		TEST(programs_that_are_none),
		TEST(paths_are_seen_from_below_the_new_root),
		TEST(users_and_groups_are_found_by_name_and_number),
		TEST(numeric_hosts_resolve_and_invalid_ones_do_not),
	};

	return run_suite("lookup", tests, ARRAY_LEN(tests));
}
