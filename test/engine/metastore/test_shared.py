"""On MySQL and MariaDB records and metastore are in one database by default."""

from contextlib import ExitStack

import pytest

from chronologer.metastore import open_metastore
from chronologer.metastore.saved import save, searches
from chronologer.model import EPOCH, Filter, Record
from chronologer.storage import create_storage


@pytest.fixture(params=['mysql', 'mariadb'])
def dsn(request):
    """Of an empty database."""
    return request.getfixturevalue(request.param).empty_dsn()


@pytest.mark.parametrize('order', [(0, 1), (1, 0)])
def test_both_schemas_are_created_in_any_order(dsn, order):
    """Each has migrations and versions of its own, and does not touch the tables of the other."""
    with create_storage(dsn) as storage, open_metastore('', dsn) as metastore:
        stores = storage, metastore
        for index in order:
            stores[index].migrate()
            stores[index].check()
        metastore.write(lambda db: save(db, 'errors', 'q=1'))
        storage.insert([[Record(EPOCH, 'a', 20, 'm', {})]])
        for store in stores:
            store.migrate()
            store.check()
        assert 1 == storage.count(Filter())
        assert {'errors': 'q=1'} == metastore.read(searches)


def test_transactions_do_not_wait_for_each_other(dsn):
    """Records are stored while a transaction on the metastore is open."""
    with ExitStack() as stack:
        storage = stack.enter_context(create_storage(dsn))
        metastore = stack.enter_context(open_metastore('', dsn))
        storage.migrate()
        metastore.migrate()

        def work(db):
            save(db, 'errors', 'q=1')
            return storage.insert([[Record(EPOCH, 'a', 20, 'm', {})]])

        ((id,),) = metastore.write(work)
        assert storage.get(id) is not None
