"""The flatbuffer as C11 source, for firmware that links its model in."""

from __future__ import annotations

import re

PER_LINE = 16


def identifier(model_id: str) -> str:
    """A C name that no keyword or digit can spoil: ``cookie-2`` → ``cookie_2_model``."""
    name = re.sub(r"[^A-Za-z0-9]", "_", model_id) + "_model"
    return f"m_{name}" if name[0].isdigit() or name[0] == "_" else name


def header(name: str, size: int) -> bytes:
    """Declares the array and its length; also for C++."""
    guard = f"{name.upper()}_H"
    return f"""\
/* A TFLite flatbuffer of {size} bytes; written by edge convert. */
#ifndef {guard}
#define {guard}

#ifdef __cplusplus
extern "C" {{
#endif

extern const unsigned char {name}[{size}];
extern const unsigned int {name}_len;

#ifdef __cplusplus
}}
#endif

#endif
""".encode()


def source(name: str, header_name: str, flatbuffer: bytes) -> bytes:
    """Defines the array, 16 bytes aligned: readers of flatbuffers expect weights on their natural boundaries."""
    lines = [
        "  " + ", ".join(f"0x{byte:02x}" for byte in flatbuffer[at : at + PER_LINE]) + ",\n"
        for at in range(0, len(flatbuffer), PER_LINE)
    ]
    return f"""\
/* A TFLite flatbuffer of {len(flatbuffer)} bytes; written by edge convert. */
#include <stdalign.h>

#include "{header_name}"

alignas(16) const unsigned char {name}[{len(flatbuffer)}] = {{
{"".join(lines)}}};
const unsigned int {name}_len = sizeof {name};
""".encode()
