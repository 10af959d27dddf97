/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "control/pidfile.h"
#include "suite.h"

static char directory[64], path[96], other[96];

/* A directory of its own for each test; with CK_FORK=no several follow one another. */
static void
make_directory(void)
{
	snprintf(directory, sizeof(directory), "/tmp/pidfile.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/pid", directory);
	snprintf(other, sizeof(other), "%s/other", directory);
}

static void
remove_directory(void)
{
	unlink(path);
	unlink(other);
	rmdir(directory);
}

static void
put(const char *where, const char *text)
{
	FILE *f = fopen(where, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

START_TEST(holds_the_pid_and_goes_with_the_daemon)
{
	int fd;

	make_directory();
	fd = pidfile_open(path);
	ck_assert_int_ge(fd, 64);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(pidfile_write(fd, 4711), 0);
	ck_assert_int_eq(pidfile_read(path), 4711);
	pidfile_remove(fd, path);
	ck_assert_int_lt(access(path, F_OK), 0);
	remove_directory();
}

END_TEST

START_TEST(f2_second_instance_is_refused_and_changes_nothing)
{
	int fd;

	make_directory();
	fd = pidfile_open(path);
	ck_assert_int_eq(pidfile_write(fd, 4711), 0);
	ck_assert_int_eq(pidfile_open(path), -EWOULDBLOCK);
	ck_assert_int_eq(pidfile_read(path), 4711);
	pidfile_remove(fd, path);
	remove_directory();
}

END_TEST

START_TEST(f1_stale_file_of_a_dead_daemon_is_taken_over)
{
	int fd;

	make_directory();
	put(path, "99999999\n");
	fd = pidfile_open(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pidfile_write(fd, 1), 0);
	ck_assert_int_eq(pidfile_read(path), 1);
	pidfile_remove(fd, path);
	remove_directory();
}

END_TEST

START_TEST(f1_symbolic_link_is_refused)
{
	make_directory();
	put(other, "precious\n");
	ck_assert_int_eq(symlink(other, path), 0);
	ck_assert_int_eq(pidfile_open(path), -ELOOP);
	remove_directory();
}

END_TEST

START_TEST(f1_hard_link_is_refused)
{
	make_directory();
	put(other, "precious\n");
	ck_assert_int_eq(link(other, path), 0);
	ck_assert_int_eq(pidfile_open(path), -EMLINK);
	remove_directory();
}

END_TEST

START_TEST(f1_fifo_and_directory_are_refused)
{
	make_directory();
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(pidfile_open(path), -EINVAL);
	ck_assert_int_eq(pidfile_open(directory), -EISDIR);
	remove_directory();
}

END_TEST

START_TEST(f1_file_of_another_user_is_refused)
{
	if (geteuid() != 0) {
		test_skip("f1_file_of_another_user_is_refused", "not root");
		return;
	}
	make_directory();
	put(path, "1\n");
	ck_assert_int_eq(chown(path, 65534, 65534), 0);
	ck_assert_int_eq(pidfile_open(path), -EPERM);
	remove_directory();
}

END_TEST

START_TEST(a_file_put_in_its_place_is_left_alone)
{
	int fd;

	make_directory();
	fd = pidfile_open(path);
	ck_assert_int_eq(rename(path, other), 0);
	put(path, "5\n");
	pidfile_remove(fd, path);
	ck_assert_int_eq(pidfile_read(path), 5);
	remove_directory();
}

END_TEST

START_TEST(what_is_no_number_is_no_pid)
{
	make_directory();
	ck_assert_int_eq(pidfile_read(path), 0);
	put(path, "nonsense\n");
	ck_assert_int_eq(pidfile_read(path), 0);
	put(path, "-7\n");
	ck_assert_int_eq(pidfile_read(path), 0);
	pidfile_remove(-1, path);
	remove_directory();
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST(holds_the_pid_and_goes_with_the_daemon),
		TEST(f2_second_instance_is_refused_and_changes_nothing),
		TEST(f1_stale_file_of_a_dead_daemon_is_taken_over),
		TEST(f1_symbolic_link_is_refused),
		TEST(f1_hard_link_is_refused),
		TEST(f1_fifo_and_directory_are_refused),
		TEST(f1_file_of_another_user_is_refused),
		TEST(a_file_put_in_its_place_is_left_alone),
		TEST(what_is_no_number_is_no_pid),
	};

	return run_suite("pidfile", tests, ARRAY_LEN(tests));
}
