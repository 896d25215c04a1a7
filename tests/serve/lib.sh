# Shared by the tests of the server. Sourced, not run.
. "${srcdir:-.}/tests/mpi/lib.sh"
model=$srcdir/data/demo/jupiter-demo-f16.gguf
[ -f "$model" ] || { echo "no embedded model: skipped"; exit 77; }
command -v python3 >/dev/null || { echo "no python3: skipped"; exit 77; }
"$jupiter" serve --help 2>&1 </dev/null | grep -q -e --port ||
    { echo "built without the server: skipped"; exit 77; }
