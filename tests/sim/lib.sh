# Shared by the tests in simulated time: builds sim/jupiter, or skips where SimGrid is missing. Sourced.
set -u
srcdir=${srcdir:-$(dirname "$0")/../..}
JUPITER_DATA=$(cd "$srcdir/data" && pwd)
export JUPITER_DATA
for tool in smpicc smpirun; do
    command -v $tool >/dev/null || { echo "no $tool (Debian: libsimgrid-dev): skipped"; exit 77; }
done
# one test builds, the others wait
(
    flock 9
    ${MAKE:-make} -s sim >sim-build.log 2>&1 || { tail -n 30 sim-build.log; exit 1; }
) 9>sim-build.lock || exit 1
