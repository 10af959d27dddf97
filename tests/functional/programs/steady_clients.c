/* SPDX-License-Identifier: MIT */
/* Clients of several line echoes at once, which come at a fixed rate, whatever becomes of those before them.
 *   steady_clients [-c AT_A_TIME | -r RATE] [-s SECONDS] NAME=KIND:ADDRESS[/HELD]...
 * KIND is tcp (ADDRESS: a port on loopback), udp (the same; the answer may have a word in front) or unix (a path). RATE: of
 * all together, a second; the targets take turns. AT_A_TIME instead: so many, each of which comes as soon as another
 * has left. Neither: none come. HELD: so many sessions of a target are open from the start to the end, and say a
 * line now and then.
 *
 * A session is right if each of its lines comes back as it was, and then, once the client has said that no more come, the
 * end: no reset, nothing before or after it. One in 32 of those who come at a rate stays for a while between its lines.
 *
 * On SIGTERM or after SECONDS nobody comes any more, and those who are there finish; those who are held say one more
 * line. Prints a line "NAME connections failures" for each target, and at the end "all connections failures
 * rate=N p50_ms=N p99_ms=N max_ms=N late=N": the time from connect to the first answer, and how many came later than they
 * should because SESSIONS were there. Exit status 0 if all were right. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define TARGETS     32
#define SESSIONS    900
#define SOURCES     64 /* 127.0.1.1 and following: each has its own ports */
#define LINE_SIZE   64 /* with the newline */
#define ANSWER_SIZE 100
#define LINES       3
#define SECOND      1000000000
#define STAY_NS     (SECOND / 10)
#define PATIENCE_NS (INT64_C(20) * SECOND) /* for an answer */
#define TOLD        20                     /* so many failures are described */
#define WAITS       4000000

enum kind { TCP, UDP, UNIX, KINDS };

static const char *const kinds[KINDS] = { "tcp", "udp", "unix" };

struct target {
	char name[64];
	enum kind kind;
	struct sockaddr_in in;
	struct sockaddr_un un;
	unsigned held;
	unsigned long right, wrong;
};

enum state { FREE, CONNECTING, TALKING, STAYING, ENDING };

struct session {
	int fd;
	enum state state;
	struct target *target;
	unsigned long number;
	unsigned lines_left;
	bool is_held, stays, has_answer;
	int64_t begun_ns, since_ns; /* since: of the present state */
	size_t received;
	char line[LINE_SIZE + 1], answer[ANSWER_SIZE];
	TAILQ_ENTRY(session) link; /* in free, or in staying, by since_ns */
};

TAILQ_HEAD(session_list, session);

static struct {
	int epoll;
	struct target target[TARGETS];
	unsigned targets, turn;
	struct session session[SESSIONS];
	struct session_list free, staying;
	unsigned running, at_a_time;
	long rate;
	unsigned long begun, late, ended, failures;
	int64_t start_ns, end_ns;
	int32_t *waits_us;
	unsigned long waits;
} all = {
	.free = TAILQ_HEAD_INITIALIZER(all.free),
	.staying = TAILQ_HEAD_INITIALIZER(all.staying),
};

static volatile sig_atomic_t is_ending;

static void
on_end(int signo)
{
	(void)signo;
	is_ending = 1;
}

static _Noreturn void
give_up(const char *what)
{
	perror(what);
	exit(2);
}

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

static void
leave(struct session *s)
{
	if (s->state == STAYING)
		TAILQ_REMOVE(&all.staying, s, link);
	close(s->fd);
	s->state = FREE;
	TAILQ_INSERT_TAIL(&all.free, s, link);
	all.running--;
	all.ended++;
}

static void
fail(struct session *s, const char *what, int error)
{
	static const char *const doing[] = { "", "connecting", "talking", "staying", "ending" };
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	if (all.failures++ < TOLD)
		fprintf(stderr,
		    "%lld.%03ld %s: %sconnection %lu, %s for %lld ms, after %lld ms: %s%s%s\n",
		    (long long)wall.tv_sec, wall.tv_nsec / 1000000, s->target->name,
		    s->is_held ? "held " : "", s->number, doing[s->state],
		    (long long)(now_ns() - s->since_ns) / 1000000,
		    (long long)(now_ns() - s->begun_ns) / 1000000, what, error != 0 ? ": " : "",
		    error != 0 ? strerror(error) : "");
	s->target->wrong++;
	leave(s);
}

static void
enter(struct session *s, enum state state)
{
	if (s->state == STAYING)
		TAILQ_REMOVE(&all.staying, s, link);
	s->state = state;
	s->since_ns = now_ns();
	if (state == STAYING)
		TAILQ_INSERT_TAIL(&all.staying, s, link);
}

static void
watch(struct session *s, int operation, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = s };

	if (epoll_ctl(all.epoll, operation, s->fd, &event) < 0)
		give_up("epoll_ctl");
}

static void
say_line(struct session *s)
{
	s->received = 0;
	snprintf(s->line, sizeof(s->line), "%-*lu\n", LINE_SIZE - 1,
	    s->number * 1000 + s->lines_left % 1000);
	enter(s, TALKING);
	if (send(s->fd, s->line, LINE_SIZE, MSG_NOSIGNAL) != LINE_SIZE)
		fail(s, "send", errno);
}

static int
open_socket(const struct session *s)
{
	const struct target *t = s->target;
	int type = t->kind == UDP ? SOCK_DGRAM : SOCK_STREAM;
	const struct sockaddr_in from = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(0x7f000101u + (uint32_t)(s->number % SOURCES)),
	};
	const int on = 1;
	int fd = socket(t->kind == UNIX ? AF_UNIX : AF_INET, type | SOCK_NONBLOCK, 0);

	if (fd < 0)
		give_up("socket");
	if (t->kind != TCP)
		return fd;
	/* The port is chosen by connect then, among those that are free towards this address. */
	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) < 0 ||
	    bind(fd, (const struct sockaddr *)&from, sizeof(from)) < 0)
		give_up("bind");
	return fd;
}

static void
begin(struct target *t, bool is_held)
{
	struct session *s = TAILQ_FIRST(&all.free);
	int r;

	TAILQ_REMOVE(&all.free, s, link);
	all.running++;
	s->target = t;
	s->number = ++all.begun;
	s->is_held = is_held;
	s->stays = is_held || (all.rate > 0 && s->number / all.targets % 32 == 0);
	s->lines_left = t->kind == UDP ? 1 : LINES;
	s->has_answer = false;
	s->begun_ns = now_ns();
	s->fd = open_socket(s);
	enter(s, CONNECTING);
	if (t->kind == UNIX)
		r = connect(s->fd, (const struct sockaddr *)&t->un, sizeof(t->un));
	else
		r = connect(s->fd, (const struct sockaddr *)&t->in, sizeof(t->in));
	watch(s, EPOLL_CTL_ADD, EPOLLOUT);
	if (r < 0 && errno != EINPROGRESS)
		fail(s, "connect", errno);
}

static void
on_connected(struct session *s)
{
	int error = 0;
	socklen_t len = sizeof(error);

	getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error != 0) {
		fail(s, "connect", error);
		return;
	}
	watch(s, EPOLL_CTL_MOD, EPOLLIN);
	say_line(s);
}

static void
note_wait(struct session *s)
{
	if (!s->has_answer && all.waits < WAITS)
		all.waits_us[all.waits++] = (int32_t)((now_ns() - s->begun_ns) / 1000);
	s->has_answer = true;
}

static void
succeed(struct session *s)
{
	s->target->right++;
	leave(s);
}

static void
end_line(struct session *s)
{
	size_t front = s->received - LINE_SIZE;

	if (memcmp(s->answer + front, s->line, LINE_SIZE) != 0) {
		fail(s, "the answer is another", 0);
		return;
	}
	note_wait(s);
	/* One that is held has its last line when all end. */
	if (!s->is_held || s->lines_left > LINES || is_ending)
		s->lines_left--;
	if (s->target->kind == UDP) {
		succeed(s);
	} else if (s->lines_left == 0) {
		enter(s, ENDING);
		if (shutdown(s->fd, SHUT_WR) < 0)
			fail(s, "shutdown", errno);
	} else if (s->stays) {
		enter(s, STAYING);
	} else {
		say_line(s);
	}
}

static void
on_readable(struct session *s)
{
	size_t most = s->target->kind == UDP ? ANSWER_SIZE : LINE_SIZE;
	ssize_t n = recv(s->fd, s->answer + s->received, most - s->received, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0)
		fail(s, "recv", errno);
	else if (s->state == ENDING && n == 0)
		succeed(s);
	else if (n == 0)
		fail(s, "cut", 0);
	else if (s->state != TALKING)
		fail(s, "more than was asked for", 0);
	else if ((s->received += (size_t)n) >= LINE_SIZE)
		end_line(s);
	else if (s->target->kind == UDP)
		fail(s, "the answer is too short", 0);
}

static void
on_event(struct session *s)
{
	if (s->state == CONNECTING)
		on_connected(s);
	else if (s->state != FREE)
		on_readable(s);
}

static struct target *
next_target(void)
{
	return &all.target[all.turn++ % all.targets];
}

/* Returns the milliseconds until somebody else comes, at most a tenth of a second. */
static int
let_come(void)
{
	static unsigned long come;
	int64_t now = now_ns(), due = now + STAY_NS;

	while (!is_ending && all.at_a_time > 0 && all.running < all.at_a_time)
		begin(next_target(), false);
	while (!is_ending && all.rate > 0) {
		due = all.start_ns + (int64_t)come * SECOND / all.rate;
		if (due > now)
			break;
		if (TAILQ_EMPTY(&all.free)) {
			all.late++;
			break;
		}
		begin(next_target(), false);
		come++;
	}
	if (due > now + STAY_NS)
		due = now + STAY_NS;
	return due > now ? (int)((due - now + 999999) / 1000000) : 1;
}

static void
let_speak(void)
{
	int64_t now = now_ns();
	struct session *s;

	while ((s = TAILQ_FIRST(&all.staying)) != NULL &&
	       (s->since_ns + STAY_NS <= now || is_ending)) {
		if (is_ending)
			s->lines_left = 1;
		say_line(s);
	}
}

static void
give_up_waiting(void)
{
	static int64_t last;
	int64_t now = now_ns();

	if (now - last < SECOND)
		return;
	last = now;
	for (unsigned i = 0; i < SESSIONS; i++) {
		struct session *s = &all.session[i];

		if (s->state != FREE && s->state != STAYING && now - s->since_ns > PATIENCE_NS)
			fail(s, "nothing came", 0);
	}
}

static void
run(void)
{
	struct epoll_event events[64];

	for (unsigned i = 0; i < all.targets; i++)
		for (unsigned n = 0; n < all.target[i].held; n++)
			begin(&all.target[i], true);
	while (!is_ending || all.running > 0) {
		int patience_ms = let_come();
		int n = epoll_wait(all.epoll, events, 64,
		    TAILQ_EMPTY(&all.staying) || patience_ms < 10 ? patience_ms : 10);

		for (int i = 0; i < n; i++)
			on_event(events[i].data.ptr);
		let_speak();
		give_up_waiting();
	}
}

/* False: the text is none. */
static bool
take_target(char *text)
{
	struct target *t = &all.target[all.targets];
	char *kind = strchr(text, '='), *address = kind != NULL ? strchr(kind, ':') : NULL;
	char *held = address != NULL ? strrchr(address, '/') : NULL;

	if (address == NULL || all.targets == TARGETS)
		return false;
	*kind++ = *address++ = '\0';
	while (t->kind < KINDS && strcmp(kinds[t->kind], kind) != 0)
		t->kind++;
	if (t->kind == KINDS)
		return false;
	/* A path has slashes, too. */
	if (held != NULL && held[1] != '\0' && held[strspn(held + 1, "0123456789") + 1] == '\0') {
		*held = '\0';
		t->held = (unsigned)atoi(held + 1);
	}
	snprintf(t->name, sizeof(t->name), "%s", text);
	t->in = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(address)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	t->un.sun_family = AF_UNIX;
	snprintf(t->un.sun_path, sizeof(t->un.sun_path), "%s", address);
	all.targets++;
	return true;
}

static bool
take_arguments(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "c:r:s:")) != -1) {
		if (option == 'c')
			all.at_a_time = (unsigned)atoi(optarg);
		else if (option == 'r')
			all.rate = atol(optarg);
		else if (option == 's')
			alarm((unsigned)atoi(optarg));
		else
			return false;
	}
	for (; optind < argc; optind++)
		if (!take_target(argv[optind]))
			return false;
	return all.targets > 0 && all.at_a_time < SESSIONS;
}

static int
compare(const void *x, const void *y)
{
	int32_t a = *(const int32_t *)x, b = *(const int32_t *)y;

	return (a > b) - (a < b);
}

static double
percentile_ms(unsigned long percent)
{
	return all.waits == 0 ? 0 : (double)all.waits_us[(all.waits - 1) * percent / 100] / 1000;
}

static void
print_result(void)
{
	double seconds = (double)(now_ns() - all.start_ns) / SECOND;

	qsort(all.waits_us, all.waits, sizeof(*all.waits_us), compare);
	for (unsigned i = 0; i < all.targets; i++)
		printf(
		    "%s %lu %lu\n", all.target[i].name, all.target[i].right, all.target[i].wrong);
	printf("all %lu %lu rate=%.0f p50_ms=%.1f p99_ms=%.1f max_ms=%.1f late=%lu\n", all.ended,
	    all.failures, (double)all.ended / seconds, percentile_ms(50), percentile_ms(99),
	    percentile_ms(100), all.late);
}

int
main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_end };

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	if (!take_arguments(argc, argv))
		return 2;
	for (unsigned i = 0; i < SESSIONS; i++)
		TAILQ_INSERT_TAIL(&all.free, &all.session[i], link);
	all.waits_us = calloc(WAITS, sizeof(*all.waits_us));
	all.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (all.waits_us == NULL || all.epoll < 0)
		give_up("begin");
	all.start_ns = now_ns();
	run();
	print_result();
	return all.failures != 0;
}
