#!/bin/sh
# SPDX-License-Identifier: MIT
# The echo as a script, of one line.
IFS= read -r line
printf '%s\n' "$line"
