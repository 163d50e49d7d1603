import json
from typing import Any

import msgspec
import pytest

from harness.kubernetes_objects import ReadObjects, metadata, page, pod


def test_a_page_says_where_it_stands() -> None:
    """Version and continue token are the list's."""
    read = ReadObjects()
    result = read.resources.pods.read_page(page(pod("one"), pod("two"), version="41", token="next"))
    assert [facts.name for facts in result.facts] == ["one", "two"]
    assert (result.resource_version, result.continue_token) == ("41", "next")


def test_a_list_of_nothing_is_a_list() -> None:
    """Go writes an empty list as null now and then."""
    result = ReadObjects().resources.pods.read_page(b'{"metadata": {"resourceVersion": "3"}, "items": null}')
    assert (list(result.facts), result.resource_version) == ([], "3")


BROKEN: list[tuple[dict[str, Any], str]] = [
    (pod("bad", spec={"nodeName": 7}), "Pod shop/bad: spec.nodeName: Expected `str`, got `int`"),
    (pod("bad", spec={"containers": "none"}), "Pod shop/bad: spec.containers: Expected `array`, got `str`"),
    (pod("bad", creationTimestamp=None), "Pod shop/bad: metadata.creationTimestamp: not a time: ''"),
    ({"metadata": {"name": "bad", "namespace": "shop"}}, "Pod shop/bad: metadata: Object missing required field `uid`"),
    ({"spec": {}}, "Pod (no name): Object missing required field `metadata`"),
]


@pytest.mark.parametrize(("content", "sentence"), BROKEN)
def test_one_bad_object_never_hides_another(content: dict[str, Any], sentence: str) -> None:
    """It is left out and named with its field; those before and after it are there."""
    read = ReadObjects()
    result = read.resources.pods.read_page(page(pod("one"), content, pod("two"), version="41"))
    assert [facts.name for facts in result.facts] == ["one", "two"]
    assert result.resource_version == "41"
    assert read.sentences == [sentence]


def test_a_page_that_is_none_is_an_error() -> None:
    """Text isn't a list."""
    with pytest.raises(msgspec.DecodeError):
        ReadObjects().resources.pods.read_page(b"<html>Bad Gateway</html>")


def test_a_bad_object_of_a_watch_keeps_its_identity() -> None:
    """Its uid and version are known, so that the watch goes on after it and its removal is understood."""
    read = ReadObjects()
    bad = read.resources.pods.read_object(msgspec.Raw(json.dumps(pod("bad", spec={"nodeName": 7})).encode()))
    assert (bad.uid, bad.resource_version, bad.facts) == ("uid-bad", "5", None)
    assert len(read.faults) == 1


def test_each_resource_is_asked_for_where_the_api_has_it() -> None:
    """Core resources are under /api, the others under their group."""
    assert {resource.kind: resource.path for resource in ReadObjects().resources.all()} == {
        "Node": "/api/v1/nodes",
        "Pod": "/api/v1/pods",
        "Namespace": "/api/v1/namespaces",
        "PersistentVolume": "/api/v1/persistentvolumes",
        "PersistentVolumeClaim": "/api/v1/persistentvolumeclaims",
        "Service": "/api/v1/services",
        "StorageClass": "/apis/storage.k8s.io/v1/storageclasses",
        "ReplicaSet": "/apis/apps/v1/replicasets",
        "Job": "/apis/batch/v1/jobs",
        "CronJob": "/apis/batch/v1/cronjobs",
    }


def test_objects_without_spec_or_status_are_read() -> None:
    """What is left out is empty."""
    read = ReadObjects()
    for resource in read.resources.all():
        assert read.one(resource, {"metadata": metadata("bare", namespace="shop")}).uid == "uid-bare"
    assert not read.faults
