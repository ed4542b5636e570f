"""Records of a made-up tea shop, for pictures of the page: a day, and an outage at its end."""

import itertools
import math
import random
from collections.abc import Iterator
from typing import Any

SPAN = 20 * 3600  # seconds
OUTAGE = 50 * 60  # seconds, the last ones: the payment provider does not answer
PRODUCTS = ('assam', 'darjeeling', 'earl-grey', 'jasmine', 'lapsang', 'matcha', 'oolong', 'sencha')
USERS = ('ada', 'ben', 'chloe', 'dora', 'emil', 'fatima', 'goran', 'hana', 'ines', 'jonas', 'kofi',
         'lena', 'mia', 'noor', 'olga', 'pavel', 'quentin', 'rosa', 'sven', 'tariq')  # fmt: skip
PATHS = ('/', '/cart', '/search', *(f'/tea/{product}' for product in PRODUCTS))
TRACEBACK = """\
Traceback (most recent call last):
  File "/srv/shop/checkout/payment.py", line 58, in pay
    receipt = provider.charge(order.total, order.card)
  File "/srv/shop/checkout/provider.py", line 31, in charge
    response = session.post(CHARGES, json=charge, timeout=10)
requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='pay.example', port=443): \
Read timed out. (read timeout=10)"""


def make_shop(count: int, now: float) -> Iterator[dict[str, Any]]:
    """Yield about *count* LogRecord dicts up to *now*, in seconds since the epoch, by time."""
    chance = random.Random(388)
    times = sorted(now - age for age in _ages(chance, count))
    orders = itertools.count(48_000)
    for ts in times:
        user = chance.choices(USERS, range(len(USERS), 0, -1))[0]
        is_out = now - ts < OUTAGE
        for fields in _visit(chance, user, orders, is_out):
            yield {'created': ts, 'processName': 'MainProcess', 'process': 4007, **fields}


def _ages(chance: random.Random, count: int) -> Iterator[float]:
    """Seconds before the end; the shop is busy at the end and quiet in the middle."""
    while count:
        age = chance.random() * SPAN
        if chance.random() < 0.25 + 0.75 * math.cos(age / SPAN * math.pi) ** 2:
            count -= 1
            yield age


def _visit(
    chance: random.Random, user: str, orders: Iterator[int], is_out: bool
) -> Iterator[dict[str, Any]]:
    """What one visit logs: a page, sometimes a search, a low stock, or an order."""
    product, kind = chance.choice(PRODUCTS), chance.random()
    if kind < 0.55:
        path, ms = chance.choice(PATHS), round(chance.lognormvariate(3.2, 0.9))
        yield _log(
            'web.request', 30 if ms > 200 else 20, 'GET %s 200 in %d ms', (path, ms),
            user=user, path=path, status=200, ms=ms,
        )  # fmt: skip
    elif kind < 0.75:
        found, ms = chance.randrange(20), chance.randrange(1, 9)
        yield _log(
            'search.index', 10, '%d teas like %r in %d ms', (found, product, ms),
            user=user, words=product,
        )  # fmt: skip
    elif kind < 0.83:
        yield _log('cart', 20, '%s adds %s to the cart', (user, product), user=user, item=product)
    elif kind < 0.85:
        left = chance.randrange(1, 6)
        yield _log(
            'stock', 30, 'Stock of %s is low: %d left', (product, left), item=product, left=left
        )
    else:
        yield from _order(chance, user, next(orders), is_out)


def _order(chance: random.Random, user: str, order: int, is_out: bool) -> Iterator[dict[str, Any]]:
    total = round(chance.uniform(6, 90), 2)
    fields = {'order': order, 'user': user, 'total': total}
    yield _log('checkout.order', 20, 'Order %d of %s: %.2f EUR', (order, user, total), **fields)
    if chance.random() < (0.8 if is_out else 0.004):
        failed = _log('checkout.payment', 40, 'Payment of order %d failed', (order,), **fields)
        yield {**failed, 'exc_text': TRACEBACK, 'lineno': 64, 'funcName': 'pay'}
    else:
        yield _log('checkout.payment', 20, 'Order %d is paid', (order,), **fields)
        yield _log('mail', 20, 'Confirmation of order %d sent to %s', (order, user), **fields)


def _log(
    name: str, level: int, msg: str, args: tuple[object, ...], **extra: object
) -> dict[str, Any]:
    """A LogRecord's dict; *extra* are the program's own fields."""
    module = name.rpartition('.')[2]
    return {
        'name': f'shop.{name}',
        'levelno': level,
        'msg': msg,
        'args': args,
        'module': module,
        'pathname': f'/srv/shop/{name.replace(".", "/")}.py',
        'lineno': 20 + len(msg),
        'funcName': 'handle',
        **extra,
    }
