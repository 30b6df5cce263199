"""`soma budgets`: limits set and accounts shown."""

import json


def test_limits_are_set_and_shown(soma, gateway):
    """A limit is told in words, listed as a table and as JSON, and taken away with `none`."""
    project = gateway.project().id
    made = soma("budgets", "set", "money", "2.50", "--project", project)
    listed = soma("budgets", "show", project)
    told = json.loads(soma("budgets", "show", project, "--json").out)
    gone = soma("budgets", "set", "money", "none", "--project", project)

    assert made.out.strip() == f"{project}: money has a limit of 2.5, 0 spent"
    assert "money" in listed.out
    assert [account["limit"] for account in told] == ["2.5"]
    assert "no limit" in gone.out


def test_what_is_no_amount_is_said_in_one_line(soma):
    """A wrong kind or amount names what can be written."""
    assert "there is no budget of 'calls'" in soma("budgets", "set", "calls", "3").err
    assert "is no amount" in soma("budgets", "set", "tokens", "many").err
