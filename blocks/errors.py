"""The errors of the hub.

One root; a class's docstring is its default message, its fields survive pickling (Prefect stores
exceptions by pickle), and three class attributes say how each face of the hub answers it.
"""

from typing import Any, ClassVar


class SomaError(Exception):
    """Something in the hub went wrong."""

    status: ClassVar[int] = 500
    """The HTTP status that the gateway answers."""
    exit_code: ClassVar[int] = 1
    """The exit code of the command line."""
    final: ClassVar[bool] = False
    """Whether trying the same again cannot help."""

    def __init__(self, message: str | None = None, **fields: Any) -> None:
        self.message = message or " ".join((type(self).__doc__ or type(self).__name__).split())
        self.fields = fields
        super().__init__(self.message)

    def __getattr__(self, name: str) -> Any:
        fields = self.__dict__.get("fields") or {}
        if name in fields:
            return fields[name]
        raise AttributeError(f"{type(self).__name__!r} has no field {name!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.fields)

    @property
    def title(self) -> str:
        """The class name as words: `NoSuchProject` is 'No such project'."""
        name = type(self).__name__
        words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)
        return words.strip().capitalize()


def _rebuild(kind: type[SomaError], message: str, fields: dict[str, Any]) -> SomaError:
    return kind(message, **fields)


class BadInput(SomaError):
    """The input is not valid. Mend it as the message says and try again."""

    status = 422
    exit_code = 2
    final = True


class NotFound(SomaError):
    """There is no such thing here. Check the name or the id."""

    status = 404
    exit_code = 2


class Conflict(SomaError):
    """This cannot be done in the present state."""

    status = 409
    exit_code = 2


class Unauthenticated(SomaError):
    """A valid bearer token is needed: send `Authorization: Bearer TOKEN`."""

    status = 401
    exit_code = 2


class Forbidden(SomaError):
    """The token is valid but does not allow this."""

    status = 403
    exit_code = 2


class WrongCredentials(Unauthenticated):
    """The name or the password is wrong, or the user may not sign in."""


class PasswordUsedUp(Forbidden):
    """This password is for one time. Choose a new one and send it along as `new_password`."""


class TooManyTries(SomaError):
    """There were too many tries. Wait a moment."""

    status = 429
    exit_code = 2


class Unavailable(SomaError):
    """A part of the hub does not answer. Run `soma doctor` to see which."""

    status = 503


class NotConfigured(SomaError):
    """The hub was not told what it needs for this."""

    status = 409
    exit_code = 2
    final = True


class StaleAttempt(SomaError):
    """Another run has taken over this node since; the result of this one is not recorded."""

    status = 409


class TookTooLong(SomaError):
    """The attempt took longer than its node may."""


class Overtaken(SomaError):
    """Somebody has wanted something of the project since its driver looked; it has to look again."""

    status = 409


class Refusal(SomaError):
    """The constitution does not let this go on."""

    status = 403


class PolicyDenied(Refusal):
    """The constitution forbids this."""


class ApprovalNeeded(Refusal):
    """The constitution asks a person first."""
