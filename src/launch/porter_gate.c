/* SPDX-License-Identifier: MIT */
#include "launch/porter_gate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <porter/environment.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/gate.h"
#include "base/mem.h"
#include "launch/launch.h"
#include "policy/admit.h"

/* It has a deadline of its own; this is for each word of one that was stopped. */
#define WORD_MS  ((GATE_SECONDS + 5) * 1000)
/* In place of a verdict: another program has taken its place. */
#define REPLACED INT_MAX

static const char *set_path;

const char *
porter_gate_path(void)
{
	static char path[PATH_MAX + sizeof(GATE_NAME)];
	char *slash;
	ssize_t n;

	if (set_path != NULL)
		return set_path;
	n = readlink("/proc/self/exe", path, PATH_MAX);
	path[n > 0 ? n : 0] = '\0';
	slash = strrchr(path, '/');
	if (slash != NULL)
		memcpy(slash + 1, GATE_NAME, sizeof(GATE_NAME));
	if (slash == NULL || access(path, X_OK) < 0)
		snprintf(path, sizeof(path), "%s", LIBEXEC_DIR "/" GATE_NAME);
	return path;
}

void
porter_gate_set_path(const char *path)
{
	set_path = path;
}

/* What to look for in hosts.allow: as xinetd has it. */
static const char *
daemon_name(const struct service_conf *conf)
{
	const char *name = conf->server, *slash;

	if (conf->libwrap != NULL)
		return conf->libwrap;
	if (conf_is_internal(conf) || conf_is_redirect(conf) || name == NULL)
		return conf->id;
	if ((conf->flags & CONF_FLAG_NAMEINARGS) != 0 && conf->server_args.count > 0)
		name = conf->server_args.item[0];
	slash = strrchr(name, '/');
	return slash != NULL ? slash + 1 : name;
}

static void
add_domains(struct strings *words, const char *option, const struct strings *domains)
{
	for (size_t i = 0; i < domains->count; i++) {
		strings_add(words, option);
		strings_add(words, domains->item[i]);
	}
}

char **
porter_gate_words_new(const struct service_conf *conf, size_t *always)
{
	const struct strings *denied = &access_list_get(conf->no_access_list)->domains;
	const struct strings *allowed = &access_list_get(conf->only_from_list)->domains;
	struct strings words = { 0 };

	*always = 0;
	if (!conf->asks_libwrap && denied->count == 0 && allowed->count == 0)
		return NULL;
	strings_add(&words, porter_gate_path());
	if (conf->asks_libwrap) {
		strings_add(&words, "--libwrap");
		strings_add(&words, daemon_name(conf));
	}
	add_domains(&words, "--deny-domain", denied);
	*always = words.count;
	add_domains(&words, "--allow-domain", allowed);
	return words.item;
}

/* A unix socket has no addresses, and these rules are about nothing else. */
bool
porter_gate_is_needed(const struct launch *l)
{
	if (l->client == NULL || l->plan->porter_gate == NULL ||
	    addr_family(&l->client->local) == AF_UNIX)
		return false;
	return l->plan->porter_gate_always > 1 || l->by_name;
}

/* The addresses, and nothing that the service's settings say. */
static void
pick_variables(char *const *env, char *picked[5])
{
	static const char *const wanted[] = { PORTER_REMOTE_ADDR "=", PORTER_REMOTE_PORT "=",
		PORTER_LOCAL_ADDR "=", PORTER_LOCAL_PORT "=" };
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		for (size_t k = 0; env[k] != NULL; k++)
			if (strncmp(env[k], wanted[i], strlen(wanted[i])) == 0) {
				picked[count++] = env[k];
				break;
			}
	picked[count] = NULL;
}

/* Clients are told nothing by it: where descriptor 2 is the connection, it goes nowhere. */
static int
set_descriptors(const struct launch *l, int words_fd)
{
	int null_fd = l->err_fd < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : 2;

	if (null_fd < 0 || dup2(null_fd, 2) < 0 || dup2(words_fd, GATE_FD) < 0)
		return -errno;
	return close_range(GATE_FD + 1, ~0U, 0) < 0 ? -errno : 0;
}

static _Noreturn void
run_gate(const struct launch *l, int (*become)(const struct launch *l), int words_fd)
{
	const struct plan *p = l->plan;
	char *env[5];
	struct gate_word word = { .say = GATE_CANNOT };
	int r = set_descriptors(l, words_fd);

	if (r == 0) {
		words_fd = GATE_FD;
		r = become(l);
	}
	if (r == 0) {
		pick_variables(l->env, env);
		if (!l->by_name)
			p->porter_gate[p->porter_gate_always] = NULL;
		execve(p->porter_gate[0], p->porter_gate, env);
		r = -errno;
	}
	word.error = (unsigned char)-r;
	(void)!write(words_fd, &word, sizeof(word));
	_exit(LAUNCH_EXIT);
}

/* 1: a word was read; 0: there are no more; -errno. */
static int
next_word(int fd, struct gate_word *word)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int r = poll(&p, 1, WORD_MS);
	ssize_t n;

	if (r <= 0)
		return r == 0 ? -ETIMEDOUT : -errno;
	n = read(fd, word, sizeof(*word));
	return n < 0 ? -errno : n == sizeof(*word);
}

/* One that has begun and says no more was replaced by a command that a rule names. It begins once: there are two words at most. */
static int
hear(int fd)
{
	struct gate_word word;
	bool has_begun = false;
	int r;

	while ((r = next_word(fd, &word)) > 0) {
		switch (word.say) {
		case GATE_BEGINS:
			if (has_begun)
				return -EPROTO;
			has_begun = true;
			break;
		case GATE_ADMITS:
			return VERDICT_OK;
		case GATE_REFUSES_RULE:
			return VERDICT_LIBWRAP;
		case GATE_REFUSES_DOMAIN:
			return VERDICT_ADDRESS;
		default:
			return word.error != 0 ? -(int)word.error : -EPROTO;
		}
	}
	if (r < 0)
		return r;
	return has_begun ? REPLACED : -ELIBACC;
}

/* Once it has spoken nobody waits for it: another process of its user may have stopped it. What has replaced it serves the
 * client in its own way, for as long as that takes. */
static void
wait_for_end(pid_t pid, bool is_replaced)
{
	if (!is_replaced)
		kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

int
porter_gate_ask(const struct launch *l, int (*become)(const struct launch *l))
{
	int fds[2], r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		run_gate(l, become, fds[1]);
	r = pid < 0 ? -errno : 0;
	close(fds[1]);
	if (r == 0)
		r = hear(fds[0]);
	close(fds[0]);
	if (pid > 0)
		wait_for_end(pid, r == REPLACED);
	return r == REPLACED ? VERDICT_LIBWRAP : r;
}
