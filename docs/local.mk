dist_doc_DATA = README.md CHANGELOG.md
docsdir = $(docdir)/docs
dist_docs_DATA = %D%/boards.md %D%/decoding.md %D%/experiments.md %D%/first-run.md %D%/own-model.md \
	%D%/planning.md %D%/server.md %D%/traces.md
TESTS += tests/check-docs
EXTRA_DIST += tests/check-docs
