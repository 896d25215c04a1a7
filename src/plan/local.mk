libjupiter_a_SOURCES += \
	%D%/baselines.c %D%/baselines.h \
	%D%/chunk_exact.c \
	%D%/chunking.c %D%/chunking.h \
	%D%/cost.c %D%/cost.h \
	%D%/edgeshard.c %D%/edgeshard.h \
	%D%/exhaust.c \
	%D%/file_size.c %D%/file_size.h \
	%D%/grouping.c %D%/grouping.h \
	%D%/hybrid.c %D%/hybrid.h %D%/hybrid_inner.h \
	%D%/hybrid_exhaust.c \
	%D%/infeasible.c %D%/infeasible.h \
	%D%/instance.c %D%/instance.h \
	%D%/layering.c %D%/layering.h \
	%D%/modelled.c %D%/modelled.h \
	%D%/moves.c \
	%D%/plan.c %D%/plan.h \
	%D%/plan_print.c \
	%D%/plan_read.c %D%/plan_read.h \
	%D%/plan_read_stage.c \
	%D%/plan_write.c \
	%D%/predict.c %D%/predict.h \
	%D%/planner.c %D%/planner.h \
	%D%/runs.c %D%/runs.h \
	%D%/schedule.c %D%/schedule.h \
	%D%/search.c %D%/search.h \
	%D%/shares.c %D%/shares.h \
	%D%/timeline.c \
	%D%/way.c %D%/way.h \
	%D%/ways.c %D%/ways.h
