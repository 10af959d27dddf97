/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "control/pidfile.h"
#include "suite.h"

static char directory[64], path[96], lock_path[104], other[96];

/* A directory of its own for each test; with CK_FORK=no several follow one another. */
static void
make_directory(void)
{
	snprintf(directory, sizeof(directory), "/tmp/pidfile.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/pid", directory);
	snprintf(lock_path, sizeof(lock_path), "%s.lock", path);
	snprintf(other, sizeof(other), "%s/other", directory);
}

/* Everything else is gone already: a lock file that is left would keep it. */
static void
remove_directory(void)
{
	unlink(path);
	unlink(other);
	ck_assert_int_eq(rmdir(directory), 0);
}

static void
put(const char *where, const char *text)
{
	FILE *f = fopen(where, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static mode_t
mode_of(const char *where)
{
	struct stat st;

	ck_assert_int_eq(lstat(where, &st), 0);
	return st.st_mode & 07777;
}

/* Refused, and nothing of it is kept open or left behind. */
static void
expect_refused(const char *where, int error)
{
	struct pidfile p;

	ck_assert_int_eq(pidfile_open(&p, where), -error);
	pidfile_remove(&p);
}

START_TEST(holds_the_pid_and_goes_with_the_daemon)
{
	struct pidfile p;

	make_directory();
	umask(022);
	ck_assert_int_eq(pidfile_open(&p, path), 0);
	ck_assert_int_ge(p.fd, 64);
	ck_assert_int_ge(p.lock_fd, 64);
	ck_assert_int_eq(fcntl(p.fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(p.lock_fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(pidfile_write(&p, 4711), 0);
	ck_assert_int_eq(pidfile_read(path), 4711);
	ck_assert_uint_eq(mode_of(path), 0644);
	ck_assert_uint_eq(mode_of(lock_path), 0600);
	pidfile_remove(&p);
	ck_assert_int_lt(access(path, F_OK), 0);
	ck_assert_int_lt(access(lock_path, F_OK), 0);
	remove_directory();
}

END_TEST

START_TEST(f2_second_instance_is_refused_and_changes_nothing)
{
	struct pidfile p;

	make_directory();
	ck_assert_int_eq(pidfile_open(&p, path), 0);
	ck_assert_int_eq(pidfile_write(&p, 4711), 0);
	expect_refused(path, EWOULDBLOCK);
	ck_assert_int_eq(pidfile_read(path), 4711);
	expect_refused(path, EWOULDBLOCK);
	pidfile_remove(&p);
	ck_assert_int_eq(pidfile_open(&p, path), 0);
	pidfile_remove(&p);
	remove_directory();
}

END_TEST

START_TEST(f1_stale_file_of_a_dead_daemon_is_taken_over)
{
	struct pidfile p;

	make_directory();
	put(path, "99999999\n");
	put(lock_path, "");
	ck_assert_int_eq(pidfile_open(&p, path), 0);
	ck_assert_int_eq(pidfile_write(&p, 1), 0);
	ck_assert_int_eq(pidfile_read(path), 1);
	ck_assert_uint_eq(mode_of(lock_path), 0600);
	pidfile_remove(&p);
	remove_directory();
}

END_TEST

START_TEST(pid_file_that_a_reader_has_locked_does_not_matter)
{
	struct pidfile p;
	int reader;

	make_directory();
	put(path, "99999999\n");
	reader = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(flock(reader, LOCK_EX | LOCK_NB), 0);
	ck_assert_int_eq(pidfile_open(&p, path), 0);
	ck_assert_int_eq(pidfile_write(&p, 4711), 0);
	ck_assert_int_eq(pidfile_read(path), 4711);
	pidfile_remove(&p);
	close(reader);
	remove_directory();
}

END_TEST

/* The pid file, and the lock beside it. */
static char *const both[] = { path, lock_path };

START_TEST(f1_symbolic_link_is_refused)
{
	make_directory();
	put(other, "precious\n");
	ck_assert_int_eq(symlink(other, both[_i]), 0);
	expect_refused(path, ELOOP);
	ck_assert_int_eq(unlink(both[_i]), 0);
	remove_directory();
}

END_TEST

START_TEST(f1_hard_link_is_refused)
{
	make_directory();
	put(other, "precious\n");
	chmod(other, 0644);
	ck_assert_int_eq(link(other, both[_i]), 0);
	expect_refused(path, EMLINK);
	ck_assert_uint_eq(mode_of(other), 0644);
	ck_assert_int_eq(unlink(both[_i]), 0);
	remove_directory();
}

END_TEST

START_TEST(f1_fifo_and_directory_are_refused)
{
	make_directory();
	ck_assert_int_eq(mkfifo(both[_i], 0600), 0);
	expect_refused(path, EINVAL);
	ck_assert_int_eq(unlink(both[_i]), 0);
	ck_assert_int_eq(mkdir(both[_i], 0700), 0);
	expect_refused(path, EISDIR);
	ck_assert_int_eq(rmdir(both[_i]), 0);
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
	put(both[_i], "1\n");
	ck_assert_int_eq(chown(both[_i], 65534, 65534), 0);
	expect_refused(path, EPERM);
	ck_assert_int_eq(unlink(both[_i]), 0);
	remove_directory();
}

END_TEST

START_TEST(error_tells_which_of_the_two_files_it_was)
{
	struct pidfile p;

	make_directory();
	ck_assert_int_eq(mkfifo(both[_i], 0600), 0);
	ck_assert_int_eq(pidfile_open(&p, path), -EINVAL);
	ck_assert_int_lt(p.fd, 0);
	ck_assert_int_eq(p.lock_fd >= 0, _i == 0);
	ck_assert_str_eq(p.lock_path, lock_path);
	pidfile_remove(&p);
	ck_assert_int_eq(unlink(both[_i]), 0);
	remove_directory();
}

END_TEST

START_TEST(a_file_put_in_its_place_is_left_alone)
{
	struct pidfile p;

	make_directory();
	ck_assert_int_eq(pidfile_open(&p, path), 0);
	ck_assert_int_eq(rename(both[_i], other), 0);
	put(both[_i], "5\n");
	pidfile_remove(&p);
	ck_assert_int_eq(pidfile_read(both[_i]), 5);
	ck_assert_int_eq(unlink(both[_i]), 0);
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
	pidfile_remove(NULL);
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
		TEST(pid_file_that_a_reader_has_locked_does_not_matter),
		TEST_LOOP(f1_symbolic_link_is_refused, ARRAY_LEN(both)),
		TEST_LOOP(f1_hard_link_is_refused, ARRAY_LEN(both)),
		TEST_LOOP(f1_fifo_and_directory_are_refused, ARRAY_LEN(both)),
		TEST_LOOP(f1_file_of_another_user_is_refused, ARRAY_LEN(both)),
		TEST_LOOP(error_tells_which_of_the_two_files_it_was, ARRAY_LEN(both)),
		TEST_LOOP(a_file_put_in_its_place_is_left_alone, ARRAY_LEN(both)),
		TEST(what_is_no_number_is_no_pid),
	};

	return run_suite("pidfile", tests, ARRAY_LEN(tests));
}
