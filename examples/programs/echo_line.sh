#!/bin/sh
# SPDX-License-Identifier: MIT
# A line echo in shell: the connection is standard input and standard output.
while IFS= read -r line; do
	printf '%s\n' "$line"
done
