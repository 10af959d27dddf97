/* SPDX-License-Identifier: MIT */
/* Host names of a test: those that end in ".test" are looked up in the file that PORTER_NAMES names, one "name address"
 * a line, and do not exist when they are not in it; nobody else is asked for them. */
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int resolver(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static int
address_of(const char *name, char *address, size_t size)
{
	const char *path = getenv("PORTER_NAMES");
	FILE *f = path != NULL ? fopen(path, "re") : NULL;
	char line[256], known[128], value[64];
	int found = 0;

	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%127s %63s", known, value) == 2 && strcmp(known, name) == 0) {
			snprintf(address, size, "%s", value);
			found = 1;
		}
	if (f != NULL)
		fclose(f);
	return found;
}

int
getaddrinfo(const char *restrict name, const char *restrict service,
    const struct addrinfo *restrict hints, struct addrinfo **restrict out)
{
	resolver *real = (resolver *)dlsym(RTLD_NEXT, "getaddrinfo");
	size_t len = name != NULL ? strlen(name) : 0;
	char address[64];

	if (len < 5 || strcmp(name + len - 5, ".test") != 0)
		return real(name, service, hints, out);
	if (!address_of(name, address, sizeof(address)))
		return EAI_NONAME;
	return real(address, service, hints, out);
}
