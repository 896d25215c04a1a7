#!/usr/bin/env python3
"""The plot of python/jupiter_trace/breakdown.py, from the source tree or where it is installed."""

import find_package  # noqa: F401
from jupiter_trace.breakdown import main

main()
