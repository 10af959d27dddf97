/* SPDX-License-Identifier: MIT */
/* What every test program's main would otherwise repeat. */
#ifndef UNIT_SUITE_H
#define UNIT_SUITE_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
# define SUITE_IS_SANITIZED 1
#elif defined(__has_feature)
# if __has_feature(address_sanitizer)
#  define SUITE_IS_SANITIZED 1
# endif
#endif
#ifndef SUITE_IS_SANITIZED
# define SUITE_IS_SANITIZED 0
#endif

struct suite_test {
	const char *name;
	const TTest *const *test;
	int loops; /* 0: once; n: with _i from 0 to n - 1 */
};

#define TEST(fn) \
 {               \
#  fn, &fn, 0    \
 }
#define TEST_LOOP(fn, n) \
 {                       \
#  fn, &fn, (n)          \
 }

/* Runs the tests, each a case of its own, and returns main's exit status. Print mode, forking, the one case to run and
 * the time limit come from Check's environment variables; without CK_DEFAULT_TIMEOUT the limit is one that the slow
 * builds (sanitizers, valgrind) keep too. */
int run_suite(const char *suite, const struct suite_test *tests, size_t count);

/* valgrind keeps limits of descriptors by itself, and not for those that come over a socket. */
bool suite_is_valgrind(void);

/* Says that a test cannot run here, and appends it to the file named by PORTER_SKIPS. The caller then returns. */
void test_skip(const char *test, const char *reason);

#endif
