# what reads run files: src/trace/SCHEMA.md describes them, python/jupiter_trace reads them
dist_pkgdata_SCRIPTS = %D%/breakdown.py %D%/gantt.py %D%/kernels.py
dist_pkgdata_DATA = %D%/find_package.py
TESTS += tests/plots/plots-test
EXTRA_DIST += tests/plots/make_run.py tests/plots/plots-test tests/plots/plots_test.py
