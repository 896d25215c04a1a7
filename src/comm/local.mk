libjupiter_a_SOURCES += \
	%D%/comm.c %D%/comm.h \
	%D%/collect.c %D%/collect.h \
	%D%/exchange.c %D%/exchange.h \
	%D%/message.c %D%/message.h \
	%D%/mpi.c \
	%D%/record.c %D%/record.h \
	%D%/muster.c %D%/muster.h \
	%D%/network.c %D%/network.h \
	%D%/sleeper.c %D%/sleeper.h \
	%D%/transport.h \
	%D%/watch.c %D%/watch.h %D%/watch_inner.h \
	%D%/watch_door.c \
	%D%/watch_judge.c %D%/watch_judge.h \
	%D%/watch_live.c \
	%D%/watch_wire.c %D%/watch_wire.h
