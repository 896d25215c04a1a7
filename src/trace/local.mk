libjupiter_a_SOURCES += \
	%D%/analyse.c %D%/analyse.h \
	%D%/clocks.c \
	%D%/gather.c %D%/gather.h \
	%D%/intervals.c %D%/intervals.h \
	%D%/match.c \
	%D%/recorder.c %D%/recorder.h \
	%D%/requests.c \
	%D%/run.c %D%/run.h
