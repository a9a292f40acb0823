import os

from spack.package import *

try:
    from spack_repo.builtin.build_systems.generic import Package
except ImportError:
    # Spack before 1.0 has it in spack.package.
    pass

# The clone that this file is in: the package is built from what is committed there.
CLONE = os.path.abspath(os.path.join(os.path.dirname(os.path.realpath(__file__)), *[".."] * 4))


class DftUtils(Package):
    """Turns DFTracer traces into tables that answer how a job used its data: the program dft,
    and a library for C and C++ programs."""

    homepage = "https://pypi.org/project/dftracer/"
    git = f"file://{CLONE}"

    license("MIT OR Apache-2.0")

    version("main", branch="main")

    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("rust@1.93:", type="build")
    depends_on("python@3.9:", type="build")
    # libclang generates the bindings of RocksDB.
    depends_on("llvm+clang", type="build")

    sanity_check_is_file = [
        "bin/dft",
        "include/dft_utils.h",
        "lib/libdft_utils.so",
        "lib/libdft_utils.a",
    ]

    def setup_build_environment(self, env):
        # Crates and the compiled RocksDB are of this build, not of the user who builds.
        env.set("CARGO_HOME", join_path(self.stage.path, "cargo"))
        env.set("XDG_CACHE_HOME", join_path(self.stage.path, "cache"))
        env.set("CARGO_TARGET_DIR", join_path(self.stage.path, "target"))
        env.set("CARGO_BUILD_JOBS", str(make_jobs))
        env.set("LIBCLANG_PATH", self.spec["llvm"].prefix.lib)

    def install(self, spec, prefix):
        which("cargo", required=True)("xtask", "install", "--prefix", prefix)

    @run_after("install")
    @on_package_attributes(run_tests=True)
    def check_install(self):
        """Indexes traces of the sources, and shows their totals."""
        dft = Executable(self.prefix.bin.dft)
        index = join_path(self.stage.path, "index")
        traces = join_path(self.stage.source_path, "tests", "data", "tracer-3-events")
        dft("index", traces, "--index", index)
        dft("summary", index, "--top", "2")

    def test_version(self):
        """The installed program states its version."""
        dft = Executable(self.prefix.bin.dft)
        assert "dft" in dft("--version", output=str.split, error=str.split)
