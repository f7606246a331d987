"""The page on clients says what the tests found."""

from dialects import client_table


def test_the_table_is_up_to_date():
    """
    `python tests/dialects/client_table.py` writes it.
    """
    page = client_table.PAGE.read_text("utf-8")

    assert page == client_table.page()
