"""What the steps of a project say to each other, as calls of the client."""

from pydantic import TypeAdapter

from ui.transport import Transport, segment
from ui.wire_messages import Message


class MessageCalls(Transport):
    """Reading the context bus of a project."""

    def messages(self, project: str, *, after: str = "", limit: int = 200) -> list[Message]:
        """What was said since the message `after`, oldest first; from the first one on unless given."""
        found = self._get(f"/v1/projects/{segment(project)}/messages", after=after, limit=limit)
        return TypeAdapter(list[Message]).validate_python(found)
