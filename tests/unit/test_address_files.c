/* SPDX-License-Identifier: MIT */
#include "run/address_files.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/address_file.h"
#include "suite.h"

static const struct trust anybody;

static struct addr
address(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, text, 0), 0);
	return a;
}

static void
write_list(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
}

/* What somebody would find who loads a configuration now. */
static struct ip_set *
known_now(const struct address_files *f, const char *path)
{
	struct address_snapshot *s = address_snapshot_new(f);
	struct ip_set *set = address_snapshot_find(s, path);

	address_snapshot_free(s);
	return set;
}

/* Who loads the configuration again need not read what is there already. */
START_TEST(a_file_that_did_not_change_is_known)
{
	char path[] = "/tmp/address-file-XXXXXX", why[256];
	struct loop *loop = loop_new();
	struct address_files *f = address_files_new(loop, &anybody);
	struct ip_set *loaded, *known;
	int fd = mkostemp(path, O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	close(fd);
	write_list(path, "192.0.2.1\n");
	ck_assert_int_eq(address_file_read(&loaded, path, &anybody, why), 0);
	ck_assert_ptr_null(known_now(f, path));
	struct address_file *file = address_files_use(f, path, loaded);
	/* It was written a moment ago: it may have been changed since it was read. */
	ck_assert_ptr_null(known_now(f, path));
	while ((known = known_now(f, path)) == NULL)
		loop_turn(loop, 1000);
	ck_assert_ptr_eq(known, address_file_set(file));
	ip_set_unref(known);
	write_list(path, "192.0.2.1\n192.0.2.300\n");
	ck_assert_ptr_null(known_now(f, path));
	/* It is refused, and what it held before is not what it holds. */
	for (int i = 0; i < 10; i++)
		loop_turn(loop, 100);
	ck_assert_ptr_null(known_now(f, path));
	ck_assert_uint_eq(ip_set_ranges(address_file_set(file)), 1);
	address_files_leave(f, file);
	address_files_free(f);
	ip_set_unref(loaded);
	loop_free(loop);
	unlink(path);
}

END_TEST

/* Too long to be read by the daemon itself. */
static void
write_long(const char *path, unsigned third)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	for (unsigned i = 0; i < 8192; i++)
		fprintf(f, "10.%u.%u.%u\n", third, i >> 7, (i << 1 & 0xff) | 1);
	ck_assert_int_eq(fclose(f), 0);
}

/* One child at a time; who is left while it reads is not missed. */
START_TEST(long_files_are_read_one_after_the_other)
{
	char paths[3][32];
	struct loop *loop = loop_new();
	struct address_files *f = address_files_new(loop, &anybody);
	struct address_file *file[3];

	for (unsigned i = 0; i < 3; i++) {
		snprintf(paths[i], sizeof(paths[i]), "/tmp/address-file-XXXXXX");
		close(mkostemp(paths[i], O_CLOEXEC));
		write_long(paths[i], i);
		file[i] = address_files_use(f, paths[i], NULL);
	}
	/* The one that was named last is the first. */
	loop_turn(loop, 1000);
	address_files_leave(f, file[2]);
	for (unsigned i = 0; i < 2; i++) {
		while (ip_set_ranges(address_file_set(file[i])) == 0)
			loop_turn(loop, 1000);
		ck_assert_uint_eq(ip_set_ranges(address_file_set(file[i])), 8192);
	}
	write_long(paths[0], 9);
	loop_turn(loop, 1000);
	loop_turn(loop, 1000);
	address_files_leave(f, file[0]);
	address_files_leave(f, file[1]);
	address_files_free(f);
	loop_free(loop);
	for (unsigned i = 0; i < 3; i++)
		unlink(paths[i]);
}

END_TEST

START_TEST(a_set_goes_through_memory)
{
	struct prefix list[3];
	struct addr in[] = { address("192.0.2.7"), address("2001:db8::7"), address("10.0.0.1") };
	struct addr out = address("192.0.2.128");
	int fd = memfd_create("test", MFD_CLOEXEC);
	struct ip_set *set, *copy;
	const char before[] = "1234567";

	prefix_parse(&list[0], "192.0.2.0/25", NULL);
	prefix_parse(&list[1], "2001:db8::/64", NULL);
	prefix_parse(&list[2], "10.0.0.1", NULL);
	set = ip_set_new(list, 3);
	ck_assert_int_eq(write(fd, before, sizeof(before)), sizeof(before));
	ck_assert_int_eq(ip_set_save(set, fd), 0);
	copy = ip_set_map(fd, sizeof(before));
	ck_assert_ptr_nonnull(copy);
	ck_assert(ip_set_equal(set, copy));
	for (size_t i = 0; i < 3; i++)
		ck_assert(ip_set_has(copy, &in[i]));
	ck_assert(!ip_set_has(copy, &out));
	ip_set_unref(copy);
	/* Cut short. */
	struct stat st;
	ck_assert_int_eq(fstat(fd, &st), 0);
	for (off_t size = st.st_size - 1; size >= 0; size--) {
		ck_assert_int_eq(ftruncate(fd, size), 0);
		ck_assert_ptr_null(ip_set_map(fd, sizeof(before)));
	}
	ip_set_unref(set);
	close(fd);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST(a_file_that_did_not_change_is_known),
		TEST(long_files_are_read_one_after_the_other),
		TEST(a_set_goes_through_memory),
	};

	return run_suite("address_files", tests, ARRAY_LEN(tests));
}
