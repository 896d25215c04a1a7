libjupiter_a_SOURCES += \
	%D%/division.c %D%/division.h \
	%D%/job.c %D%/job.h \
	%D%/measure.c %D%/measure.h \
	%D%/measure_links.c %D%/measure_links.h \
	%D%/session.c %D%/session.h
