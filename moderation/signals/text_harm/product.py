"""What training makes and the model store serves: three files that are believed together or not at all."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from moderation.domain.errors import ModelStoreError
from moderation.domain.ids import Digest
from moderation.signals.models import ModelStore
from moderation.signals.text_harm.calibration import Calibration

MODEL_FILE = "model-int8.onnx"
TOKENIZER_FILE = "tokenizer.json"
CALIBRATION_FILE = "calibration.json"


@dataclass(frozen=True, slots=True)
class Product:
    """The trained classifier as bytes that fit each other.

    `digest` is what a verdict pins: the store's for all files together, or of the model file outside a store.
    """

    model: bytes
    tokenizer: bytes
    calibration: Calibration
    digest: Digest

    @classmethod
    def load(cls, store: ModelStore, name: str) -> "Product":
        """The product that the store has under `name`. Raises `ModelStoreError`, also for a model of another kind."""
        entry = store.entry(name)
        if not all(map(entry.has, (MODEL_FILE, TOKENIZER_FILE, CALIBRATION_FILE))):
            raise ModelStoreError(
                f"{name} is no classifier of the kinds of harm that this project trains: its files are others.",
                hint="One is text-harm, or a folder that training wrote.",
            )
        digest = entry.digest
        return replace(_product(lambda filename: store.read(name, filename)), digest=digest)

    @classmethod
    def open(cls, folder: Path) -> "Product":
        """The product in a folder that training wrote. Raises `ModelStoreError`."""
        return _product(lambda filename: _bytes(folder / filename))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelStoreError(f"{path.name} cannot be read: {error.strerror}.") from error


def _product(read: Callable[[str], bytes]) -> Product:
    model, tokenizer, document = read(MODEL_FILE), read(TOKENIZER_FILE), read(CALIBRATION_FILE)
    try:
        calibration = Calibration.model_validate_json(document)
    except ValidationError as error:
        raise ModelStoreError(f"{CALIBRATION_FILE} is not valid: {error.errors()[0]['msg']}.") from error
    digest = sha256(model).hexdigest()
    if calibration.model != digest:
        raise ModelStoreError(f"{CALIBRATION_FILE} was made for another {MODEL_FILE}.")
    if calibration.tokenizer != sha256(tokenizer).hexdigest():
        raise ModelStoreError(f"{CALIBRATION_FILE} was made for another {TOKENIZER_FILE}.")
    return Product(model, tokenizer, calibration, Digest(digest))
