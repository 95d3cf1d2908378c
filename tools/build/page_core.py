"""Build the core for web pages, python/backprop_rs/web/core.wasm.

`make playground` runs this file, and so does every build of the wheel. A wheel that is built
without the target lacks the playground alone.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

TARGET = "wasm32-unknown-unknown"
PROJECT = Path(__file__).resolve().parents[2]
RESULT = PROJECT / "python" / "backprop_rs" / "web" / "core.wasm"
LACKING = f"no playground in this build: it needs `rustup target add {TARGET}`"
FLAG = "-Ctarget-feature=+simd128"  # every browser since 2023


def build_page_core() -> bool:
    """Build the core for web pages; return False if the target is not installed."""
    if not has_target():
        RESULT.unlink(missing_ok=True)  # of earlier sources
        print(LACKING, file=sys.stderr)
        return False
    restore_workspace()
    folder = Path(os.environ.get("CARGO_TARGET_DIR", PROJECT / "target")) / "page"
    command = ["cargo", "build", "--locked", "--package", "backprop-rs-playground", "--lib"]
    command += ["--target", TARGET, "--profile", "page", "--target-dir", str(folder)]
    subprocess.run(command, cwd=PROJECT, env=environment(), check=True)
    shutil.copyfile(folder / TARGET / "page" / "backprop_rs_playground.wasm", RESULT)
    return True


def restore_workspace() -> None:
    """Name the crate of the page in the manifest of a source distribution.

    maturin leaves the section out of it, because the core does not depend on that crate.
    """
    manifest = PROJECT / "Cargo.toml"
    text = manifest.read_text("utf-8")
    if "[workspace]" not in text:
        manifest.write_text(f'{text}\n[workspace]\nmembers = ["playground"]\n', "utf-8")


def has_target() -> bool:
    """Return True if the compiler has a standard library for the target."""
    command = ["rustc", "--print", "target-libdir", "--target", TARGET]
    try:
        libraries = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return Path(libraries.stdout.strip()).is_dir()


def environment() -> dict[str, str]:
    """Return the variables of cargo: the flags for the target, and the caller's remapped paths."""
    separator = "\x1f"
    given = os.environ.get("CARGO_ENCODED_RUSTFLAGS", "").split(separator)
    remaps = [flag for flag in given if flag.startswith("--remap-path-prefix")]
    flags = {"CARGO_ENCODED_RUSTFLAGS": separator.join([*remaps, FLAG])}
    return {**os.environ, "CARGO_INCREMENTAL": "0", **flags}


if __name__ == "__main__":
    sys.exit(0 if build_page_core() else 1)
