"""How many inputs the other modules of this folder have tried; it is collected after them."""

from __future__ import annotations

import pytest

from imbalance_lab.app.lines import MAX_LENGTH

INPUTS = 700
MODULES = {"test_commands", "test_drawn"}


@pytest.mark.slow
def test_seven_hundred_different_inputs_are_refused_in_a_line(
    request: pytest.FixtureRequest, tried: dict[tuple[str, ...], str]
) -> None:
    slow = {item.path.stem for item in request.session.items if item.get_closest_marker("slow")}
    if not slow >= MODULES or request.config.option.keyword:
        pytest.skip("only some of the inputs were tried")
    reasons = [reason for reason in tried.values() if reason]
    assert len(reasons) >= INPUTS
    assert not [reason for reason in reasons if "\n" in reason or len(f"error: {reason}") > MAX_LENGTH]
    print(f"{len(tried)} different inputs, of which {len(reasons)} were refused")
