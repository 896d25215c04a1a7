# files of this folder
noinst_PROGRAMS += %D%/trace_cost
