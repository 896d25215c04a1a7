libjupiter_a_SOURCES += \
	%D%/checked.h \
	%D%/clock.c %D%/clock.h \
	%D%/log.c %D%/log.h \
	%D%/mem.c %D%/mem.h \
	%D%/rng.c %D%/rng.h \
	%D%/status.c %D%/status.h
