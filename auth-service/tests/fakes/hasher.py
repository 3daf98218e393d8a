"""A password hasher without cost."""

from auth_service.domain.accounts.errors import TooBusy
from auth_service.domain.accounts.password import PasswordMatch


class FakeHasher:
    """Hashes nothing, and writes down what it was asked: `work` is what a real one would have cost."""

    def __init__(self):
        self.work = []
        self.version = 1
        self.busy = False
        self.meanwhile = lambda: None

    def hash(self, password):
        self._start("hash")
        return f"v{self.version}:{password}"

    def verify(self, password_hash, password):
        self._start("verify")
        self.meanwhile()
        if password_hash is None or password_hash.partition(":")[2] != password:
            return PasswordMatch(fits=False)
        return PasswordMatch(fits=True, outdated=not password_hash.startswith(f"v{self.version}:"))

    def _start(self, what):
        if self.busy:
            raise TooBusy("all places are taken", retry_after=1)
        self.work.append(what)
