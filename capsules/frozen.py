"""Documents of a plan: immutable, and the same digest however many fields are added to them later."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer


class Frozen(BaseModel):
    """A part of a plan; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    later: ClassVar[frozenset[str]] = frozenset()
    """Fields that plans did not have at first. They are written only where they say something, so a plan
    that was approved before there were such fields keeps its digest."""

    @model_serializer(mode="wrap")
    def _without_what_says_nothing(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        fields = type(self).model_fields
        for name in self.later:
            if name in written and getattr(self, name) == fields[name].default:
                del written[name]
        return written
