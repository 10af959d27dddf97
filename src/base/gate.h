/* SPDX-License-Identifier: MIT */
/* What porter-gate says to the child of the daemon that has started it. It gets the client's and its own address in the
 * variables of <porter/environment.h>, the connection as descriptor 0, and says its words on descriptor 3. */
#ifndef BASE_GATE_H
#define BASE_GATE_H

#define GATE_NAME "porter-gate"
#define GATE_FD   3

/* After so many seconds a client of whom nothing is known is refused. */
#define GATE_SECONDS 10

enum gate_say {
	GATE_BEGINS =
	    1, /* first; if nothing follows, a rule of hosts.allow or hosts.deny has taken over */
	GATE_ADMITS,
	GATE_REFUSES_RULE,   /* by hosts.allow or hosts.deny */
	GATE_REFUSES_DOMAIN, /* by only_from or no_access */
	GATE_CANNOT,         /* judge: nobody is admitted */
};

struct gate_word {
	unsigned char say;
	unsigned char error; /* errno of GATE_CANNOT */
};

#endif
