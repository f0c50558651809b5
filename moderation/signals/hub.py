"""Fetches single files of a model from a hub, at one exact commit. No code of the repository is ever run."""

import contextlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from moderation.domain.errors import ModelStoreError
from moderation.signals.registry import HubSource, ModelFile
from moderation.signals.registry.sources import REVISION_PATTERN

MAX_FILE_BYTES = 4 * 1024**3
"""No classifier that a lane should load is larger."""
METADATA_SECONDS = 20.0
_HINT = "On a machine without the hub, put the files into a folder as NAME/FILE and name it with --mirror."


@dataclass(frozen=True, slots=True)
class Hub:
    """A hub that speaks the Hugging Face protocol; `endpoint` None means the one that `HF_ENDPOINT` names."""

    endpoint: str | None = None

    def revision(self, source: HubSource) -> str:
        """The full commit hash that the repository's main branch points at now. Raises `ModelStoreError`."""
        with _typed(source.id, "main"):
            from huggingface_hub import HfApi  # noqa: PLC0415 - needed by whoever pulls, not by the command line

            found = HfApi(endpoint=self.endpoint).model_info(source.id, timeout=METADATA_SECONDS).sha
        if not isinstance(found, str) or not re.fullmatch(REVISION_PATTERN, found):
            raise ModelStoreError(f"The hub gives no commit hash for {source.id}.")
        return found

    def fetch(self, source: HubSource, revision: str, file: ModelFile, target: Path) -> None:
        """Download one file at `revision` to `target`, which is a name in an empty folder of the caller's.

        Refused before the download when the hub announces another commit, another size than the pinned one, or more
        than `MAX_FILE_BYTES`. The caller compares the digest. Raises `ModelStoreError`.
        """
        with _typed(source.id, file.place):
            from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url  # noqa: PLC0415

            url = hf_hub_url(source.id, file.place, revision=revision, endpoint=self.endpoint)
            said = get_hf_file_metadata(url, timeout=METADATA_SECONDS, endpoint=self.endpoint)
            _check_announced(source, revision, file, said.commit_hash, said.size)
            cache = target.with_name(f".{target.name}.cache")
            found = hf_hub_download(
                source.id, file.place, revision=revision, cache_dir=cache, endpoint=self.endpoint, force_download=True
            )
            shutil.move(Path(found).resolve(), target)
            shutil.rmtree(cache)


def _check_announced(source: HubSource, revision: str, file: ModelFile, commit: str | None, size: int | None) -> None:
    if commit != revision:
        raise ModelStoreError(f"The hub serves {source.id}/{file.place} from commit {commit}, not {revision}.")
    if size is None or size > MAX_FILE_BYTES:
        raise ModelStoreError(f"{source.id}/{file.place} has {size} bytes, more than the {MAX_FILE_BYTES} allowed.")
    if file.bytes is not None and size != file.bytes:
        raise ModelStoreError(f"{source.id}/{file.place} has {size} bytes, not the pinned {file.bytes}.")


@contextlib.contextmanager
def _typed(repository: str, what: str) -> Iterator[None]:
    try:
        yield
    except ModelStoreError:
        raise
    except ImportError as error:
        raise ModelStoreError(f"huggingface_hub is not installed: {error}.", hint=_HINT) from error
    except Exception as error:
        said = " ".join(str(error).split())[:300] or type(error).__name__
        raise ModelStoreError(f"{repository}/{what} could not be fetched from the hub: {said}", hint=_HINT) from error
