/* SPDX-License-Identifier: MIT */
/* Yardsticks: what the same thing costs with nothing around it, no rules, no log, no care for what fails.
 *   bare passing PORT WORKERS    one process accepts and passes each connection to a free worker
 *   bare shared PORT WORKERS     the workers accept on one listening socket
 *   bare refuse [OPTION...] PORT
 *                                accepts and closes
 *   bare fork|vfork|files|spawn-shared [OPTION...] PORT PROGRAM [ARGUMENT...]
 *                                starts a program for each connection, which is its 0, 1 and 2
 * fork and vfork are what they say. files: a fork that shares the table of descriptors, of which the child then takes
 * a small copy. spawn-shared: the memory is shared as well, as with vfork, but nobody waits for the exec.
 * All are reaped by waitpid of any child, as textbooks have it: the kernel looks at all that run, so it costs more
 * the more there are.
 *
 * It listens on 127.0.0.1. With PORT 0 the kernel chooses one, and it is printed when it listens. SIGTERM ends it.
 *   -u USER   the programs run as that user of /etc/passwd, in its own group alone
 *   -p N      N processes accept on the listener (1)
 *   -k N      keeps N other descriptors open (0)
 *   -e        ends when standard input ends, too */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "bare/common.h"
#include "bare/start.h"
#include "bare/workers.h"

struct bare {
	const struct way *way;
	uint16_t port;
	unsigned workers, processes, kept;
	bool is_ended_by_input;
	struct program program;
	int listener, signals;
};

struct way {
	const char *name;
	void (*serve)(const struct bare *b);
	start_fn *start;
};

/* To a high place, so that connections have low ones. */
static int
lift(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, KEPT_FIRST);

	if (fd < 0 || high < 0)
		give_up("descriptor");
	close(fd);
	return high;
}

static void
open_listener(struct bare *b, int flags)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_port = htons(b->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(at);
	const int on = 1;

	b->listener = lift(socket(AF_INET, SOCK_STREAM | flags, 0));
	if (setsockopt(b->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(b->listener, (const struct sockaddr *)&at, len) < 0 ||
	    listen(b->listener, SOMAXCONN) < 0 ||
	    getsockname(b->listener, (struct sockaddr *)&at, &len) < 0)
		give_up("listen");
	if (b->port == 0) {
		printf("%u\n", ntohs(at.sin_port));
		fflush(stdout);
	}
}

static void
keep_descriptors(unsigned count)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		give_up("getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		give_up("setrlimit");
	while (count-- > 0)
		lift(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

/* A process of its own looks at standard input, so that no loop has to. */
static void
end_with_input(void)
{
	char byte;

	if (fork_or_give_up() != 0)
		return;
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	kill(getppid(), SIGTERM);
	_exit(0);
}

static void
serve_passing(const struct bare *b)
{
	workers_pass(b->listener, b->workers);
}

static void
serve_sharing(const struct bare *b)
{
	workers_share(b->listener, b->workers);
}

static void
serve_refusing(const struct bare *b)
{
	int fd;

	while ((fd = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		close(fd);
	give_up("accept4");
}

static void
take_signals(int fd)
{
	struct signalfd_siginfo signals[2];
	ssize_t n = read(fd, signals, sizeof(signals));

	for (ssize_t i = 0; i < n / (ssize_t)sizeof(signals[0]); i++)
		if (signals[i].ssi_signo != SIGCHLD)
			exit(0);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static void
take_connection(const struct bare *b)
{
	int conn = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC);

	/* Another process was quicker. */
	if (conn < 0 && errno == EAGAIN)
		return;
	if (conn < 0 || b->way->start(&b->program, conn) < 0)
		give_up("start");
	close(conn);
}

static void
watch(int epoll, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		give_up("epoll_ctl");
}

static void
serve_starting(const struct bare *b)
{
	struct epoll_event events[2];
	sigset_t all;
	int epoll = lift(epoll_create1(EPOLL_CLOEXEC)), signals, n;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	sigemptyset(&all);
	sigaddset(&all, SIGCHLD);
	sigaddset(&all, SIGTERM);
	sigaddset(&all, SIGINT);
	signals = lift(signalfd(-1, &all, SFD_CLOEXEC));
	watch(epoll, signals, EPOLLIN);
	watch(epoll, b->listener, EPOLLIN | EPOLLEXCLUSIVE);
	for (;;) {
		n = epoll_wait(epoll, events, 2, -1);
		/* EINTR: somebody traces this. */
		if (n < 0 && errno != EINTR)
			give_up("epoll_wait");
		for (int i = 0; i < n; i++)
			if (events[i].data.fd == signals)
				take_signals(signals);
			else
				take_connection(b);
	}
}

static const struct way ways[] = {
	{ "passing", serve_passing, NULL },
	{ "shared", serve_sharing, NULL },
	{ "refuse", serve_refusing, NULL },
	{ "fork", serve_starting, start_by_fork },
	{ "vfork", serve_starting, start_by_vfork },
	{ "files", serve_starting, start_with_files },
	{ "spawn-shared", serve_starting, start_with_shared },
};

/* Of the file itself: a static program can ask no other source. */
static bool
take_user(struct program *p, const char *name)
{
	FILE *f = fopen("/etc/passwd", "re");
	const struct passwd *user;

	if (f == NULL)
		return false;
	while ((user = fgetpwent(f)) != NULL && strcmp(user->pw_name, name) != 0)
		;
	p->has_user = user != NULL;
	if (user != NULL) {
		p->uid = user->pw_uid;
		p->gid = user->pw_gid;
	}
	fclose(f);
	return p->has_user;
}

static bool
take_way(struct bare *b, const char *name)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strcmp(ways[i].name, name) == 0)
			b->way = &ways[i];
	return b->way != NULL;
}

static bool
take_options(struct bare *b, int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "+u:p:k:e")) != -1) {
		if (option == 'u' && !take_user(&b->program, optarg))
			return false;
		if (option == 'p')
			b->processes = (unsigned)atoi(optarg);
		if (option == 'k')
			b->kept = (unsigned)atoi(optarg);
		if (option == 'e')
			b->is_ended_by_input = true;
		if (option == '?')
			return false;
	}
	return optind < argc && b->processes >= 1;
}

/* What stands behind the port. */
static bool
take_rest(struct bare *b, char **rest)
{
	if (b->way->start != NULL) {
		b->program.argv = rest;
		return rest[0] != NULL;
	}
	if (b->way->serve == serve_refusing)
		return rest[0] == NULL;
	b->workers = rest[0] != NULL ? (unsigned)atoi(rest[0]) : 0;
	return b->workers >= 1 && b->workers <= WORKERS_MOST && b->processes == 1;
}

int
main(int argc, char **argv)
{
	struct bare b = { .processes = 1 };

	if (argc < 3 || !take_way(&b, argv[1]) || !take_options(&b, argc - 1, argv + 1))
		return 2;
	argv += optind + 1;
	b.port = (uint16_t)atoi(argv[0]);
	if (!take_rest(&b, argv + 1))
		return 2;
	/* What it was given itself is not for the programs. */
	close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	keep_descriptors(b.kept);
	open_listener(&b, SOCK_CLOEXEC | (b.way->start != NULL ? SOCK_NONBLOCK : 0));
	if (b.is_ended_by_input)
		end_with_input();
	for (unsigned i = 1; i < b.processes; i++)
		if (fork_or_give_up() == 0)
			break;
	b.way->serve(&b);
	return 0;
}
