import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from blocks.errors import BadInput
from blocks.sandbox.order import Limits
from blocks.sandbox.running import CannotIsolate, Ran, run

Sh = Callable[..., Ran]
ROOT = Path(__file__).parents[3]


def test_a_program_works_in_the_workspace(sh: Sh, workspace: Path):
    """It reads its input, writes files that stay, and ends with its exit code."""
    ran = sh("cat > out.txt; cat out.txt; echo aside >&2; exit 3", b"hello")

    assert (ran.exit_code, ran.ended, ran.stdout, ran.stderr) == (3, "exit", "hello", "aside\n")
    assert (workspace / "out.txt").read_text() == "hello"
    assert (workspace / "out.txt").stat().st_uid == os.getuid()


def test_it_sees_no_file_but_the_systems(sh: Sh, tmp_path: Path):
    """Neither what lies beside the workspace, nor homes, nor accounts, nor what the hub keeps."""
    (tmp_path / "secret.txt").write_text("secret")

    ran = sh(f"cat {tmp_path}/secret.txt /etc/shadow; ls /home /srv /var /run /sys; ls -A {tmp_path}")

    assert ran.stdout.split() == ["workspace"]
    assert ran.stderr.count("No such file") == 7


def test_it_finds_no_secret_in_its_environment(sh: Sh, monkeypatch: pytest.MonkeyPatch):
    """The hub's own environment stays with the hub, also in what process 1 of the jail was started with."""
    monkeypatch.setenv("SOMA_MODEL_KEY", "sk-of-the-hub")

    ran = sh("env; cat /proc/1/environ /proc/*/environ 2>/dev/null")

    assert "PATH=" in ran.stdout
    assert "sk-of-the-hub" not in ran.stdout


@pytest.mark.parametrize(
    "path", ["/x", "/usr/bin/x", "/etc/x", "/dev/x", "/proc/sys/kernel/core_pattern", sys.prefix + "/x"]
)
def test_it_writes_nowhere_else(sh: Sh, path: str):
    """Not even as the machine's root, which the hub may run as."""
    ran = sh(f"echo x > {path}")

    assert ran.exit_code != 0
    assert "Read-only" in ran.stderr or "Permission denied" in ran.stderr or "nonexistent" in ran.stderr


def test_it_has_no_network(sh: Sh):
    """A server of the machine cannot be reached by its address, by its loopback or by an abstract socket."""
    listening = socket.create_server(("127.0.0.1", 0))
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind(f"\0soma-{os.getpid()}")
    abstract.listen()
    program = (
        "import socket, sys\n"
        "for family, address in ((2, ('127.0.0.1', {port})), (2, ('192.0.2.1', 80)), (1, {abstract!r})):\n"
        "    try: socket.socket(family).connect(address); print('reached', address)\n"
        "    except OSError as error: print(error.strerror)\n"
        "for family in (16, 17, 38, 40):\n"
        "    try: socket.socket(family, socket.SOCK_RAW); print('family', family)\n"
        "    except OSError as error: print(error.strerror)\n"
    ).format(port=listening.getsockname()[1], abstract=f"\0soma-{os.getpid()}")

    with listening, abstract:
        ran = sh("python3 -", program.encode())

    assert ran.stdout.splitlines() == [
        "Connection refused",
        "Network is unreachable",
        "Connection refused",
        *["Address family not supported by protocol"] * 4,
    ]


def test_it_may_talk_to_itself(sh: Sh):
    """Tests of servers need a loopback, and there is one with nobody else on it."""
    ran = sh(
        "python3 -",
        b"import socket\n"
        b"server = socket.create_server(('127.0.0.1', 0))\n"
        b"socket.create_connection(server.getsockname()); print('reached')\n",
    )

    assert ran.stdout == "reached\n"


def test_it_sees_and_ends_no_process_of_the_machine(sh: Sh):
    """It has numbers of its own, and process 1 of the jail cannot be ended, read or stopped from inside."""
    ran = sh(
        f"kill -9 {os.getpid()}; kill -9 1; kill -STOP 1; cat /proc/1/environ /proc/1/maps; "
        "head -c 9 /proc/1/mem; ls /proc | grep -c '^[0-9]'"
    )

    assert int(ran.stdout) < 6
    assert ran.ended == "exit"


@pytest.mark.parametrize(
    "attempt",
    [
        "unshare -Ur true",
        "unshare -m true",
        "mount -t tmpfs none /tmp",
        "mount -o remount,rw /",
        "chroot / true",
        "nsenter -t 1 -m true",
        "python3 -c \"import ctypes; c=ctypes.CDLL(None); exit(c.syscall(248,b'user',b'k',b'v',1,-3) >= 0)\"",
        'python3 -c "import os; os.memfd_create(chr(97))"',
        'python3 -c "import os; os.setuid(0)"',
    ],
)
def test_it_gains_no_rights(sh: Sh, attempt: str):
    """No namespaces, no mounts, no keys, no memory without a name, no other user."""
    if "248" in attempt:
        assert sh(attempt).exit_code == 0
        return

    assert sh(attempt).exit_code != 0


def test_it_has_no_capability(sh: Sh):
    """None that it holds, none that a program it starts could get."""
    ran = sh("grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status")
    found = dict(line.split() for line in ran.stdout.splitlines())

    assert {int(value, 16) for name, value in found.items() if name.startswith("Cap")} == {0}
    assert (found["NoNewPrivs:"], found["Seccomp:"]) == ("1", "2")


@pytest.mark.parametrize(
    ("command", "ended", "limits"),
    [
        ("sleep 60", "time", {"seconds": 1}),
        ("while :; do :; done", "time", {"seconds": 1}),
        (
            "python3 -c 'import time; x = [bytearray(20_000_000) for _ in range(9)]; time.sleep(60)'",
            "memory",
            {"memory_mb": 100},
        ),
        ("head -c 150000000 /dev/zero > /tmp/x; sleep 60", "memory", {"memory_mb": 100}),
        ("f() { f | f & }; f; sleep 60", "processes", {"processes": 30}),
        (
            "for i in 1 2 3 4 5 6; do head -c 9000000 /dev/zero > $i; done; sleep 60",
            "disk",
            {"file_mb": 10, "grown_mb": 30},
        ),
        ("mkdir d; cd d; seq 300 | xargs touch; sleep 60", "disk", {"grown_files": 100}),
        ("kill -9 $$", "signal", {}),
    ],
)
def test_what_takes_too_much_is_ended(sh: Sh, command: str, ended: str, limits: dict[str, int]):
    """Time, memory, processes and disk are counted over all that it starts, and the reason is told."""
    ran = sh(command, **{"seconds": 20, **limits})

    assert (ran.ended, ran.exit_code) == (ended, None)
    assert ran.note.startswith("it was ended")


def test_one_file_has_a_limit(sh: Sh, workspace: Path):
    """Whoever writes beyond it is ended, and the file is no larger."""
    ran = sh("head -c 3000000 /dev/zero > big; echo $?", file_mb=1)

    assert ran.stdout == "153\n"
    assert (workspace / "big").stat().st_size == 1_000_000


def test_long_output_keeps_its_beginning_and_its_end(sh: Sh):
    """And says how much is left out between them."""
    ran = sh("echo first; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo last")

    assert ran.cut
    assert ran.stdout.startswith("first\nxxx")
    assert ran.stdout.endswith("xxx\nlast\n")
    assert "bytes are left out" in ran.stdout
    assert len(ran.stdout) < 110_000


def test_what_it_leaves_behind_ends_with_it(sh: Sh):
    """A process in the background does not outlive the program that started it."""
    sh("setsid sleep 4711 & echo started")

    assert eventually(lambda: not sleeping("4711"))


def test_a_cancelled_call_leaves_nothing(shut_in: None, workspace: Path):
    """Whoever does not wait any more ends everything in the jail."""

    async def work() -> None:
        task = asyncio.create_task(run(["sleep", "4712"], workspace=workspace))
        assert await asyncio.to_thread(eventually, lambda: sleeping("4712"))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(work())

    assert eventually(lambda: not sleeping("4712"))


def test_a_killed_hub_leaves_nothing(shut_in: None, workspace: Path):
    """The kernel ends the jail when the process that ordered it is killed with -9."""
    program = (
        "import asyncio, pathlib\n"
        "from blocks.sandbox.running import run\n"
        f"asyncio.run(run(['sh', '-c', 'setsid sleep 4713'], workspace=pathlib.Path({str(workspace)!r})))\n"
    )
    hub = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    try:
        assert eventually(lambda: sleeping("4713"))
    finally:
        hub.send_signal(signal.SIGKILL)
        hub.wait()

    assert eventually(lambda: not sleeping("4713"))


def test_where_nothing_can_be_shut_in_nothing_runs(shut_in: None, workspace: Path):
    """A jail inside of the jail has no namespaces to be made of: the program is refused, not run openly."""
    program = (
        "import asyncio, pathlib\n"
        "from blocks.sandbox.running import run\n"
        "from blocks.sandbox.probing import why_not\n"
        "print(asyncio.run(why_not()))\n"
        "try: asyncio.run(run(['touch', 'ran'], workspace=pathlib.Path.cwd()))\n"
        "except Exception as error: print(type(error).__name__)\n"
    )

    ran = asyncio.run(
        run(
            ["python3", "-c", program],
            workspace=workspace,
            environment={"PYTHONPATH": str(ROOT)},
            readable=[ROOT],
            limits=Limits(seconds=60),
        )
    )

    assert "programs cannot be shut in on this machine" in ran.stdout
    assert ran.stdout.endswith("CannotIsolate\n"), ran.stderr
    assert not (workspace / "ran").exists()


def test_a_program_that_is_not_there_is_said_to_be_missing(shut_in: None, workspace: Path):
    """That is no failure of the sandbox."""
    with pytest.raises(BadInput, match="no program 'no-such-program'"):
        asyncio.run(run(["no-such-program"], workspace=workspace))


def test_a_folder_can_be_shown_without_being_writable(shut_in: None, workspace: Path, tmp_path: Path):
    """What the operator names can be read, and no more."""
    shown = tmp_path / "shown"
    shown.mkdir()
    (shown / "a.txt").write_text("for everybody")

    ran = asyncio.run(
        run(["sh", "-c", f"cat {shown}/a.txt; echo x > {shown}/a.txt"], workspace=workspace, readable=[shown])
    )

    assert ran.stdout == "for everybody"
    assert "Read-only" in ran.stderr


def test_the_hubs_own_data_is_not_shown(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A folder that holds it cannot be named as one to be read, not even through a link."""
    monkeypatch.setenv("SOMA_DATA_DIR", str(tmp_path / "hub" / "data"))
    (tmp_path / "hub" / "data").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "hub")

    for folder in (tmp_path / "hub", tmp_path / "link"):
        with pytest.raises(CannotIsolate, match="where the hub keeps its data"):
            asyncio.run(run(["true"], workspace=workspace, readable=[folder]))


def sleeping(seconds: str) -> bool:
    """Whether a `sleep` of just so many seconds runs anywhere on the machine."""
    return any(process.info["cmdline"] == ["sleep", seconds] for process in psutil.process_iter(["cmdline"]))


def eventually(answer: Callable[[], bool]) -> bool:
    for _ in range(500):
        if answer():
            return True
        time.sleep(0.02)
    return False
