libjupiter_a_SOURCES += \
	%D%/checked.h \
	%D%/checksum.h \
	%D%/clock.c %D%/clock.h \
	%D%/decimal.h \
	%D%/fault.c %D%/fault.h \
	%D%/input.c %D%/input.h \
	%D%/interrupt.c %D%/interrupt.h \
	%D%/launcher.c %D%/launcher.h \
	%D%/log.c %D%/log.h \
	%D%/mem.c %D%/mem.h %D%/mem_system.c \
	%D%/output.c %D%/output.h %D%/output_lines.c \
	%D%/pack.c %D%/pack.h \
	%D%/progress.c %D%/progress.h \
	%D%/rng.c %D%/rng.h \
	%D%/status.c %D%/status.h \
	%D%/temporary.c %D%/temporary.h \
	%D%/terminal.c %D%/terminal.h \
	%D%/thread.c %D%/thread.h
