"""A flow that does nothing, for measuring what starts it; as a script it serves itself to Prefect."""

import sys

from prefect import flow


@flow(name="bench-nothing")
async def nothing() -> None:
    """Do nothing."""


if __name__ == "__main__":
    nothing.serve(name=sys.argv[1], limit=10, pause_on_shutdown=False, print_starting_message=False)
