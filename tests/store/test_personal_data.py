"""What is kept about a person is found by walking the tables: no new one is forgotten."""

from sqlalchemy import Table

from publisher.domain.addresses import parse_address
from publisher.store.engine import Store
from publisher.store.personal_data import everything
from publisher.store.tables import metadata

PERSONAL = {"address", "address_key", "address_hash", "email", "ip", "subscriber", "subscription"}


def is_about_people(table: Table) -> bool:
    """Whether it names somebody, or hangs on a table that does."""
    hangs_on = {key.column.table for key in table.foreign_keys} - {table}
    return bool(PERSONAL & set(table.columns.keys())) or any(map(is_about_people, hangs_on))


def test_the_export_holds_every_table_that_is_about_people(store: Store) -> None:
    about = {table.name for table in metadata.tables.values() if is_about_people(table)}
    with store.read() as tx:
        told = everything(tx, parse_address("ann@example.org"), hashes=["0"], marks=["0"])
    assert about >= {"subscribers", "subscriptions", "consents", "deliveries", "delivery_attempts"}
    assert about - told.keys() == set()
    assert told.keys() - about == {"consent_texts"}  # the words that they agreed to
