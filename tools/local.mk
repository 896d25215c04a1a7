# what makes this machine look like several boards, and boards into one machine
noinst_PROGRAMS += %D%/delay
dist_noinst_SCRIPTS = %D%/boards %D%/coverage %D%/embed %D%/emulate %D%/fetch %D%/keep-going %D%/launch %D%/simulate
dist_noinst_SCRIPTS += %D%/manual %D%/quality.py

# The program describes itself; where it cannot run here, there is no manual. (With sanitizers:
# what MPI and its libraries leak is no fault of the manual's.)
if RUNS_HERE
all-local: manual/stamp
endif
manual/stamp: $(jupiter_OBJECTS) $(srcdir)/%D%/manual | jupiter$(EXEEXT)
	$(AM_V_GEN)ASAN_OPTIONS=detect_leaks=0 $(srcdir)/%D%/manual ./jupiter$(EXEEXT) manual && touch $@
man1dir = $(mandir)/man1
bashdir = $(datadir)/bash-completion/completions
zshdir = $(datadir)/zsh/site-functions
install-data-local:
	test ! -f manual/stamp || { \
	  $(MKDIR_P) '$(DESTDIR)$(man1dir)' '$(DESTDIR)$(bashdir)' '$(DESTDIR)$(zshdir)' && \
	  $(INSTALL_DATA) manual/*.1 '$(DESTDIR)$(man1dir)' && \
	  $(INSTALL_DATA) manual/jupiter.bash '$(DESTDIR)$(bashdir)/jupiter' && \
	  $(INSTALL_DATA) manual/_jupiter '$(DESTDIR)$(zshdir)'; }
uninstall-local:
	rm -f '$(DESTDIR)$(man1dir)'/jupiter.1 '$(DESTDIR)$(man1dir)'/jupiter-*.1
	rm -f '$(DESTDIR)$(bashdir)/jupiter' '$(DESTDIR)$(zshdir)/_jupiter'
clean-local:
	rm -rf manual
