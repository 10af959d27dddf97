#!/bin/sh
# SPDX-License-Identifier: MIT
# A line echo in awk: the connection is standard input and standard output.
# mawk reads on until its buffer is full unless it is told that somebody waits for the answer.
case $(readlink -f "$(command -v awk)") in
*mawk*) set -- -W interactive ;;
esac
exec awk "$@" '{ print; fflush() }'
