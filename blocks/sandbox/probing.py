"""Whether programs can be shut in on this machine: found out by doing it."""

from blocks.errors import SomaError
from blocks.sandbox.order import Limits
from blocks.sandbox.running import run

_LOOK = (
    "import os\n"
    "assert os.getpid() < 10 and os.getuid() == 1000\n"
    "assert [line.split(':')[0].strip() for line in open('/proc/net/dev')][2:] == ['lo']\n"
    "print('shut in')\n"
)


async def why_not() -> str | None:
    """None when programs can be shut in, else the reason in a sentence."""
    try:
        ran = await run(["python3", "-I", "-c", _LOOK], workspace=None, limits=Limits(seconds=20))
    except SomaError as error:
        return error.message
    if ran.stdout.strip() != "shut in":
        return f"a program in the sandbox saw more than it should: {(ran.stderr or ran.note)[-300:]}"
    return None
