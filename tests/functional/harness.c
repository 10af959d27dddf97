/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MS      10000
#define ANSWER_SLOW_MS 60000

static char base_directory[PATH_MAX / 4];

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

/* Orphans of failed tests are children of this process. */
static void
end_leftovers(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		pid_t pid = (pid_t)atoi(entry->d_name);

		if (pid > 1 && atoi(process_status(pid, "PPid")) == (int)getpid())
			kill(pid, SIGKILL);
	}
	if (dir != NULL)
		closedir(dir);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

int
run_functional(const char *suite, const struct suite_test *tests, size_t count)
{
	const char *parent = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp";

	snprintf(base_directory, sizeof(base_directory), "%s/porterd-%s.XXXXXX", parent, suite);
	if (mkdtemp(base_directory) == NULL || chmod(base_directory, 0711) < 0) {
		perror(base_directory);
		return EXIT_FAILURE;
	}
	umask(022);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1);

	int status = run_suite(suite, tests, count);
	end_leftovers();
	if (getenv("PORTER_KEEP") == NULL)
		nftw(base_directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	else
		printf("kept %s\n", base_directory);
	return status;
}

const char *
make_directory(void)
{
	const char *path = text_format("%s/XXXXXX", base_directory);
	char *copy = strdup(path);

	ck_assert_ptr_nonnull(copy);
	ck_assert_msg(
	    mkdtemp(copy) != NULL && chmod(copy, 0711) == 0, "%s: %s", copy, strerror(errno));
	path = text_format("%s", copy);
	free(copy);
	return path;
}

int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
deadline_after(void)
{
	const char *own = getenv("PORTER_ANSWER_MS");

	if (own != NULL)
		return now_ms() + atoi(own);
	return now_ms() + (is_slow() ? ANSWER_SLOW_MS : ANSWER_MS);
}

bool
wait_for(int fd, short events, int64_t deadline_ms)
{
	for (;;) {
		struct pollfd pfd = { .fd = fd, .events = events };
		int64_t left = deadline_ms - now_ms();
		int n = poll(&pfd, 1, left > 0 ? (int)left : 0);

		if (n > 0)
			return true;
		if (n == 0)
			return false;
		ck_assert_int_eq(errno, EINTR);
	}
}

void
write_bytes(const char *path, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	ck_assert_msg(write(fd, bytes, len) == (ssize_t)len, "%s: %s", path, strerror(errno));
	close(fd);
}

void
write_file(const char *path, mode_t mode, const char *text)
{
	write_bytes(path, text, strlen(text));
	ck_assert_int_eq(chmod(path, mode), 0);
}

const char *
read_file(const char *path)
{
	static char text[1 << 20];
	size_t len = 0;
	ssize_t n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && (n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	if (fd >= 0)
		close(fd);
	text[len] = '\0';
	return text;
}

void
copy_file(const char *from, const char *to, mode_t mode)
{
	char block[65536];
	ssize_t n;
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_msg(in >= 0, "%s: %s", from, strerror(errno));
	ck_assert_msg(out >= 0, "%s: %s", to, strerror(errno));
	while ((n = read(in, block, sizeof(block))) > 0)
		ck_assert_int_eq(write(out, block, (size_t)n), n);
	ck_assert_int_eq(fchmod(out, mode), 0);
	close(in);
	close(out);
}

bool
path_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

const char *
text_format(const char *format, ...)
{
	static char *texts[64];
	static unsigned next;
	char **text = &texts[next++ % ARRAY_LEN(texts)];
	char *fresh;
	va_list ap;

	va_start(ap, format);
	int len = vasprintf(&fresh, format, ap);
	va_end(ap);
	if (len < 0)
		abort();
	free(*text);
	*text = fresh;
	return fresh;
}

static pid_t
spawn_captured(const char *const *argv, int *out)
{
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		int null = open("/dev/null", O_RDONLY);

		dup2(null, 0);
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		dprintf(2, "%s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	close(fds[1]);
	*out = fds[0];
	return pid;
}

struct run_result
run_command(const char *const *argv)
{
	static char output[4 << 20];
	size_t len = 0;
	ssize_t n = 0;
	int64_t deadline = deadline_after();
	int out;
	pid_t pid = spawn_captured(argv, &out);

	while (wait_for(out, POLLIN, deadline) &&
	       (n = read(out, output + len, sizeof(output) - 1 - len)) > 0)
		len += (size_t)n;
	output[len] = '\0';
	close(out);
	if (now_ms() >= deadline)
		kill(pid, SIGKILL);

	int status = wait_exit(pid);
	return (struct run_result){ .status = WIFEXITED(status) ? WEXITSTATUS(status)
								: 128 + WTERMSIG(status),
		.output = output };
}

const char *
process_status(pid_t pid, const char *name)
{
	char path[64], line[4096];
	const char *value = "";
	size_t len = strlen(name);

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, name, len) != 0 || line[len] != ':')
			continue;
		line[strcspn(line, "\n")] = '\0';
		value = text_format("%s", line + len + 1 + strspn(line + len + 1, " \t"));
		break;
	}
	if (f != NULL)
		fclose(f);
	return value;
}

bool
process_is_gone(pid_t pid)
{
	char state = process_status(pid, "State")[0];

	return state == '\0' || state == 'Z' || state == 'X';
}

void
wait_gone(pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (pidfd < 0) {
		ck_assert_msg(errno == ESRCH || errno == EINVAL, "pidfd_open: %s", strerror(errno));
		return;
	}
	ck_assert_msg(
	    wait_for(pidfd, POLLIN, deadline_after()), "process %d does not end", (int)pid);
	close(pidfd);
}

int
wait_exit(pid_t pid)
{
	int status = 0;

	wait_gone(pid);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

bool
has_child(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

unsigned
count_descriptors(pid_t pid)
{
	char path[64];
	unsigned count = 0;
	struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	DIR *dir = opendir(path);
	ck_assert_msg(dir != NULL, "%s: %s", path, strerror(errno));
	while ((entry = readdir(dir)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

bool
is_slow(void)
{
	return SUITE_IS_SANITIZED || getenv("PORTERD_WRAPPER") != NULL;
}

bool
is_root(void)
{
	return geteuid() == 0;
}

bool
has_ipv6(void)
{
	struct sockaddr_in6 loopback = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool works = fd >= 0 && bind(fd, (struct sockaddr *)&loopback, sizeof(loopback)) == 0;

	if (fd >= 0)
		close(fd);
	return works;
}

const char *
user_name(void)
{
	const struct passwd *pw = getpwuid(geteuid());

	ck_assert_msg(pw != NULL, "uid %d has no name", (int)geteuid());
	return text_format("%s", pw->pw_name);
}
