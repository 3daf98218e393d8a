"""An outbox that keeps what it is given."""

import re
from dataclasses import dataclass, field

from auth_service.domain.accounts.errors import MailBusy


@dataclass
class FakeOutbox:
    """Sends nothing, and shows what it was given: `letters`, and `work`, which counts what was no letter too."""

    letters: list = field(default_factory=list)
    work: int = 0
    full: bool = False

    def post(self, letter):
        if self.full:
            raise MailBusy("full", retry_after=5)
        self.work += 1
        if letter is not None:
            self.letters.append(letter)

    @property
    def last(self):
        return self.letters[-1]

    @property
    def token(self):
        return self.last.link.partition("token=")[2]

    @property
    def code(self):
        return re.search(r"^[B-Z]{4}-[B-Z]{4}$", self.last.text, re.MULTILINE)[0]
