/* SPDX-License-Identifier: MIT */
/* Judges one client by what may take its time: the rules of hosts.allow and hosts.deny, and the name that belongs to its
 * address. A process of its own, as the service's user: whatever the name server answers is read here and not by root. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <porter/environment.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/gate.h"
#include "base/strings.h"
#include "helpers/libwrap.h"

struct gate {
	const char *libwrap; /* the name to look for; NULL: these files are not asked */
	struct strings allowed, denied;
	struct addr peer, local;
};

/* What is said of a client for whom the time has run out. */
static volatile sig_atomic_t at_the_end = GATE_REFUSES_DOMAIN;

static void
say(enum gate_say word, int error)
{
	const struct gate_word w = { (unsigned char)word, (unsigned char)error };

	if (write(GATE_FD, &w, sizeof(w)) != sizeof(w))
		_exit(1);
}

static _Noreturn void
finish(enum gate_say word, int error)
{
	say(word, error);
	_exit(word == GATE_ADMITS ? 0 : 1);
}

static void
on_deadline(int signo)
{
	(void)signo;
	finish((enum gate_say)at_the_end, 0);
}

/* No alarm(2): that would outlive an exec and end the command that a rule puts in our place, and libwrap uses it itself. */
static bool
set_deadline(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
	const struct itimerspec after = { .it_value.tv_sec = GATE_SECONDS };
	const struct sigaction action = { .sa_handler = on_deadline };
	timer_t timer;

	return sigaction(SIGRTMIN, &action, NULL) == 0 &&
	       timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 &&
	       timer_settime(timer, 0, &after, NULL) == 0;
}

/* ".example.org" holds every name that ends so. */
static bool
is_below(const char *name, const struct strings *domains)
{
	const size_t len = strlen(name);

	for (size_t i = 0; i < domains->count; i++) {
		const size_t tail = strlen(domains->item[i]);

		if (len > tail && strcasecmp(name + len - tail, domains->item[i]) == 0)
			return true;
	}
	return false;
}

static bool
is_address(const char *name)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST };
	struct addrinfo *found = NULL;

	if (getaddrinfo(name, NULL, &hints, &found) != 0)
		return false;
	freeaddrinfo(found);
	return true;
}

static bool
is_peer(const struct addrinfo *ai, const struct addr *peer)
{
	struct addr a = { .len = ai->ai_addrlen }, plain = *peer;

	if (ai->ai_addrlen > sizeof(a.u))
		return false;
	memcpy(&a.u, ai->ai_addr, ai->ai_addrlen);
	addr_canonical(&a);
	addr_set_port(&a, 0);
	addr_set_port(&plain, 0);
	/* A name server knows nothing of scopes. */
	if (addr_family(&plain) == AF_INET6 && a.u.in6.sin6_scope_id == 0)
		plain.u.in6.sin6_scope_id = 0;
	return addr_equal(&a, &plain);
}

/* Whoever has an address may give it any name; that name has the address only if its owner agrees. */
static bool
is_confirmed(const char *name, const struct addr *peer)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	bool is = false;

	if (is_address(name) || getaddrinfo(name, NULL, &hints, &found) != 0)
		return false;
	for (const struct addrinfo *ai = found; ai != NULL && !is; ai = ai->ai_next)
		is = is_peer(ai, peer);
	freeaddrinfo(found);
	return is;
}

/* A name that is claimed is enough to be refused, and not enough to be admitted; no answer at all is none of both. */
static bool
domains_admit(const struct gate *g)
{
	char name[NI_MAXHOST];
	int r = getnameinfo(&g->peer.u.sa, g->peer.len, name, sizeof(name), NULL, 0, NI_NAMEREQD);
	size_t len = r == 0 ? strlen(name) : 0;

	if (r != 0)
		return g->allowed.count == 0 && r == EAI_NONAME;
	if (len > 0 && name[len - 1] == '.')
		name[len - 1] = '\0';
	if (is_below(name, &g->denied))
		return false;
	return g->allowed.count == 0 ||
	       (is_below(name, &g->allowed) && is_confirmed(name, &g->peer));
}

static _Noreturn void
judge(struct gate *g)
{
	int r;

	if ((g->allowed.count > 0 || g->denied.count > 0) && !domains_admit(g))
		finish(GATE_REFUSES_DOMAIN, 0);
	if (g->libwrap == NULL)
		finish(GATE_ADMITS, 0);
	at_the_end = GATE_REFUSES_RULE;
	r = libwrap_ready();
	if (r < 0)
		finish(GATE_CANNOT, -r);
	finish(
	    libwrap_admits(g->libwrap, &g->peer, &g->local) ? GATE_ADMITS : GATE_REFUSES_RULE, 0);
}

static bool
take_address(struct addr *a, const char *host_variable, const char *port_variable)
{
	const char *host = getenv(host_variable), *port = getenv(port_variable);

	*a = (struct addr){ 0 };
	return host != NULL &&
	       addr_parse(a, host, (uint16_t)(port != NULL ? strtoul(port, NULL, 10) : 0)) == 0;
}

static bool
take_options(struct gate *g, int argc, char **argv)
{
	static const struct option options[] = { { "libwrap", required_argument, NULL, 'w' },
		{ "allow-domain", required_argument, NULL, 'a' },
		{ "deny-domain", required_argument, NULL, 'd' }, { NULL, 0, NULL, 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0)
		if (c == 'w')
			g->libwrap = optarg;
		else if (c == 'a' || c == 'd')
			strings_add(c == 'a' ? &g->allowed : &g->denied, optarg);
		else
			return false;
	return optind == argc;
}

int
main(int argc, char **argv)
{
	struct gate g = { 0 };

	if (fcntl(GATE_FD, F_SETFD, FD_CLOEXEC) < 0) {
		fprintf(stderr, "%s: is started by porterd alone\n", GATE_NAME);
		return 2;
	}
	if (!set_deadline())
		finish(GATE_CANNOT, errno);
	say(GATE_BEGINS, 0);
	take_address(&g.local, PORTER_LOCAL_ADDR, PORTER_LOCAL_PORT);
	if (!take_options(&g, argc, argv) ||
	    !take_address(&g.peer, PORTER_REMOTE_ADDR, PORTER_REMOTE_PORT))
		finish(GATE_CANNOT, EINVAL);
	judge(&g);
}
