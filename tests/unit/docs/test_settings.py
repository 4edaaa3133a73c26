"""The page of all settings is that of the code."""

from below_the_line.settings import Settings
from docs.site.settings import PAGE, page


def test_the_page_has_every_setting_as_the_code_describes_it() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(), "run `python -m docs.site.settings`"
    rows = [line for line in text.splitlines() if line.startswith("| `BTL_")]
    assert len(rows) == len(Settings.model_fields)
    assert "Undefined" not in text
    assert all(field.description for field in Settings.model_fields.values())
