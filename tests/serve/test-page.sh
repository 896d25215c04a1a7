#!/bin/sh
# The server's page in a headless Chromium.
. "${srcdir:-.}/tests/serve/lib.sh"
timeout -k 5 $patience python3 "$srcdir/tests/serve/page_test.py" "$jupiter" "$model" ${JUP_SCREENSHOTS:+"$JUP_SCREENSHOTS"}
code=$?
[ "$code" -eq 77 ] && exit 77
[ "$code" -eq 0 ] || fail "page_test.py"
finish
