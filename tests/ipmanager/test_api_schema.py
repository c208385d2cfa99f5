"""The description of the API holds against the OpenAPI standard itself."""

import pytest
from django.core.management import call_command


@pytest.mark.django_db
def test_the_description_is_valid_without_a_warning(tmp_path):
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yml"))
    assert (tmp_path / "schema.yml").stat().st_size > 10_000
