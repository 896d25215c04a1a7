#!/bin/sh
# A few seeded faults on running jobs, on ranks and on emulated boards; tests/faults/run says which,
# and what is right.
srcdir=${srcdir:-.}
python=${PYTHON:-python3}
command -v "$python" >/dev/null || { echo "no python3: skipped"; exit 77; }
exec "$python" "$srcdir/tests/faults/run" --few --jobs 3 --jupiter "${JUPITER:-./jupiter}"
