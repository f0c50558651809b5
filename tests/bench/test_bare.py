from dataclasses import replace

from moderation.bench.bare import BareModels, decoded, with_needs
from moderation.bench.workspace import submissions, workspace
from moderation.domain.media import Refusal
from moderation.domain.signal import SignalSpec, Surface
from moderation.settings import load_settings
from moderation.signals.catalog import SPECS


def a_spec(name: str, *, models: tuple[str, ...] = (), needs: tuple[str, ...] = ()) -> SignalSpec:
    return SignalSpec(name, "1", Surface.POST, "", (), 1.0, models=models, needs=needs)


def test_types_with_models_and_all_that_they_need_are_wanted() -> None:
    specs = [
        a_spec("pixels"),
        a_spec("reader", needs=("pixels",)),
        a_spec("unused"),
        a_spec("texts", models=("m",), needs=("reader",)),
        a_spec("follows", needs=("texts",)),
        a_spec("faces", models=("n",), needs=("elsewhere",)),
    ]
    assert with_needs(specs) == {"pixels", "reader", "texts", "faces"}


def test_the_bare_loop_follows_the_catalog() -> None:
    with workspace(load_settings()) as place:
        subjects = decoded(place, list(submissions(3, None)))
        models = BareModels(place, threads=1)
        assert {spec.name for spec in SPECS if spec.models} <= set(models.names)
        assert not any(isinstance(subject.picture, Refusal) for subject in subjects)
        assert len({subject.post.id for subject in subjects}) == 3
        assert models.per_second(subjects) > 0


def test_specs_are_compared_by_name() -> None:
    assert with_needs([replace(a_spec("a", models=("m",)), needs=("a",))]) == {"a"}
