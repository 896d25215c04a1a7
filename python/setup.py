"""The version is the program's, which stands in configure.ac alone."""
import os
import re

from setuptools import setup

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "..", "configure.ac"), encoding="utf-8") as file:
    version = re.search(r"^AC_INIT\(\[jupiter\], \[([^]]+)\]", file.read(), re.M)
setup(version=version[1] if version else "0")
