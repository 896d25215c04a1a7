# Runs in simulated time; they build sim/jupiter first, and are skipped where SimGrid is missing.
TESTS += %D%/test-paper.sh
EXTRA_DIST += %D%/test-paper.sh %D%/paper.txt
