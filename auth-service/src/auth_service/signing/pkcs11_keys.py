"""The vault that is a PKCS#11 token: keys are made inside it, sign inside it, and never leave it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from auth_service.domain.signing_keys import KeyName
from auth_service.signing.jwk import thumbprint
from auth_service.signing.key_storage import KeyStorageUnavailable, PublicKeys, birth_of, name_of
from auth_service.signing.pem import KEY_BITS, KeyFault
from auth_service.signing.pkcs11_session import Connection, Session, package

T = TypeVar("T")
Lock = Callable[[], AbstractContextManager[None]]
UNFINISHED = "touchstone key, unfinished"
_log = structlog.get_logger(__name__)


class TokenKeys:
    """Keys are labelled with creation time and id; whatever else the token holds is not touched.

    A token has no lock of its own that reaches every process and host: one is handed in.
    """

    def __init__(self, connection: Connection, lock: Lock) -> None:
        self._connection, self._lock = connection, lock
        self._p = package()
        self._public: PublicKeys = {}
        self._refused: frozenset[KeyName] = frozenset()
        self._handles: tuple[Session, dict[KeyName, Any]] = (None, {})

    def open(self) -> None:
        """Log in; raises KeyFault for a module, token or PIN that cannot be used, and for a bad key."""
        try:
            with self._lock():  # SoftHSM writes at a log-in what others read at theirs
                self._connection.run(lambda session: self._listed(session, strict=True))
                mechanisms = self._connection.run(lambda session: session.token.slot.get_mechanisms())
        except KeyStorageUnavailable as fault:
            raise KeyFault(str(fault)) from None
        if self._p.Mechanism.SHA256_RSA_PKCS not in mechanisms:
            raise KeyFault("the token of PKCS11_TOKEN has no mechanism SHA256_RSA_PKCS")

    def locked(self) -> AbstractContextManager[None]:
        """Take the lock that was handed in."""
        return self._lock()

    def keys(self) -> PublicKeys:
        """Give the public halves of all keys that can sign."""
        return _reached(self._keys)

    def create(self, now: float) -> KeyName:
        """Make a key that cannot be read; it has its name only when it is whole."""
        return _reached(lambda: self._connection.run(lambda session: self._made(session, int(now))))

    def delete(self, birth: KeyName) -> None:
        """Take both halves out, the published one first: after a crash in between nobody accepts the key."""

        def destroy(session: Session) -> None:
            for kind in (self._p.ObjectClass.PUBLIC_KEY, self._p.ObjectClass.PRIVATE_KEY):
                self._destroy(session, kind, name_of(birth))

        _reached(lambda: self._connection.run(destroy))

    def sign(self, birth: KeyName, message: bytes) -> bytes:
        """Sign inside the token."""

        def sign(session: Session) -> bytes:
            key = self._handle(session, birth)
            signature: bytes = key.sign(message, mechanism=self._p.Mechanism.SHA256_RSA_PKCS)
            return signature

        return _reached(lambda: self._connection.run(sign))

    def _keys(self) -> PublicKeys:
        found = self._connection.run(self._listed)
        if not found and self._public:  # a token that has gone may answer like an empty one
            self._connection.restart()
            found = self._connection.run(self._listed)
        self._public = found
        return found

    def _listed(self, session: Session, *, strict: bool = False) -> PublicKeys:
        signers = {key.label for key in self._private(session)}
        found: dict[KeyName, RSAPublicKey] = {}
        refused = set()
        for half in self._objects(session, self._p.ObjectClass.PUBLIC_KEY):
            birth = birth_of(half.label)
            if birth is None:
                continue
            key = self._public.get(birth) or self._read(half)
            reason = _fault(birth, key, has_signer=half.label in signers)
            if reason is None:
                found[birth] = key
            elif strict:
                raise KeyFault(f"the key {half.label} in the token {reason}")
            else:
                refused.add(birth)
                if birth not in self._refused:
                    _log.error("key in the token refused", key=half.label, reason=reason)
        self._refused = frozenset(refused)
        return found

    def _read(self, half: Any) -> RSAPublicKey:
        modulus, exponent = self._p.Attribute.MODULUS, self._p.Attribute.PUBLIC_EXPONENT
        values = half.get_attributes([modulus, exponent])
        e, n = (int.from_bytes(values[name], "big") for name in (exponent, modulus))
        return RSAPublicNumbers(e, n).public_key()

    def _made(self, session: Session, now: int) -> KeyName:
        self._sweep(session)
        attribute = self._p.Attribute
        public, private = session.generate_keypair(
            self._p.KeyType.RSA,
            KEY_BITS,
            label=UNFINISHED,
            store=True,
            capabilities=self._p.MechanismFlag.SIGN | self._p.MechanismFlag.VERIFY,
            private_template={
                attribute.PRIVATE: True,
                attribute.SENSITIVE: True,
                attribute.EXTRACTABLE: False,
            },
        )
        key = self._read(public)
        birth = KeyName(now, thumbprint(key))
        for half in (private, public):  # the one that is listed comes last
            half[attribute.ID] = birth.kid.encode()
            half[attribute.LABEL] = name_of(birth)
        return birth

    def _sweep(self, session: Session) -> None:
        """Remove what a crash has left: under the lock nobody else is making or removing a key."""
        kinds = self._p.ObjectClass
        for kind in (kinds.PUBLIC_KEY, kinds.PRIVATE_KEY):
            self._destroy(session, kind, UNFINISHED)
        published = {half.label for half in self._objects(session, kinds.PUBLIC_KEY)}
        for key in self._private(session):
            if birth_of(key.label) is not None and key.label not in published:
                key.destroy()

    def _destroy(self, session: Session, kind: Any, label: str) -> None:
        for found in self._objects(session, kind, LABEL=label):
            found.destroy()

    def _private(self, session: Session) -> list[Any]:
        """Find the keys that sign, and that nobody can read out: others are none of ours."""
        return self._objects(
            session, self._p.ObjectClass.PRIVATE_KEY, SIGN=True, SENSITIVE=True, EXTRACTABLE=False
        )

    def _objects(self, session: Session, kind: Any, **wanted: object) -> list[Any]:
        attribute = self._p.Attribute
        template = {attribute.CLASS: kind, attribute.KEY_TYPE: self._p.KeyType.RSA}
        return list(session.get_objects(template | {attribute[name]: is_ for name, is_ in wanted.items()}))

    def _handle(self, session: Session, birth: KeyName) -> Any:
        known, handles = self._handles
        if known is not session:  # handles die with their session
            handles = {}
            self._handles = (session, handles)
        if birth not in handles:
            label = name_of(birth)
            found = [key for key in self._private(session) if key.label == label]
            if not found:
                raise KeyStorageUnavailable(f"the key {birth.kid} is no more")
            handles[birth] = found[0]
        return handles[birth]


def _reached(work: Callable[[], T]) -> T:
    """Do it; what stops a start is, later, a vault that is away."""
    try:
        return work()
    except KeyFault as fault:
        raise KeyStorageUnavailable(str(fault)) from None


def _fault(birth: KeyName, key: RSAPublicKey, *, has_signer: bool) -> str | None:
    if key.key_size < KEY_BITS:
        return f"is not an RSA key of at least {KEY_BITS} bits"
    if thumbprint(key) != birth.kid:
        return "is another one than its label says"
    return None if has_signer else "has no private half that signs and cannot be read"
