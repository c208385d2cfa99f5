"""deploy/kubernetes: objects that Kubernetes knows, of images that there are, which ask for what
IPManager answers."""

import re

import kubernetes_validate
import pytest
import yaml

from tests.deploy.test_container import ROOT, stages
from tests.support import settings_file

FOLDER = ROOT / "deploy/kubernetes"
VERSION = "1.30"  # the oldest that still gets fixes, so that newer clusters take them, too


def objects():
    for path in sorted(FOLDER.glob("*.yaml")):
        yield from yaml.safe_load_all(path.read_text())


def pods():
    """(name, pod) of everything that makes pods."""
    for found in objects():
        spec = found.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if "template" in spec:
            yield found["metadata"]["name"], spec["template"]["spec"]


def containers():
    for name, pod in pods():
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            yield f"{name}/{container['name']}", pod, container


@pytest.mark.parametrize(
    "found", list(objects()), ids=lambda found: f"{found['kind']} {found['metadata']['name']}"
)
def test_each_object_is_one_that_kubernetes_knows(found):
    kubernetes_validate.validate(found, VERSION, strict=True)


def test_the_images_are_targets_of_the_dockerfile():
    for name, _pod, container in containers():
        target = container["image"].partition(":")[0].partition("ipmanager-")[2] or "web"
        assert target in stages(), name


def test_only_dnsmasq_is_root_and_nobody_can_gain_more():
    for name, pod, container in containers():
        context = {**pod["securityContext"], **container["securityContext"]}
        assert context["allowPrivilegeEscalation"] is False, name
        assert context["capabilities"]["drop"] == ["ALL"], name
        is_ours = "dnsmasq" not in container["image"]
        assert (context.get("runAsNonRoot", False), context["runAsUser"] != 0) == (is_ours,) * 2
        assert pod["automountServiceAccountToken"] is False


def test_everything_that_runs_on_has_a_probe():
    for name, pod, container in containers():
        if container in pod["containers"] and "backup" not in name:
            assert {"livenessProbe", "readinessProbe"} & container.keys(), name


def test_settings_and_mounts_are_ones_that_there_are():
    known = set(re.findall(r"^#([A-Z_]+)=", settings_file.render(), re.MULTILINE))
    maps = [found["data"] for found in objects() if found["kind"] == "ConfigMap"]
    names = {name for data in maps for name in data}
    for _name, pod, container in containers():
        names |= {one["name"] for one in container.get("env", [])}
        volumes = {volume["name"] for volume in pod["volumes"]}
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
    assert {name.removesuffix("_FILE") for name in names} <= known
