"""The system calls that Python has no functions for (Linux)."""

import ctypes
import os

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS = 0x00020000, 0x02000000, 0x04000000
CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID = 0x08000000, 0x10000000, 0x20000000
CLONE_NEWNET = 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV = 1, 2, 4
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP = 1, 4, 22, 24
PR_SET_NO_NEW_PRIVS = 38
MOUNT_SETATTR, CLOSE_RANGE = 442, 436
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

_libc = ctypes.CDLL(None, use_errno=True)


class _MountAttributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns")]


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def unshare(flags: int) -> None:
    _checked(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount something; `OSError` that says what and where."""
    given = [ctypes.c_char_p(os.fsencode(text) if text else None) for text in (source, target, kind)]
    last = ctypes.c_char_p(options.encode() if options else None)
    _checked(_libc.mount(*given, ctypes.c_ulong(flags), last), f"mount {source or kind} at {target}")


def seal_mount(target: str, *, read_only: bool, devices: bool = False, beneath: bool = True) -> None:
    """No set-uid programs in the mount, with `read_only` no writing, and no devices unless said otherwise.

    Mounts that lie `beneath` it are meant as well. What was forbidden before stays forbidden.
    """
    wanted = MOUNT_ATTR_NOSUID | (0 if devices else MOUNT_ATTR_NODEV)
    attributes = _MountAttributes(wanted | (MOUNT_ATTR_RDONLY if read_only else 0), 0, 0, 0)
    result = _libc.syscall(
        ctypes.c_long(MOUNT_SETATTR),
        ctypes.c_int(AT_FDCWD),
        ctypes.c_char_p(os.fsencode(target)),
        ctypes.c_uint(AT_RECURSIVE if beneath else 0),
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )
    _checked(result, f"mount_setattr {target}")


def pivot_root(new: str, old: str) -> None:
    number = PIVOT_ROOT[os.uname().machine]
    given = [ctypes.c_char_p(os.fsencode(path)) for path in (new, old)]
    _checked(_libc.syscall(ctypes.c_long(number), *given), "pivot_root")


def detach(target: str) -> None:
    _checked(_libc.umount2(ctypes.c_char_p(os.fsencode(target)), MNT_DETACH), f"umount {target}")


def prctl(option: int, value: int = 0, address: int | None = None) -> None:
    more = ctypes.c_void_p(address) if address is not None else ctypes.c_ulong(0)
    result = _libc.prctl(option, ctypes.c_ulong(value), more, ctypes.c_ulong(0), ctypes.c_ulong(0))
    _checked(result, f"prctl {option}")


def close_from(first: int) -> None:
    """Close every descriptor from this number on."""
    result = _libc.syscall(
        ctypes.c_long(CLOSE_RANGE), ctypes.c_uint(first), ctypes.c_uint(0xFFFFFFFF), ctypes.c_uint(0)
    )
    _checked(result, "close_range")
