/* SPDX-License-Identifier: MIT */
/* An echo on standard input and output, for one connection. */
#include "serve.h"

int
main(void)
{
	echo_until_end(0, 1);
	return 0;
}
