//! `install`: the library where C and C++ programs find it.
//!
//! ```text
//! P/lib/libdft_utils.so → .so.1 → .so.1.0.0, libdft_utils.a
//! P/lib/pkgconfig/dft_utils.pc, dft_utils-static.pc, P/lib/cmake/dft_utils/dft_utils-config.cmake
//! P/include/dft_utils.h, dft_utils.hpp
//! ```
//!
//! What is installed can be moved as a whole. The static library has all of RocksDB in it, under RocksDB's
//! own names: a program that has a RocksDB of its own links the shared one, which shows only `dft_…`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context, Result};

use crate::header::root;
use crate::provision::provision;
use crate::target::{target_directory, workspace_directory};
use crate::test::step;

/// The ABI: the first number of the library's soname, which `capi/build.rs` gives it.
const ABI: &str = "1";

/// What a program needs beside the static library.
const STATIC_LIBRARIES: &str = "-lstdc++ -lpthread -ldl -lm";

pub(crate) fn run(prefix: &Path) -> Result<()> {
    let provisions = provision()?;
    step("building the library", &mut provisions.build())?;
    let built = target_directory(&workspace_directory(&mut provisions.cargo())?)?.join("release");
    let prefix = std::path::absolute(prefix)?;
    for folder in ["lib/pkgconfig", "lib/cmake/dft_utils", "include"] {
        let folder = prefix.join(folder);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let version = env!("CARGO_PKG_VERSION");
    let library = format!("libdft_utils.so.{ABI}.{version}");
    let lib = prefix.join("lib");
    put(&built.join("libdft_utils.so"), &lib.join(&library))?;
    put(&built.join("libdft_utils.a"), &lib.join("libdft_utils.a"))?;
    let soname = format!("libdft_utils.so.{ABI}");
    link(&library, &lib.join(&soname))?;
    link(&soname, &lib.join("libdft_utils.so"))?;
    for header in ["dft_utils.h", "dft_utils.hpp"] {
        put(&root().join("include").join(header), &prefix.join("include").join(header))?;
    }
    write(&lib.join("pkgconfig/dft_utils.pc"), &pkg_config("dft_utils", "-L${libdir} -ldft_utils", version))?;
    let archive = format!("${{libdir}}/libdft_utils.a {STATIC_LIBRARIES}");
    write(&lib.join("pkgconfig/dft_utils-static.pc"), &pkg_config("dft_utils-static", &archive, version))?;
    write(&lib.join("cmake/dft_utils/dft_utils-config.cmake"), CMAKE)?;
    write(&lib.join("cmake/dft_utils/dft_utils-config-version.cmake"), &cmake_version(version))?;
    println!("\nInstalled in {}", prefix.display());
    Ok(())
}

/// Copies a file under a name that may be in use: what has it open keeps the old one.
fn put(from: &Path, to: &Path) -> Result<()> {
    let _ = fs::remove_file(to);
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

fn link(target: &str, name: &Path) -> Result<()> {
    let _ = fs::remove_file(name);
    symlink(target, name).with_context(|| format!("cannot link {}", name.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn pkg_config(name: &str, libs: &str, version: &str) -> String {
    format!(
        "prefix=${{pcfiledir}}/../..\nlibdir=${{prefix}}/lib\nincludedir=${{prefix}}/include\n\nName: {name}\n\
         Description: DFTracer traces to aggregated tables\nVersion: {version}\n\
         Cflags: -I${{includedir}}\nLibs: {libs}\n"
    )
}

const CMAKE: &str = "\
# dft_utils::dft_utils is the shared library, dft_utils::dft_utils_static the other.
get_filename_component(_dft_utils_prefix \"${CMAKE_CURRENT_LIST_DIR}/../../..\" ABSOLUTE)
if(NOT TARGET dft_utils::dft_utils)
  add_library(dft_utils::dft_utils SHARED IMPORTED)
  set_target_properties(dft_utils::dft_utils PROPERTIES
    IMPORTED_LOCATION \"${_dft_utils_prefix}/lib/libdft_utils.so\"
    INTERFACE_INCLUDE_DIRECTORIES \"${_dft_utils_prefix}/include\")
  add_library(dft_utils::dft_utils_static STATIC IMPORTED)
  set_target_properties(dft_utils::dft_utils_static PROPERTIES
    IMPORTED_LOCATION \"${_dft_utils_prefix}/lib/libdft_utils.a\"
    INTERFACE_INCLUDE_DIRECTORIES \"${_dft_utils_prefix}/include\"
    INTERFACE_LINK_LIBRARIES \"stdc++;pthread;dl;m\")
endif()
unset(_dft_utils_prefix)
";

/// A newer release of the same major version will do.
fn cmake_version(version: &str) -> String {
    let major = version.split('.').next().unwrap_or(version);
    format!(
        "set(PACKAGE_VERSION {version})\n\
         if(PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION OR\n   \
            (PACKAGE_FIND_VERSION AND NOT PACKAGE_FIND_VERSION_MAJOR STREQUAL \"{major}\"))\n  \
         set(PACKAGE_VERSION_COMPATIBLE FALSE)\nelse()\n  set(PACKAGE_VERSION_COMPATIBLE TRUE)\n  \
         if(PACKAGE_FIND_VERSION VERSION_EQUAL PACKAGE_VERSION)\n    set(PACKAGE_VERSION_EXACT TRUE)\n  endif()\n\
         endif()\n"
    )
}
