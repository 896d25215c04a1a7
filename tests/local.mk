# unit: one Check program per module; mpi: scripts that start the program through the launcher
include tests/unit/local.mk
include tests/mpi/local.mk
include tests/serve/local.mk
include tests/fuzz/local.mk
include tests/golden/local.mk
include tests/sim/local.mk

TESTS += tests/check-dist
EXTRA_DIST += tests/check-dist tests/cross/aarch64.sh tests/faults/run
TESTS += tests/cross/kernels.sh
EXTRA_DIST += tests/cross/kernels.sh tests/cross/kernels.c tests/cross/plain/cblas.h tests/cross/plain/omp.h
TESTS += tests/faults/test-faults.sh
EXTRA_DIST += tests/faults/test-faults.sh
TESTS += tests/check-layers tests/check-corpus tests/check-format
EXTRA_DIST += tests/check-layers tests/check-corpus tests/check-format
