"""Tests of the HTTP resources through WebTest."""

import pytest

pytest.register_assert_rewrite('test.unit.api.posts')
