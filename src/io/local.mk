libjupiter_a_SOURCES += \
	%D%/hdf5_attribute.c %D%/hdf5_file.c %D%/hdf5_file.h \
	%D%/hdf5_inner.h %D%/hdf5_table.c \
	%D%/model_config.c %D%/model_file.c %D%/model_file.h
