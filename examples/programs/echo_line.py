#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A line echo in Python: the connection is standard input and standard output."""
import sys

for line in sys.stdin.buffer:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()  # A socket is no terminal: the answer would wait.
