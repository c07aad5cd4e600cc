"""The optional C extension. pyproject.toml has everything else.

Without a compiler the installation succeeds, and usagewire works without the extension. With
USAGEWIRE_REQUIRE_NATIVE=1 the installation fails instead.
"""

import os
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

C_TEXT = Path("src/usagewire/native/csrc")
IS_REQUIRED = os.environ.get("USAGEWIRE_REQUIRE_NATIVE", "") not in ("", "0")


class BuildNative(build_ext):
    """Builds for C11, with the options of each compiler."""

    def build_extension(self, ext: Extension) -> None:
        """Build the extension."""
        is_msvc = self.compiler.compiler_type == "msvc"
        ext.extra_compile_args += ["/std:c11", "/O2"] if is_msvc else ["-std=c11", "-O3"]
        super().build_extension(ext)


setup(
    cmdclass={"build_ext": BuildNative},
    ext_modules=[
        Extension(
            "usagewire.native.extension",
            [(C_TEXT / "module.c").as_posix()],
            include_dirs=[C_TEXT.as_posix()],
            depends=sorted(part.as_posix() for part in C_TEXT.rglob("*.[ch]")),
            optional=not IS_REQUIRED,
        )
    ],
)
