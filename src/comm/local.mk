libjupiter_a_SOURCES += \
	%D%/comm.c %D%/comm.h \
	%D%/collect.c %D%/collect.h \
	%D%/exchange.c %D%/exchange.h \
	%D%/message.c %D%/message.h \
	%D%/mpi.c \
	%D%/record.c %D%/record.h \
	%D%/sleeper.c %D%/sleeper.h \
	%D%/transport.h
