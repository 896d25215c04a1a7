libjupiter_a_SOURCES += \
	%D%/cancel.c %D%/cancel.h \
	%D%/chunks.c %D%/chunks.h \
	%D%/detransformer.c \
	%D%/engine.c %D%/engine.h \
	%D%/figures.c %D%/figures.h \
	%D%/galaxy.c \
	%D%/group.c %D%/group.h \
	%D%/head.c %D%/head.h \
	%D%/held.c %D%/held.h \
	%D%/hop.c %D%/hop.h \
	%D%/measure.c %D%/measure.h \
	%D%/place.c %D%/place.h \
	%D%/ring.c %D%/ring.h \
	%D%/scheduler.c %D%/scheduler.h \
	%D%/scheduler_inner.h \
	%D%/scheduler_next.c \
	%D%/scheduler_take.c \
	%D%/sequence.c %D%/sequence.h \
	%D%/sequence_parallel.c \
	%D%/stage.c %D%/stage.h %D%/stage_inner.h \
	%D%/stage_judge.c %D%/stage_work.c \
	%D%/strategies.c %D%/strategies.h \
	%D%/tensor.c \
	%D%/vitals.c %D%/vitals.h \
	%D%/wire.c %D%/wire.h
