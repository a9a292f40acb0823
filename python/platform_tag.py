"""Tag the wheel for any Python 3 on this platform, or on that in DFT_UTILS_PLATFORM, which its library is for.

The library does not depend on Python.
"""

import os
import sysconfig

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PlatformTag(BuildHookInterface):
    def initialize(self, version, build_data):
        here = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        platform = os.environ.get("DFT_UTILS_PLATFORM", here)
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform}"
