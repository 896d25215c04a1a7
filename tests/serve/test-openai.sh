#!/bin/sh
# The official client of OpenAI's API against four ranks. It comes from a virtual environment that
# `./start test` makes (or $OPENAI_PYTHON).
. "${srcdir:-.}/tests/serve/lib.sh"
python=
for candidate in "${OPENAI_PYTHON:-}" "$srcdir/.venv-openai/bin/python" python3; do
    [ -n "$candidate" ] && "$candidate" -c 'import openai' 2>/dev/null && python=$candidate && break
done
[ -n "$python" ] || { echo "no openai package (pip install openai, or ./start test): skipped"; exit 77; }
timeout -k 5 $patience "$python" "$srcdir/tests/serve/openai_test.py" "$jupiter" "$model" || fail "openai_test.py"
finish
