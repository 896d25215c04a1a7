#!/bin/sh
# The server over plain HTTP: answers are a run's, errors name the field, many clients at a time.
. "${srcdir:-.}/tests/serve/lib.sh"
timeout -k 5 $patience python3 "$srcdir/tests/serve/serve_test.py" "$jupiter" "$model" || fail "serve_test.py"
finish
