libjupiter_a_SOURCES += \
	%D%/cancel.c %D%/cancel.h \
	%D%/hop.c %D%/hop.h \
	%D%/pipeline.c %D%/pipeline.h \
	%D%/request.h \
	%D%/ring.c %D%/ring.h \
	%D%/wire.c %D%/wire.h
libjupiter_a_SOURCES += \
	%D%/engine.c %D%/engine.h \
	%D%/measure.c %D%/measure.h \
	%D%/scheduler.c %D%/scheduler.h %D%/scheduler_inner.h \
	%D%/scheduler_next.c %D%/scheduler_take.c \
	%D%/sequence.c %D%/sequence.h \
	%D%/stage.c %D%/stage.h
libjupiter_a_SOURCES += \
	%D%/detransformer.c \
	%D%/galaxy.c \
	%D%/group.c %D%/group.h \
	%D%/held.c %D%/held.h \
	%D%/sequence_parallel.c \
	%D%/strategies.c %D%/strategies.h \
	%D%/tensor.c
