//! `install`: installs the library for C and C++ programs, and the program `dft`.
//!
//! ```text
//! P/lib/libdft_utils.so → .so.3 → .so.3.0.0, libdft_utils.a
//! P/lib/pkgconfig/dft_utils.pc, dft_utils-static.pc, P/lib/cmake/dft_utils/dft_utils-config.cmake
//! P/include/dft_utils.h, dft_utils.hpp
//! P/bin/dft, P/share/man/man1, and completions in P/share for bash, zsh and fish
//! ```
//!
//! The installation can be moved as a whole. Both libraries contain all of RocksDB and zstd, and export only `dft_…`: a
//! program with another RocksDB or zstd uses its own.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::program::put_program;
use crate::provision::provision;
use crate::step::step;
use crate::target::{root, target_directory, workspace_directory};

/// The ABI: the first number of the library's soname, which `capi/build.rs` gives it.
const ABI: &str = "3";

/// What a program needs in addition to the static library.
const STATIC_LIBRARIES: &str = "-lstdc++ -lpthread -ldl -lm";

pub(crate) fn run(prefix: &Path) -> Result<()> {
    let provisions = provision()?;
    step("building the library", &mut provisions.build())?;
    let built = target_directory(&workspace_directory(&mut provisions.cargo())?)?.join("release");
    let prefix = std::path::absolute(prefix)?;
    put_library(&built, &prefix)?;
    let lib = prefix.join("lib");
    put_static(&built, &lib.join("libdft_utils.a"))?;
    let archive = format!("${{libdir}}/libdft_utils.a {STATIC_LIBRARIES}");
    let version = env!("CARGO_PKG_VERSION");
    write(&lib.join("pkgconfig/dft_utils-static.pc"), &pkg_config("dft_utils-static", &archive, version))?;
    let dft = built.join("dft");
    put_program(&dft, &dft, &prefix)?;
    println!("\nInstalled in {}", prefix.display());
    Ok(())
}

/// Installs the shared library of a build, its headers, and what pkg-config and CMake need to find it.
pub(crate) fn put_library(built: &Path, prefix: &Path) -> Result<()> {
    for folder in ["lib/pkgconfig", "lib/cmake/dft_utils", "include"] {
        let folder = prefix.join(folder);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let version = env!("CARGO_PKG_VERSION");
    let library = format!("libdft_utils.so.{ABI}.{version}");
    let lib = prefix.join("lib");
    put(&built.join("libdft_utils.so"), &lib.join(&library))?;
    let soname = format!("libdft_utils.so.{ABI}");
    link(&library, &lib.join(&soname))?;
    link(&soname, &lib.join("libdft_utils.so"))?;
    for header in ["dft_utils.h", "dft_utils.hpp"] {
        put(&root().join("include").join(header), &prefix.join("include").join(header))?;
    }
    write(&lib.join("pkgconfig/dft_utils.pc"), &pkg_config("dft_utils", "-L${libdir} -ldft_utils", version))?;
    write(&lib.join("cmake/dft_utils/dft_utils-config.cmake"), CMAKE)?;
    write(&lib.join("cmake/dft_utils/dft_utils-config-version.cmake"), &cmake_version(version))?;
    Ok(())
}

/// Replaces a file by a copy of another. Programs that have the old file open keep it.
fn put(from: &Path, to: &Path) -> Result<()> {
    let _ = fs::remove_file(to);
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

/// Makes a static library of one object that exports only the functions of the header.
fn put_static(built: &Path, to: &Path) -> Result<()> {
    let object = to.with_file_name("dft_utils.o");
    let _ = fs::remove_file(to);
    let mut join = Command::new("ld");
    // The linker would drop section groups with names that the program also has, and with them symbols that are local
    // here. capi/src/exit.rs explains why `__cxa_atexit` is replaced.
    join.args(["-r", "--gc-sections", "--force-group-allocation", "--wrap=__cxa_atexit"]);
    for name in names(&built.join("libdft_utils.so"), &["-D"])?.into_iter().filter(|(_, name)| name.starts_with("dft_"))
    {
        join.arg("-u").arg(name.1);
    }
    join.arg(built.join("libdft_utils.a")).arg("-o").arg(&object);
    step("the static library as one object", &mut join)?;
    // The compiler's bitcode is no longer needed, and other tools cannot read it.
    let mut strip = Command::new("objcopy");
    strip.args(["--strip-debug", "--remove-section=.llvmbc", "--remove-section=.llvmcmd"]).arg(&object);
    step("stripping debug information", &mut strip)?;
    // Unique symbols exist once per process and cannot be made local; weak ones can.
    let unique: Vec<String> =
        names(&object, &[])?.into_iter().filter(|(kind, _)| kind == "u").map(|(_, name)| name).collect();
    let list = to.with_file_name("dft_utils.unique");
    write(&list, &(unique.join("\n") + "\n"))?;
    step("weakening unique symbols", Command::new("objcopy").arg("--weaken-symbols").arg(&list).arg(&object))?;
    let mut hide = Command::new("objcopy");
    hide.args(["--wildcard", "--keep-global-symbol=dft_*"]).arg(&object);
    step("hiding other symbols", &mut hide)?;
    step("archiving the static library", Command::new("ar").arg("rcsD").arg(to).arg(&object))?;
    for used in [&list, &object] {
        fs::remove_file(used).with_context(|| format!("cannot remove {}", used.display()))?;
    }
    match names(to, &[])?.into_iter().find(|(_, name)| !name.starts_with("dft_")) {
        Some((_, name)) => bail!("{} exports {name}", to.display()),
        None => Ok(()),
    }
}

/// Returns the symbols that a library or an object exports, each with its kind.
fn names(file: &Path, more: &[&str]) -> Result<Vec<(String, String)>> {
    let output = Command::new("nm").args(["-g", "--defined-only"]).args(more).arg(file).output();
    let output = output.context("nm cannot be run: install binutils")?;
    if !output.status.success() {
        bail!("nm {}: {}", file.display(), String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text
        .lines()
        .filter_map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
            [_, kind, name] => Some((kind.to_owned(), name.to_owned())),
            _ => None,
        })
        .collect())
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
# dft_utils::dft_utils is the shared library, dft_utils::dft_utils_static the static one, which releases do not have.
get_filename_component(_dft_utils_prefix \"${CMAKE_CURRENT_LIST_DIR}/../../..\" ABSOLUTE)
if(NOT TARGET dft_utils::dft_utils)
  add_library(dft_utils::dft_utils SHARED IMPORTED)
  set_target_properties(dft_utils::dft_utils PROPERTIES
    IMPORTED_LOCATION \"${_dft_utils_prefix}/lib/libdft_utils.so\"
    INTERFACE_INCLUDE_DIRECTORIES \"${_dft_utils_prefix}/include\")
  if(EXISTS \"${_dft_utils_prefix}/lib/libdft_utils.a\")
    add_library(dft_utils::dft_utils_static STATIC IMPORTED)
    set_target_properties(dft_utils::dft_utils_static PROPERTIES
      IMPORTED_LOCATION \"${_dft_utils_prefix}/lib/libdft_utils.a\"
      INTERFACE_INCLUDE_DIRECTORIES \"${_dft_utils_prefix}/include\"
      INTERFACE_LINK_LIBRARIES \"stdc++;pthread;dl;m\")
  endif()
endif()
unset(_dft_utils_prefix)
";

/// Returns the CMake version file, which accepts newer releases of the same major version.
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
