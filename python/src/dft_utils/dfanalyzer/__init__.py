"""Run dfanalyzer on this engine: the unchanged analyzer reads from an index.

``python -m dft_utils.dfanalyzer …`` corresponds to ``dfanalyzer …``. Programs that use the analyzer as a library must
call :func:`install` first.
"""

from .hook import Unsupported, install

__all__ = ["Unsupported", "install"]
