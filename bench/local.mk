# files of this folder
noinst_PROGRAMS += %D%/trace_cost
noinst_PROGRAMS += %D%/links
noinst_PROGRAMS += %D%/waiting
noinst_PROGRAMS += %D%/exchanges
noinst_PROGRAMS += %D%/plan_time
EXTRA_DIST += %D%/plan_unequal.sh
noinst_PROGRAMS += %D%/kernels
bench_kernels_SOURCES = %D%/kernels.c %D%/peaks.c %D%/peaks.h
EXTRA_DIST += %D%/decode.py
EXTRA_DIST += %D%/peers
EXTRA_DIST += %D%/serve %D%/startup
EXTRA_DIST += %D%/strategies.py %D%/bound.py
EXTRA_DIST += %D%/arm %D%/arm.md %D%/arm_kernels.c %D%/arm_llama.c
