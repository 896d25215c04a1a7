libjupiter_a_SOURCES += \
	%D%/hop.c %D%/hop.h \
	%D%/pipeline.c %D%/pipeline.h \
	%D%/request.h
