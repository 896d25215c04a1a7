# `make sim`: the same program for simulated time (CC=smpicc), as sim/jupiter below this build
.PHONY: sim clean-sim
sim:
	@command -v smpicc >/dev/null || { echo "no smpicc (Debian: libsimgrid-dev)" >&2; exit 1; }
	@$(MKDIR_P) sim
	@test -f sim/Makefile || (cd sim && CC=smpicc CFLAGS= '$(abs_top_srcdir)/configure' >configure.log)
	@$(MAKE) $(AM_MAKEFLAGS) -C sim jupiter bench/links
clean-local: clean-sim
clean-sim:
	rm -rf sim
EXTRA_DIST += %D%/night/README.md %D%/night/night.py
EXTRA_DIST += %D%/agreement/README.md %D%/agreement/agreement.py
EXTRA_DIST += %D%/boards/README.md %D%/boards/confirm
EXTRA_DIST += %D%/paper/README.md %D%/paper/run %D%/paper/table.csv %D%/paper/bars.csv \
    %D%/paper/result.csv \
	%D%/models/README.md %D%/models/families.py
# simulated ones
EXTRA_DIST += %D%/simulated.py %D%/emulated.py \
	%D%/ablation/README.md %D%/ablation/run \
	%D%/below/README.md %D%/below/run \
	%D%/chunks/README.md %D%/chunks/run \
	%D%/links/README.md %D%/links/run \
	%D%/mix/README.md %D%/mix/run \
	%D%/pi-record/README.md %D%/pi-record/boards.yaml %D%/pi-record/pi5.yaml %D%/pi-record/run \
	%D%/points/README.md %D%/points/run \
	%D%/scalability/README.md %D%/scalability/run \
	%D%/trees/README.md %D%/trees/run
EXTRA_DIST += %D%/models/peer.py %D%/models/quantised.py %D%/models/real.py %D%/models/weights.py
