libjupiter_a_SOURCES += \
	%D%/derive.c %D%/derive.h \
	%D%/describe.c %D%/describe.h \
	%D%/division.c %D%/division.h %D%/planning.c \
	%D%/job.c %D%/job.h \
	%D%/keep.c %D%/keep.h \
	%D%/life.c %D%/life.h \
	%D%/measure.c %D%/measure.h \
	%D%/measure_links.c %D%/measure_links.h \
	%D%/place.c %D%/place.h \
	%D%/session.c %D%/session.h
