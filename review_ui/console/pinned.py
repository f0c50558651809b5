"""The policies that judged posts, for showing what they said."""

import hashlib
import threading
from collections import OrderedDict

from moderation.assembly import compile_file
from moderation.domain.errors import PolicyError
from moderation.domain.ids import Digest
from moderation.policy.evaluate import Policy
from moderation.settings import Settings
from moderation.storage.policies import PolicyStore

KEPT_POLICIES = 8


class PinnedPolicies:
    """The policies that judged posts, compiled; the newest few are kept."""

    def __init__(self, settings: Settings, store: PolicyStore) -> None:
        self._settings = settings
        self._store = store
        self._kept: OrderedDict[Digest, Policy | None] = OrderedDict()
        self._turn = threading.Lock()

    def get(self, digest: Digest) -> Policy | None:
        """The policy; None when its text is not stored or today's code cannot read it."""
        with self._turn:
            if digest in self._kept:
                self._kept.move_to_end(digest)
                return self._kept[digest]
        return self._compiled(digest, self._store.text(digest))

    def of_text(self, text: str) -> Policy | None:
        """The policy that a file's text is; None when it cannot be read. Compiled once for as long as it is kept."""
        digest = Digest(hashlib.sha256(text.encode()).hexdigest())
        with self._turn:
            if digest in self._kept:
                return self._kept[digest]
        return self._compiled(digest, text)

    def _compiled(self, digest: Digest, text: str | None) -> Policy | None:
        try:
            policy = None if text is None else compile_file(self._settings, text)
        except PolicyError:
            policy = None
        with self._turn:
            self._kept[digest] = policy
            while len(self._kept) > KEPT_POLICIES:
                self._kept.popitem(last=False)
        return policy
