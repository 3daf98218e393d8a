"""No mail: what stands in for a mailer when none is configured."""

from auth_service.domain.delivery import DeliveryRefused


class Nowhere:
    """The domain's Mailer without a MAIL_URL: every mail fails, and the log says so."""

    def send(self, to: str, subject: str, text: str) -> None:
        """Raise DeliveryRefused."""
        del to, subject, text
        raise DeliveryRefused("MAIL_URL is not set")
