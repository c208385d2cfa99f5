"""What tests of the registry ask for."""

import pytest

from tests.support.api import answer, with_token

API = "/api/v1/ipmanager"


class Registry:
    """A caller of `/api/v1/ipmanager/`: each verb answers status and body."""

    def __init__(self, client):
        self.client = client

    def get(self, path, **query):
        return answer(self.client.get(f"{API}/{path}", query))

    def post(self, path, **body):
        return answer(self.client.post(f"{API}/{path}", body))

    def register(self, service_id, **more):
        return self.post(
            "register", **{"service_id": service_id, "service_name": service_id.title(), **more}
        )


@pytest.fixture
def registry(db):
    return Registry(with_token("registry", "read"))
