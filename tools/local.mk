# what makes this machine look like several boards, and boards into one machine
noinst_PROGRAMS += %D%/delay
dist_noinst_SCRIPTS = %D%/boards %D%/coverage %D%/embed %D%/emulate %D%/simulate
dist_noinst_SCRIPTS += %D%/quality.py
