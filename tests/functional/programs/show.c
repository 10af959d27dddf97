/* SPDX-License-Identifier: MIT */
/* Prints what porterd gave this program, one "key value" a line, to standard output. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

extern char **environ;

static const struct {
	const char *name;
	int resource;
} limits[] = {
	{ "as", RLIMIT_AS },
	{ "core", RLIMIT_CORE },
	{ "cpu", RLIMIT_CPU },
	{ "data", RLIMIT_DATA },
	{ "fsize", RLIMIT_FSIZE },
	{ "nofile", RLIMIT_NOFILE },
	{ "nproc", RLIMIT_NPROC },
	{ "rss", RLIMIT_RSS },
	{ "stack", RLIMIT_STACK },
};

static void
show_descriptors(void)
{
	char path[64], target[512];
	struct dirent *entry;
	DIR *dir = opendir("/proc/self/fd");

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		int fd = atoi(entry->d_name);

		if (entry->d_name[0] == '.' || fd == dirfd(dir))
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		ssize_t n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		printf("fd %d %s\n", fd, target);
		printf("flags %d %d\n", fd, fcntl(fd, F_GETFL));
	}
	if (dir != NULL)
		closedir(dir);
}

/* "Name:<tab>value" of /proc/self/status as "status Name value". */
static void
show_status(void)
{
	static const char *const wanted[] = { "Sig", "Shd", "Cap", "Groups", "NoNewPrivs",
		"Seccomp", "Threads" };
	char line[8192];
	FILE *f = fopen("/proc/self/status", "re");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		char *colon = strchr(line, ':');

		if (colon == NULL)
			continue;
		*colon++ = '\0';
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
			if (strncmp(line, wanted[i], strlen(wanted[i])) == 0) {
				printf("status %s %s", line, colon + strspn(colon, " \t"));
				break;
			}
	}
	if (f != NULL)
		fclose(f);
}

static void
show_ids(void)
{
	gid_t groups[256];
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	getresuid(&ruid, &euid, &suid);
	getresgid(&rgid, &egid, &sgid);
	printf("uid %u %u %u\ngid %u %u %u\n", ruid, euid, suid, rgid, egid, sgid);
	int count = getgroups(256, groups);
	printf("groups");
	for (int i = 0; i < count; i++)
		printf(" %u", groups[i]);
	printf(" .\n");
	printf("pid %d\nppid %d\nsid %d\npgid %d\n", getpid(), getppid(), getsid(0), getpgrp());
	printf("regain %s\n", euid != 0 && setuid(0) == 0 ? "root" : "no");
}

static void
show_file(const char *name, const char *path)
{
	char text[64] = "";
	FILE *f = fopen(path, "re");

	if (f != NULL && fgets(text, sizeof(text), f) != NULL)
		text[strcspn(text, "\n")] = '\0';
	if (f != NULL)
		fclose(f);
	printf("%s %s\n", name, text);
}

static void
show_surroundings(void)
{
	char cwd[4096];
	int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	mode_t mask = umask(0);

	printf("umask %04o\n", mask);
	printf("cwd %s\n", getcwd(cwd, sizeof(cwd)) != NULL ? cwd : strerror(errno));
	printf("tty %s\n", tty >= 0 ? "yes" : "none");
	if (tty >= 0)
		close(tty);
	errno = 0;
	int nice_value = getpriority(PRIO_PROCESS, 0);
	printf("nice %d\n", nice_value);
	printf("personality %d\n", personality(0xffffffff));
	show_file("oom_score_adj", "/proc/self/oom_score_adj");
	printf("root %s\n", access("/etc/passwd", F_OK) == 0 ? "whole" : "changed");
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rlimit limit;

		getrlimit((__rlimit_resource_t)limits[i].resource, &limit);
		printf("limit %s %lld %lld\n", limits[i].name, (long long)limit.rlim_cur,
		    (long long)limit.rlim_max);
	}
}

int
main(int argc, char **argv)
{
	/* The descriptors first, before anything of ours is open. */
	show_descriptors();
	printf("argc %d\n", argc);
	for (int i = 0; i < argc; i++)
		printf("argv %d %s\n", i, argv[i]);
	for (char **e = environ; *e != NULL; e++) {
		size_t len = strcspn(*e, "=");

		printf("env %.*s %s\n", (int)len, *e, (*e)[len] == '=' ? *e + len + 1 : "");
	}
	printf("environment");
	for (char **e = environ; *e != NULL; e++)
		printf(" %.*s", (int)strcspn(*e, "="), *e);
	printf("\n");
	show_status();
	show_ids();
	show_surroundings();
	printf("end .\n");
	return fflush(stdout) == 0 ? 0 : 1;
}
