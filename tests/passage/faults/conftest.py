"""Asserts in the modules beside the tests explain themselves too."""

import pytest

pytest.register_assert_rewrite("tests.passage.faults.cell")
