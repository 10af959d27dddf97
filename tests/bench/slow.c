/* SPDX-License-Identifier: MIT */
/* An echo that waits a second first, without using a processor. */
#include <unistd.h>

#include "serve.h"

int
main(void)
{
	sleep(1);
	echo_until_end(0, 1);
	return 0;
}
