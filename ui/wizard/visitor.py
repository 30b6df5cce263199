"""Who looks at the page, and the client that speaks for them."""

import streamlit as st

from blocks.errors import SomaError, Unauthenticated
from ui.client import HubClient
from ui.gateway.roles import roles_for
from ui.wizard import present
from ui.wizard.sign_ins import SignIn, Tokens
from ui.wizard.words import e, label


def signed_in() -> SignIn | None:
    """The sign-in of this browser, unless it has ended."""
    sign_ins = present.sign_ins()
    return sign_ins.find(st.context.cookies.to_dict().get(sign_ins.cookie))


def visitor() -> SignIn:
    """The sign-in of this browser; `Unauthenticated` when it is over."""
    found = signed_in()
    if found is None:
        raise Unauthenticated
    return found


def hub() -> HubClient:
    """The client that speaks for the person."""
    return present.sign_ins().fresh(visitor())


def me() -> Tokens:
    """Who the person is."""
    return visitor().tokens


def may(method: str, path: str) -> bool:
    """Whether one of the person's roles allows this request; the gateway has the last word."""
    return not roles_for(method, path).isdisjoint(me().roles)


def account() -> None:
    """Who is signed in, and the way out."""
    person = me()
    with (
        st.container(key="account", horizontal=True, horizontal_alignment="right"),
        st.popover(label(person.who), type="tertiary"),
    ):
        roles = ", ".join(sorted(person.roles)) or "no roles"
        st.html(f"<p><b>{e(person.who)}</b><br>{e(person.tenant)} · {e(roles)}</p>")
        if person.refresh is not None:
            _password()
        if st.button("Sign out", key="sign-out"):
            found = signed_in()
            if found is not None:
                present.sign_ins().end(found)
            st.rerun()


def _password() -> None:
    """Changing one's password."""
    with st.expander("Change the password"), st.form("password", border=False, clear_on_submit=True):
        old = st.text_input("Present password", type="password", autocomplete="current-password")
        new = st.text_input("New password", type="password", autocomplete="new-password")
        again = st.text_input("The same again", type="password", autocomplete="new-password")
        if not st.form_submit_button("Change it"):
            return
        if new != again:
            st.error("The two new passwords differ.")
            return
        try:
            hub().change_password(old, new)
        except SomaError as error:
            st.error(label(error.message))
        else:
            st.success("Changed. Other sign-ins of yours have ended.")
