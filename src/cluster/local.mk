libjupiter_a_SOURCES += \
	%D%/cluster.c %D%/cluster.h \
	%D%/cluster_io.c \
	%D%/fit.c %D%/fit.h \
	%D%/nearest.c %D%/nearest.h \
	%D%/platform.c %D%/platform.h \
	%D%/profile.c %D%/profile.h \
	%D%/profile_io.c \
	%D%/shipped.c %D%/shipped.h \
	%D%/synthetic.c \
	%D%/yaml_in.c %D%/yaml_in.h \
	%D%/yaml_limits.c %D%/yaml_limits.h \
	%D%/yaml_out.c %D%/yaml_out.h
