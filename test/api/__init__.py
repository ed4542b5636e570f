"""Resources, asked through WebTest."""

import pytest

pytest.register_assert_rewrite('test.api.posts')
