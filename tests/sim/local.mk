# Runs in simulated time; they build sim/jupiter first, and are skipped where SimGrid is missing.
TESTS += %D%/test-paper.sh %D%/test-boards.sh %D%/test-predicted.sh %D%/test-ssh.sh %D%/test-table.sh
EXTRA_DIST += %D%/lib.sh %D%/test-paper.sh %D%/test-boards.sh %D%/test-predicted.sh %D%/test-ssh.sh \
	%D%/test-table.sh %D%/paper.txt %D%/script.yaml
# what building it says, and who builds
CLEANFILES += sim-build.log sim-build.lock
