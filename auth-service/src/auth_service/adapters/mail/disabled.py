"""The mailer without a MAIL_URL."""

from auth_service.domain.delivery import DeliveryRefused


class DisabledMailer:
    """The domain's `Mailer` that refuses every mail, which the outbox logs."""

    def send(self, to: str, subject: str, text: str) -> None:
        """Raise DeliveryRefused."""
        del to, subject, text
        raise DeliveryRefused("MAIL_URL is not set")
