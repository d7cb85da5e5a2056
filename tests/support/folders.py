"""Temporary folders."""

import pathlib
import shutil
import tempfile


def temporary_folder(cleanup):
    """Creates a folder. `cleanup` schedules its removal: test.addCleanup, cls.addClassCleanup, atexit.register."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="etltest")).resolve()
    cleanup(shutil.rmtree, folder, True)
    return folder
