/* SPDX-License-Identifier: MIT */
/* A worker of a pool that speaks the protocols by hand, and does wrong what it is told to.
 *   worker PROTOCOL [COMMAND[:ARGUMENT]]...
 * PROTOCOL is porter, untaken (porter without TAKEN), looks (porter with PORTER_LOOKS_FIRST), plain, silent (plain without a byte back), listen (accepts from
 * descriptor 0) or listen_fds (accepts from the sockets that LISTEN_FDS counts). Commands are run before the first
 * connection. On a connection it echoes whatever comes, until its client leaves; a line that is a command is run. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <porter/worker.h>

#define ARRAY_LEN(a)    (sizeof(a) / sizeof((a)[0]))
#define FIRST_LISTEN_FD 3

/* Control space for more descriptors than ever come. */
union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(8 * sizeof(int))];
};

struct protocol {
	const char *name;
	int (*receive)(void); /* a connection; -1: no more will come */
	void (*done)(void);
	void (*send_free)(uint64_t connection); /* one message that says free */
};

static const struct protocol *protocol;
static int connection_fd = -1;
static unsigned served;
static bool looks_first; /* PORTER_LOOKS_FIRST */
static bool is_leaving;  /* stop_signal came, and "graceful" was said */

/* The message that the present connection came with. */
static union {
	struct porter_header header;
	char bytes[1024];
} message;

static ssize_t message_size;

/* What is to be done wrong later. */
static struct {
	bool dies_taking, is_deaf, quits, passes_back, claims_more;
	int status;
	char result[PORTER_RESULT_SIZE + 1];
} next;

/* ---- messages ---- */

/* With descriptor fd, if it is not -1. */
static void
send_message(const void *data, size_t size, int fd)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = size };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control;

	if (fd >= 0) {
		memset(&control, 0, sizeof(control));
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
	}
	/* From Linux 6.16 on the other end may refuse descriptors, and the message with them. */
	if (sendmsg(PORTER_CHANNEL, &m, MSG_NOSIGNAL) < 0 && errno == EPERM && fd >= 0)
		send_message(data, size, -1);
}

/* The descriptor that came with it is in *fd, -1 if there is none. *flags: MSG_PEEK or 0; then those of recvmsg(2). */
static ssize_t
receive_message(void *data, size_t size, int *fd, int *flags)
{
	/* One that looks first leaves the message where it is. */
	int how = *flags;
	struct iovec iov = { .iov_base = data, .iov_len = size };
	union control control;
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n;

	*fd = -1;
	while ((n = recvmsg(PORTER_CHANNEL, &m, MSG_CMSG_CLOEXEC | how)) < 0 && errno == EINTR)
		;
	*flags = m.msg_flags;
	for (struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL; c != NULL;
	     c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
		    c->cmsg_len == CMSG_LEN(sizeof(int)))
			memcpy(fd, CMSG_DATA(c), sizeof(int));
	if (n > 0 && next.dies_taking && how == 0)
		_exit(3);
	return n;
}

static void
send_reply(enum porter_type type, uint64_t connection)
{
	bool is_done = type == PORTER_DONE;
	uint32_t length = is_done ? (uint32_t)strlen(next.result) : 0;

	struct {
		struct porter_reply reply;
		char result[PORTER_RESULT_SIZE];
	} m = {
		.reply = { .magic = PORTER_MAGIC,
		    .version = PORTER_VERSION,
		    .type = (uint16_t)type,
		    .connection = connection,
		    .status = is_done ? next.status : type == PORTER_TAKEN && looks_first,
		    .result_length = length + (next.claims_more ? 100 : 0) },
	};

	memcpy(m.result, next.result, length);
	/* Whether anybody hears it shows when the next connection is waited for. */
	send_message(&m, sizeof(m.reply) + length, next.passes_back ? PORTER_CHANNEL : -1);
}

static int
receive_any_porter(bool says_taken)
{
	for (;;) {
		int fd, flags = looks_first ? MSG_PEEK : 0;

		message_size = receive_message(&message, sizeof(message), &fd, &flags);
		if (message_size < (ssize_t)sizeof(message.header) ||
		    message.header.magic != PORTER_MAGIC)
			return -1;
		if (looks_first)
			(void)!recv(PORTER_CHANNEL, &message, sizeof(message), 0);
		if (looks_first && next.dies_taking)
			_exit(3);
		if (fd >= 0 && says_taken)
			send_reply(PORTER_TAKEN, message.header.connection);
		if (fd >= 0)
			return fd;
		send_reply(PORTER_NO_DESCRIPTOR, message.header.connection);
	}
}

static int
receive_porter(void)
{
	return receive_any_porter(true);
}

static int
receive_untaken(void)
{
	return receive_any_porter(false);
}

/* Says that it has taken a connection only when it is asked. */
static int
receive_looks(void)
{
	int fd;

	looks_first = true;
	fd = receive_any_porter(false);
	if (fd >= 0 && (message.header.flags & PORTER_ASKS) != 0)
		send_reply(PORTER_TAKEN, message.header.connection);
	return fd;
}

static void
done_porter(void)
{
	send_reply(PORTER_DONE, message.header.connection);
}

static void
free_porter(uint64_t connection)
{
	send_reply(PORTER_DONE, connection);
}

static void
free_plain(uint64_t connection)
{
	(void)connection;
	send_message("", 1, next.passes_back ? PORTER_CHANNEL : -1);
}

static void
done_plain(void)
{
	free_plain(0);
}

/* Without a descriptor, as at its limit, it says at once that it is free. */
static int
receive_plain(void)
{
	for (;;) {
		char byte;
		int fd, flags = 0;

		message_size = receive_message(&byte, 1, &fd, &flags);
		if ((flags & MSG_TRUNC) != 0)
			_exit(9); /* this is another protocol */
		if (message_size <= 0 || fd >= 0)
			return fd;
		protocol->done();
	}
}

static void
done_silent(void)
{
}

static int
receive_listen(void)
{
	int fd;

	while ((fd = accept4(0, NULL, NULL, SOCK_CLOEXEC)) < 0)
		if (is_leaving || errno == EINVAL) /* nobody listens any more */
			return -1;
	return fd;
}

static int
receive_listen_fds(void)
{
	struct pollfd pfds[8];
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	nfds_t count = fds != NULL ? (nfds_t)atoi(fds) : 0;

	if (count == 0 || count > ARRAY_LEN(pfds) || pid == NULL || atoi(pid) != getpid())
		return -1;
	for (;;) {
		for (nfds_t i = 0; i < count; i++)
			pfds[i] =
			    (struct pollfd){ .fd = FIRST_LISTEN_FD + (int)i, .events = POLLIN };
		if (poll(pfds, count, -1) < 0 && is_leaving)
			return -1;
		for (nfds_t i = 0; i < count; i++)
			if (pfds[i].revents & POLLIN)
				return accept4(pfds[i].fd, NULL, NULL, SOCK_CLOEXEC);
	}
}

static const struct protocol protocols[] = {
	{ "porter", receive_porter, done_porter, free_porter },
	{ "untaken", receive_untaken, done_porter, free_porter },
	{ "looks", receive_looks, done_porter, free_porter },
	{ "plain", receive_plain, done_plain, free_plain },
	{ "silent", receive_plain, done_silent, free_plain },
	{ "listen", receive_listen, done_silent, free_plain },
	{ "listen_fds", receive_listen_fds, done_silent, free_plain },
};

/* ---- commands ---- */

static void __attribute__((format(printf, 1, 2))) answer(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	if (connection_fd >= 0)
		vdprintf(connection_fd, format, ap);
	va_end(ap);
}

static bool
do_pid(const char *text)
{
	(void)text;
	answer("%d\n", getpid());
	return true;
}

static bool
do_served(const char *text)
{
	(void)text;
	answer("%u\n", served);
	return true;
}

static const char *
address_text(const struct porter_address *a)
{
	static char texts[2][INET6_ADDRSTRLEN + 40];
	static unsigned turn;
	char host[INET6_ADDRSTRLEN] = "-";
	char *text = texts[turn++ % 2];

	if (a->family == AF_INET || a->family == AF_INET6)
		inet_ntop(a->family, a->bytes, host, sizeof(host));
	snprintf(text, sizeof(texts[0]), "%u/%s/%u", a->family, host, a->port);
	return text;
}

static bool
do_header(const char *text)
{
	const struct porter_header *h = &message.header;

	(void)text;
	answer("version=%u type=%u conn=%llu peer=%s local=%s id=%.*s flags=%u whole=%s\n",
	    h->version, h->type, (unsigned long long)h->connection, address_text(&h->peer),
	    address_text(&h->local), h->id_length, message.bytes + h->id_offset, h->flags,
	    h->id_offset + h->id_length <= message_size ? "yes" : "no");
	return true;
}

static bool
do_channel(const char *text)
{
	int type = 0;
	socklen_t len = sizeof(type);

	(void)text;
	getsockopt(PORTER_CHANNEL, SOL_SOCKET, SO_TYPE, &type, &len);
	answer("%s\n", type == SOCK_STREAM      ? "stream"
		       : type == SOCK_SEQPACKET ? "seqpacket"
						: "none");
	return true;
}

static bool
do_exit(const char *text)
{
	_exit(atoi(text));
}

static bool
do_kill(const char *text)
{
	kill(getpid(), atoi(text));
	return true;
}

static bool
do_ignore(const char *text)
{
	signal(atoi(text), SIG_IGN);
	answer("ignored\n");
	return true;
}

static void
on_stop(int signo)
{
	(void)signo;
	is_leaving = true;
}

/* On SIGTERM the present connection is served to its end. */
static bool
do_graceful(const char *text)
{
	struct sigaction action = { .sa_handler = on_stop };

	(void)text;
	sigaction(SIGTERM, &action, NULL);
	return true;
}

static bool
do_say(const char *text)
{
	int fd = atoi(text);

	dprintf(fd, "%s\n", text + strcspn(text, " ") + 1);
	answer("said\n");
	return true;
}

/* No reply of any protocol. In plain, where a byte is a byte, there is none. */
static bool
do_garbage(const char *text)
{
	static const char *const kinds[] = {
		"", "x", "PRTR", "no message of this protocol at all",
		"PRTR\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377"
	};

	for (int i = 0; i < atoi(text); i++)
		send_message(kinds[(size_t)i % ARRAY_LEN(kinds)],
		    strlen(kinds[(size_t)i % ARRAY_LEN(kinds)]) + 1, -1);
	answer("sent\n");
	return true;
}

/* Says free for its own connection, so many times, and goes on with it. */
static bool
do_free(const char *text)
{
	for (int i = 0; i < atoi(text); i++)
		protocol->send_free(message.header.connection);
	answer("sent\n");
	return true;
}

/* Says free, taken or no descriptor for another's connection. */
static bool
do_forge(const char *text)
{
	static const enum porter_type types[] = { PORTER_DONE, PORTER_TAKEN, PORTER_NO_DESCRIPTOR };

	uint64_t connection = strtoull(text, NULL, 10);

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		send_reply(types[i], connection);
	answer("sent\n");
	return true;
}

static bool
do_pass_back(const char *text)
{
	(void)text;
	next.passes_back = true;
	answer("will\n");
	return true;
}

static bool
do_claim_more(const char *text)
{
	(void)text;
	next.claims_more = true;
	answer("will\n");
	return true;
}

static bool
do_fill(const char *text)
{
	static const char noise[512];
	unsigned sent = 0;

	(void)text;
	while (send(PORTER_CHANNEL, noise, sizeof(noise), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		sent++;
	answer("filled %u\n", sent);
	return true;
}

static bool
do_close(const char *text)
{
	(void)text;
	close(PORTER_CHANNEL);
	answer("closed\n");
	/* Only a signal ends it now. */
	next.is_deaf = true;
	return true;
}

/* Leaves a child that keeps the channel, and ends. */
static bool
do_orphan(const char *text)
{
	(void)text;
	pid_t pid = fork();

	if (pid > 0) {
		answer("orphan %d\n", pid);
		_exit(4);
	}
	close(connection_fd);
	for (;;)
		pause();
}

/* What a program sees that this worker starts: its environment, its descriptors, its limits. */
static bool
do_show(const char *text)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 16);

	(void)text;
	path[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(path, '/');
	strcpy(slash != NULL ? slash : path, "/show");
	pid_t pid = fork();
	if (pid == 0) {
		dup2(connection_fd, 1);
		execl(path, path, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
	return true;
}

static bool
do_status(const char *text)
{
	next.status = atoi(text);
	answer("will\n");
	return true;
}

static bool
do_result(const char *text)
{
	snprintf(next.result, sizeof(next.result), "%s", text);
	answer("will\n");
	return true;
}

/* Ends the connection from this side. */
static bool
do_leave(const char *text)
{
	(void)text;
	shutdown(connection_fd, SHUT_RDWR);
	return true;
}

/* From now on no descriptor from this number up can be opened or received. */
static bool
do_limit(const char *text)
{
	struct rlimit limit = { (rlim_t)atoi(text), (rlim_t)atoi(text) };

	setrlimit(RLIMIT_NOFILE, &limit);
	answer("limited\n");
	return true;
}

static bool
do_gulp(const char *text)
{
	(void)text;
	next.dies_taking = true;
	answer("will\n");
	return true;
}

static bool
do_deaf(const char *text)
{
	(void)text;
	next.is_deaf = true;
	answer("will\n");
	return true;
}

static bool
do_quit(const char *text)
{
	(void)text;
	next.quits = true;
	answer("will\n");
	return true;
}

/* Until somebody opens the FIFO for writing. */
static bool
do_wait(const char *text)
{
	int fd;

	while ((fd = open(text, O_RDONLY | O_CLOEXEC)) < 0 && errno == EINTR)
		;
	close(fd);
	return true;
}

/* What follows on the command line is for the one worker that can remove the file. */
static bool
do_if(const char *text)
{
	return unlink(text) == 0;
}

/* What follows on the command line is for as long as the file is there. */
static bool
do_while(const char *text)
{
	return access(text, F_OK) == 0;
}

/* False: the commands that follow on the command line are left out. */
typedef bool command_fn(const char *text);

static const struct {
	const char *name;
	command_fn *fn;
} commands[] = {
	{ "pid", do_pid },
	{ "served", do_served },
	{ "header", do_header },
	{ "channel", do_channel },
	{ "show", do_show },
	{ "exit", do_exit },
	{ "kill", do_kill },
	{ "ignore", do_ignore },
	{ "graceful", do_graceful },
	{ "say", do_say },
	{ "garbage", do_garbage },
	{ "free", do_free },
	{ "forge", do_forge },
	{ "pass-back", do_pass_back },
	{ "claim-more", do_claim_more },
	{ "fill", do_fill },
	{ "close", do_close },
	{ "orphan", do_orphan },
	{ "status", do_status },
	{ "result", do_result },
	{ "leave", do_leave },
	{ "limit", do_limit },
	{ "gulp", do_gulp },
	{ "deaf", do_deaf },
	{ "quit", do_quit },
	{ "wait", do_wait },
	{ "if", do_if },
	{ "while", do_while },
};

/* The command that stands between text and its argument behind the separator; NULL if there is none. */
static command_fn *
find_command(const char *text, char separator, const char **argument)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		size_t len = strlen(commands[i].name);

		if (strncmp(text, commands[i].name, len) != 0 ||
		    (text[len] != '\0' && text[len] != separator))
			continue;
		*argument = text + len + (text[len] == separator);
		return commands[i].fn;
	}
	return NULL;
}

static bool
run_line(char *text, size_t len)
{
	const char *argument;

	if (len == 0 || text[len - 1] != '\n' || memchr(text, '\n', len) != text + len - 1)
		return false;
	text[len - 1] = '\0';
	command_fn *fn = find_command(text, ' ', &argument);
	text[len - 1] = fn != NULL ? '\0' : '\n';
	if (fn != NULL)
		fn(argument);
	return fn != NULL;
}

static bool
write_all(const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(connection_fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return false;
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return true;
}

static void
serve(void)
{
	static char chunk[65536];
	ssize_t n;

	while ((n = read(connection_fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno != EINTR)
			break;
		if (n > 0 && !run_line(chunk, (size_t)n) && !write_all(chunk, (size_t)n))
			break;
	}
}

static void
finish(void)
{
	close(connection_fd);
	connection_fd = -1;
	protocol->done();
	if (next.quits)
		_exit(0);
	while (next.is_deaf)
		pause();
	next.status = 0;
	next.result[0] = '\0';
	next.passes_back = next.claims_more = false;
}

static void
run_arguments(char **argv)
{
	for (; *argv != NULL; argv++) {
		const char *argument;
		command_fn *fn = find_command(*argv, ':', &argument);

		if (fn == NULL)
			_exit(2);
		if (!fn(argument))
			return;
	}
}

int
main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(protocols); i++)
		if (strcmp(argv[1], protocols[i].name) == 0)
			protocol = &protocols[i];
	if (protocol == NULL)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	run_arguments(argv + 2);
	while (next.is_deaf)
		pause();
	while (!is_leaving && (connection_fd = protocol->receive()) >= 0) {
		served++;
		serve();
		finish();
	}
	return 0;
}
