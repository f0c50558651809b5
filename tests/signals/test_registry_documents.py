"""What a registry file may say, and how it is told what is wrong."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import yaml

from moderation.domain.errors import ModelStoreError
from moderation.signals.registry import HubSource, ModelEntry, PackageSource, read_entries, registry
from tests.signals.checkpoints import PHRASES, PICTURES, REVISION, TEXTS

DIGEST = "a" * 64
HUB: dict[str, Any] = {
    "name": "toy",
    "title": "Toy",
    "licence": "MIT",
    "card": "For tests.",
    "source": {"kind": "hub", "id": "toys/toy", "revision": REVISION},
    "files": [{"filename": "model.safetensors", "sha256": DIGEST, "bytes": 3}],
    "classifier": PICTURES,
}
Change = Callable[[dict[str, Any]], object]


def changed(change: Change, document: dict[str, Any] = HUB) -> dict[str, Any]:
    copy = deepcopy(document)
    change(copy)
    return copy


def calibration(**fields: object) -> Change:
    return lambda it: it["classifier"]["columns"][0].update(calibration=fields)


def problem(document: dict[str, Any]) -> str:
    with pytest.raises(ModelStoreError) as caught:
        read_entries([("toy.yaml", yaml.safe_dump(document))])
    assert "toy.yaml" in caught.value.message
    return caught.value.message


def test_a_valid_entry_is_read() -> None:
    (entry,) = read_entries([("toy.yaml", yaml.safe_dump(HUB))])
    assert isinstance(entry.source, HubSource)
    assert entry.digest == DIGEST
    assert entry.gaps == []


def test_a_folder_of_the_package_is_a_source() -> None:
    document = changed(lambda it: it.update(source={"kind": "package", "folder": "signals/shipped/toy-model"}))
    (entry,) = read_entries([("toy.yaml", yaml.safe_dump(document))])
    assert isinstance(entry.source, PackageSource)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda it: it.update(surprise=1), "surprise"),
        (lambda it: it.pop("licence"), "licence"),
        (lambda it: it["source"].update(kind="torrent"), "torrent"),
        (lambda it: it["source"].update(revision="main"), "revision"),
        (lambda it: it["source"].update(revision=REVISION[:12]), "revision"),
        (lambda it: it["source"].update(id="../toy"), "id"),
        (lambda it: it["source"].update(id="https://evil.example/x"), "id"),
        (lambda it: it.update(source={"kind": "package", "folder": "../elsewhere"}), "folder"),
        (lambda it: it.update(source={"kind": "package", "folder": "/etc"}), "folder"),
        (lambda it: it["files"][0].update(filename="pytorch_model.bin"), "filename"),
        (lambda it: it["files"][0].update(filename="model.safetensors.pkl"), "filename"),
        (lambda it: it["files"][0].update(filename="a/model.safetensors"), "filename"),
        (lambda it: it["files"][0].update(member="../model.safetensors"), "member"),
        (lambda it: it["files"][0].update(member="/etc/passwd"), "member"),
        (lambda it: it["files"][0].pop("sha256"), "both sha256 and bytes"),
        (lambda it: it["files"].append(it["files"][0]), "same name"),
        (lambda it: it["files"].clear(), "files"),
        (lambda it: it["source"].pop("revision"), "not pinned"),
        (lambda it: it.update(files=[{"filename": "model.safetensors"}]), "not pinned"),
        (lambda it: it.update(unconfirmed={"revision": "why"}), "not pinned"),
        (lambda it: it.update(unconfirmed={"weather": "why"}), "unconfirmed"),
        (lambda it: it.update(unconfirmed={"labels": ""}), "unconfirmed"),
        (lambda it: it["classifier"].update(task="magic"), "task"),
        (lambda it: it["classifier"].update(signal="Image Toy"), "signal"),
        (lambda it: it["classifier"].update(columns=[]), "columns"),
        (lambda it: it["classifier"]["columns"].append(it["classifier"]["columns"][0]), "same name"),
        (lambda it: it["classifier"]["columns"][0].update(labels=["porn"]), "does not have"),
        (lambda it: it["classifier"]["columns"][0].update(labels=[]), "needs labels"),
        (lambda it: it["classifier"]["columns"][0].update(phrases=["a"]), "needs labels and no phrases"),
        (lambda it: it["classifier"]["columns"][0].update(recommended={"balanced": 1.5}), "recommended"),
        (lambda it: it["classifier"]["columns"][0].update(recommended={"best": 0.5}), "recommended"),
        (lambda it: it["classifier"]["columns"][0].update(calibration={"a": -1.0}), "calibration"),
        (lambda it: it["classifier"]["columns"][0].update(calibration={"b": float("nan")}), "calibration"),
        (calibration(logits=[0.0, 0.0], values=[0.1, 0.2]), "the logits must rise"),
        (calibration(logits=[0.0, 1.0], values=[0.2, 0.1]), "the values must not fall"),
        (calibration(logits=[0.0, 1.0], values=[0.2]), "as many values"),
        (calibration(logits=[0.0], values=[1.2]), "values"),
        (calibration(logits=[], values=[]), "logits"),
        (calibration(logits=[0.0], values=[0.5], a=1.0), "calibration.isotonic.a"),
        (lambda it: it["classifier"].update(labels=["a", "a"]), "two labels"),
        (lambda it: it["classifier"].update(activation="sigmoid"), "no probability"),
        (lambda it: it["classifier"].update(max_tokens=16), "max_tokens"),
        (lambda it: it["classifier"].update(neutral=["a"]), "neutral"),
        (lambda it: it["classifier"].update(cost_ms=0.0), "cost_ms"),
        (lambda it: it.update(classifier=changed(lambda own: own.pop("neutral"), PHRASES)), "neutral"),
        (lambda it: it.update(classifier=changed(lambda own: own.update(labels=["x"]), PHRASES)), "not labels"),
        (lambda it: it.update(classifier=changed(lambda own: own.update(template="{} {}"), PHRASES)), "template"),
        (lambda it: it.update(classifier=changed(lambda own: own.update(template="photo"), PHRASES)), "template"),
        (lambda it: it.update(classifier=changed(lambda own: own.pop("max_tokens"), TEXTS)), "max_tokens"),
    ],
)
def test_what_is_wrong_is_said(change: Change, said: str) -> None:
    assert said in problem(changed(change))


def test_all_problems_of_all_files_are_said_at_once() -> None:
    two = changed(lambda it: (it.pop("licence"), it.pop("card")))
    documents = [
        ("broken.yaml", "name: ["),
        ("one.yaml", yaml.safe_dump(HUB)),
        ("three.yaml", yaml.safe_dump(HUB)),
        ("two.yaml", yaml.safe_dump(two)),
    ]
    with pytest.raises(ModelStoreError) as caught:
        read_entries(documents)
    lines = caught.value.message.splitlines()[1:]
    assert [line.partition(":")[0] for line in lines] == ["broken.yaml", "three.yaml", "two.yaml", "two.yaml"]


def test_only_a_hub_may_be_unpinned_and_nothing_unpinned_is_on_by_default() -> None:
    open_entry = changed(lambda it: (it["source"].pop("revision"), it.update(unconfirmed={"revision": "why"})))
    (entry,) = read_entries([("toy.yaml", yaml.safe_dump(open_entry))])
    with pytest.raises(ModelStoreError, match="no pinned revision"):
        _ = entry.digest
    assert "by default" in problem(open_entry | {"default": True})
    wheel = {"kind": "package", "folder": "signals"}
    files = [{"filename": "model.safetensors"}]
    assert "comes from a hub" in problem(HUB | {"source": wheel, "files": files, "unconfirmed": {"sha256": "why"}})


def test_the_shipped_entries_say_what_is_not_confirmed() -> None:
    entries = {entry.name: entry for entry in registry()}
    named = {"falconsai-nsfw", "marqo-nsfw-384", "adamcodd-nsfw", "clip-vit-base-patch32", "siglip-base-patch16-224"}
    assert named | {"toxic-bert", "koala-text-moderation"} <= set(entries)
    hub = [entry for entry in entries.values() if isinstance(entry.source, HubSource)]
    for entry in hub:
        assert entry.facts is not None
        assert entry.facts.link.endswith(entry.source.id)  # type: ignore[union-attr]
        assert set(entry.gaps) <= set(entry.unconfirmed)
        assert all(sentence.endswith(".") for sentence in entry.unconfirmed.values())


def test_shipped_figures_of_size_are_those_of_the_architecture() -> None:
    sizes = {entry.name: entry.facts.parameters for entry in registry() if entry.facts}
    assert sizes["falconsai-nsfw"] == vit_parameters(224)
    assert sizes["adamcodd-nsfw"] == vit_parameters(384)


def vit_parameters(side: int, width: int = 768, depth: int = 12, labels: int = 2) -> int:
    """ViT-B/16 (Dosovitskiy et al., 2020), counted by hand."""
    embeddings = 16 * 16 * 3 * width + width + width + ((side // 16) ** 2 + 1) * width
    block = 4 * (width * width + width) + 2 * 4 * width * width + 5 * width + 4 * width
    return embeddings + depth * block + 2 * width + labels * (width + 1)


def test_an_entry_reads_back_as_itself() -> None:
    for entry in registry():
        assert ModelEntry.model_validate(entry.model_dump(exclude_none=True)) == entry
