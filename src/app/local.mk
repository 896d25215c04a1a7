bin_PROGRAMS += jupiter
jupiter_SOURCES = %D%/main.c
jupiter_LDADD = $(JUP_LIBS)
