"""The filter of system calls that every program in a jail is under (seccomp).

Namespaces already hide files, processes and the network. The filter takes away what they do not cover: keys
of the kernel, sockets of families that know no namespaces, memory that nobody counts, and calls that only
widen what of the kernel can be attacked.
"""

import ctypes
import errno
import os
import struct

from blocks.sandbox.syscalls import PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, prctl

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""Machine -> what the kernel calls its system calls' convention."""
SOCKET = {"x86_64": 41, "aarch64": 198}
FAMILIES = (1, 2, 10)
"""Unix, IPv4 and IPv6: of these the jail has its own, empty ones."""

_EVERYWHERE = (425, 426, 427, 428, 429, 430, 431, 432, 433, 442, 447)
"""io_uring, the new calls for mounts, memfd_secret: the same number on both machines."""
DENIED: dict[str, tuple[int, ...]] = {
    # Keys, tracing and reading others' memory, loading code into the kernel, mounts and namespaces, handles,
    # memory without a name (memfd, System V, message queues), and what runs the machine.
    "x86_64": (
        *(248, 249, 250, 101, 310, 311, 321, 298, 323, 246, 320, 175, 313, 176, 165, 166, 155, 161, 272, 308),
        *(303, 304, 319, 29, 68, 240, 154, 163, 167, 168, 169, 179, 172, 173),
        *_EVERYWHERE,
    ),
    "aarch64": (
        *(217, 218, 219, 117, 270, 271, 280, 241, 282, 104, 294, 105, 273, 106, 40, 39, 41, 51, 97, 268),
        *(264, 265, 279, 194, 186, 180, 89, 224, 225, 142, 60),
        *_EVERYWHERE,
    ),
}

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _CONVENTION, _FIRST_ARGUMENT = 0, 4, 16
"""Where these stand in what the kernel shows to the filter."""
_X32 = 0x40000000


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]


def program(machine: str) -> bytes:
    """The filter for a machine, as the kernel takes it; `KeyError` for a machine that is not known."""
    steps = [
        (_LOAD, 0, 0, _CONVENTION),
        (_EQUAL, 1, 0, ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _KILL),
    ]
    for number in DENIED[machine]:
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERROR | errno.EPERM)]
    steps += [(_EQUAL, 0, len(FAMILIES) * 2 + 2, SOCKET[machine]), (_LOAD, 0, 0, _FIRST_ARGUMENT)]
    for family in FAMILIES:
        steps += [(_EQUAL, 0, 1, family), (_RETURN, 0, 0, _ALLOW)]
    steps += [(_RETURN, 0, 0, _ERROR | errno.EAFNOSUPPORT), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("HBBI", *step) for step in steps)


def deny_calls() -> None:
    """Put this process, and all that it becomes and starts, under the filter, for good."""
    code = program(os.uname().machine)
    kept = ctypes.create_string_buffer(code, len(code))
    given = _Program(len(code) // 8, ctypes.addressof(kept))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_SET_SECCOMP, 2, ctypes.addressof(given))
