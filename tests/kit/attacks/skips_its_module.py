"""Skip at module level: ucsb pytest_utils then reports 0 of 0. Must not gain: any point."""

import pytest

pytest.skip("nothing to see", allow_module_level=True)
