"""Signing in, users and tenants, as calls of the client."""

from pydantic import TypeAdapter

from ui.transport import Transport, segment
from ui.wire_users import MadeUser, Session, SignedIn, Tenant, User


class UserCalls(Transport):
    """Signing in and out, and for admins the users and tenants.

    A client for a person begins without a token: `HubClient(url, "")`, then `login`, then `speak_for`.
    """

    def login(
        self, user: str, password: str, *, tenant: str | None = None, new_password: str | None = None
    ) -> SignedIn:
        """Sign in. `PasswordUsedUp`: this password is for one time, ask for a `new_password` as well.

        `WrongCredentials` and `TooManyTries` (with `retry_after`, seconds) say what they say.
        """
        asked = {"user": user, "password": password, "tenant": tenant, "new_password": new_password}
        return SignedIn.model_validate(self._post("/v1/login", asked))

    def refresh(self, refresh_token: str) -> SignedIn:
        """The next access token and the next refresh token; the one given is used up."""
        return SignedIn.model_validate(self._post("/v1/login/refresh", {"refresh_token": refresh_token}))

    def logout(self) -> None:
        """End the session of the token that this client speaks with, all its tokens included."""
        self._send("POST", "/v1/logout")

    def change_password(self, password: str, new_password: str) -> None:
        """Change one's own password; one's other sessions end."""
        asked = {"password": password, "new_password": new_password}
        self._send("PUT", "/v1/password", json=asked)

    def sessions_of(self, user: str, *, tenant: str | None = None) -> list[Session]:
        """The sign-ins of a user that are not over."""
        found = self._get(f"/v1/users/{segment(user)}/sessions", **_of(tenant))
        return TypeAdapter(list[Session]).validate_python(found)

    def end_session(self, user: str, session: str, *, tenant: str | None = None) -> None:
        path = f"/v1/users/{segment(user)}/sessions/{segment(session)}"
        self._send("DELETE", path, params=_of(tenant))

    def create_user(
        self, name: str, roles: list[str], *, password: str | None = None, tenant: str | None = None
    ) -> MadeUser:
        """A new user; without a password the answer has one for one time."""
        asked = {"name": name, "roles": roles, "password": password, "tenant": tenant}
        return MadeUser.model_validate(self._post("/v1/users", asked))

    def users(self, *, tenant: str | None = None) -> list[User]:
        return TypeAdapter(list[User]).validate_python(self._get("/v1/users", **_of(tenant)))

    def change_user(
        self,
        name: str,
        *,
        roles: list[str] | None = None,
        disabled: bool | None = None,
        reset_password: bool = False,
        tenant: str | None = None,
    ) -> MadeUser:
        """Change a user's roles, disable or enable them, or give them a password for one time."""
        asked = {"roles": roles, "disabled": disabled, "reset_password": reset_password}
        answer = self._send("PATCH", f"/v1/users/{segment(name)}", json=asked, params=_of(tenant))
        return MadeUser.model_validate(answer.json())

    def tenants(self) -> list[Tenant]:
        return TypeAdapter(list[Tenant]).validate_python(self._get("/v1/tenants"))

    def create_tenant(self, tenant: str, *, name: str | None = None) -> Tenant:
        return Tenant.model_validate(self._post("/v1/tenants", {"id": tenant, "name": name}))


def _of(tenant: str | None) -> dict[str, str]:
    return {"tenant": tenant} if tenant else {}
