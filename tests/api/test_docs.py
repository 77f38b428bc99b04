"""What docs/http.md shows is run as it stands there."""

import re
from pathlib import Path

import pytest

from api.conftest import Opened

PAGE = Path(__file__).parents[2] / "docs" / "http.md"


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_the_python_of_the_page_runs(outside: Opened, capsys: pytest.CaptureFixture[str]) -> None:
    there = outside("founded")
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert "http://127.0.0.1:8000" in block

    exec(  # noqa: S102  (our own page)
        block.replace("http://127.0.0.1:8000", str(there.client.base_url)), {"token": there.operator.token}
    )

    assert capsys.readouterr().out == "[]\n"
    assert there.world.rows("person") == 1
