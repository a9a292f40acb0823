"""dfanalyzer on this engine: the analyzer as it is, reading through an index of ours.

``python -m dft_utils.dfanalyzer …`` is ``dfanalyzer …``. Programs that use the analyzer as a library call
:func:`install` first.
"""

from .hook import Unsupported, install

__all__ = ["Unsupported", "install"]
