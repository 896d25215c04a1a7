"""Makes the package jupiter_trace known to scripts: in the source tree and where it is installed it
lies beside them, in python/."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in (os.path.join(HERE, "python"), os.path.join(os.path.dirname(HERE), "python")):
    if os.path.isdir(os.path.join(folder, "jupiter_trace")):
        sys.path.insert(0, folder)
        break
try:
    import jupiter_trace  # noqa: F401
except ImportError as error:
    sys.exit(f"{os.path.basename(sys.argv[0])}: {error}; it needs numpy and h5py (Debian: "
             "python3-numpy python3-h5py, for /usr/bin/python3)")
