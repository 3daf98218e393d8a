"""An outbox that keeps what it is given."""

import re
from dataclasses import dataclass, field

from auth_service.domain.accounts.errors import MailBusy


@dataclass
class FakeOutbox:
    """Keeps `mails`; `work` counts every call of `post`, those with None included."""

    mails: list = field(default_factory=list)
    work: int = 0
    full: bool = False

    def post(self, mail):
        if self.full:
            raise MailBusy("full", retry_after=5)
        self.work += 1
        if mail is not None:
            self.mails.append(mail)

    @property
    def last(self):
        return self.mails[-1]

    @property
    def token(self):
        return self.last.link.partition("token=")[2]

    @property
    def code(self):
        return re.search(r"^[B-Z]{4}-[B-Z]{4}$", self.last.text, re.MULTILINE)[0]
