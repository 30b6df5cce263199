"""`soma limits`: what it prints, and how it fails."""


def test_limits_are_set_shown_and_removed(soma):
    """Each says in one line what is so now; a wrong name ends with code 2 and says what is right."""
    made = soma("limits", "set", "capsule:note", "2")
    shown = soma("limits", "list")
    wrong = soma("limits", "set", "note", "2")
    removed = soma("limits", "remove", "capsule:note")
    empty = soma("limits", "list")

    assert (made.code, made.out.strip()) == (0, "capsule:note: 0 of 2 places are taken")
    assert "capsule:note" in shown.out
    assert (wrong.code, "capsule:NAME" in wrong.err) == (2, True)
    assert removed.out.strip() == "capsule:note is not limited any more"
    assert "nothing is limited" in empty.err
