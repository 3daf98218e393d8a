"""Key storage in a PKCS#11 token: keys are created and used inside it, and never leave it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from auth_service.domain.signing_keys import KeyName
from auth_service.signing.jwk import thumbprint
from auth_service.signing.key_storage import KeyStorageUnavailable, PublicKeys, name_of, parse_name
from auth_service.signing.pem import KEY_BITS, KeyFault
from auth_service.signing.pkcs11_session import Connection, Session, package

T = TypeVar("T")
Lock = Callable[[], AbstractContextManager[None]]
UNFINISHED = "touchstone key, unfinished"
_log = structlog.get_logger(__name__)


class Pkcs11Keys:
    """The `KeyStorage` of a PKCS#11 token: keys are labelled with creation time and id; other objects are left alone.

    A PKCS#11 token has no lock for all processes and hosts, so `lock` provides one.
    """

    def __init__(self, connection: Connection, lock: Lock) -> None:
        self._connection, self._lock = connection, lock
        self._p = package()
        self._public: PublicKeys = {}
        self._refused: frozenset[KeyName] = frozenset()
        self._handles: tuple[Session, dict[KeyName, Any]] = (None, {})

    def open(self) -> None:
        """Log in; raise KeyFault for an unusable module, PKCS#11 token or PIN, and for a bad key."""
        try:
            with self._lock():  # SoftHSM writes at a log-in what other processes read at theirs
                self._connection.run(lambda session: self._listed(session, strict=True))
                mechanisms = self._connection.run(lambda session: session.token.slot.get_mechanisms())
        except KeyStorageUnavailable as fault:
            raise KeyFault(str(fault)) from None
        if self._p.Mechanism.SHA256_RSA_PKCS not in mechanisms:
            raise KeyFault("the token of PKCS11_TOKEN has no mechanism SHA256_RSA_PKCS")

    def locked(self) -> AbstractContextManager[None]:
        """Return the lock given to the constructor."""
        return self._lock()

    def keys(self) -> PublicKeys:
        """Return the public halves of all keys that can sign."""
        return _reached(self._keys)

    def create(self, now: float) -> KeyName:
        """Create a key that cannot be read out; it gets its label last, so that a crash leaves no usable half."""
        return _reached(lambda: self._connection.run(lambda session: self._made(session, int(now))))

    def delete(self, key_name: KeyName) -> None:
        """Delete both halves, the public one first: after a crash in between the key is no longer published."""

        def destroy(session: Session) -> None:
            for kind in (self._p.ObjectClass.PUBLIC_KEY, self._p.ObjectClass.PRIVATE_KEY):
                self._destroy(session, kind, name_of(key_name))

        _reached(lambda: self._connection.run(destroy))

    def sign(self, key_name: KeyName, message: bytes) -> bytes:
        """Return the RS256 signature, made inside the PKCS#11 token."""

        def sign(session: Session) -> bytes:
            key = self._handle(session, key_name)
            signature: bytes = key.sign(message, mechanism=self._p.Mechanism.SHA256_RSA_PKCS)
            return signature

        return _reached(lambda: self._connection.run(sign))

    def _keys(self) -> PublicKeys:
        found = self._connection.run(self._listed)
        if not found and self._public:  # a removed PKCS#11 token may look like an empty one
            self._connection.restart()
            found = self._connection.run(self._listed)
        self._public = found
        return found

    def _listed(self, session: Session, *, strict: bool = False) -> PublicKeys:
        signers = {key.label for key in self._private(session)}
        found: dict[KeyName, RSAPublicKey] = {}
        refused = set()
        for half in self._objects(session, self._p.ObjectClass.PUBLIC_KEY):
            key_name = parse_name(half.label)
            if key_name is None:
                continue
            key = self._public.get(key_name) or self._read(half)
            reason = _fault(key_name, key, has_signer=half.label in signers)
            if reason is None:
                found[key_name] = key
            elif strict:
                raise KeyFault(f"the key {half.label} in the PKCS#11 token {reason}")
            else:
                refused.add(key_name)
                if key_name not in self._refused:
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
        key_name = KeyName(now, thumbprint(key))
        for half in (private, public):  # the listed half comes last
            half[attribute.ID] = key_name.kid.encode()
            half[attribute.LABEL] = name_of(key_name)
        return key_name

    def _sweep(self, session: Session) -> None:
        """Remove what a crash has left; the lock excludes other processes that create or delete a key."""
        kinds = self._p.ObjectClass
        for kind in (kinds.PUBLIC_KEY, kinds.PRIVATE_KEY):
            self._destroy(session, kind, UNFINISHED)
        published = {half.label for half in self._objects(session, kinds.PUBLIC_KEY)}
        for key in self._private(session):
            if parse_name(key.label) is not None and key.label not in published:
                key.destroy()

    def _destroy(self, session: Session, kind: Any, label: str) -> None:
        for found in self._objects(session, kind, LABEL=label):
            found.destroy()

    def _private(self, session: Session) -> list[Any]:
        """Return the private keys that sign and cannot be read out; any others are not ours."""
        return self._objects(
            session, self._p.ObjectClass.PRIVATE_KEY, SIGN=True, SENSITIVE=True, EXTRACTABLE=False
        )

    def _objects(self, session: Session, kind: Any, **wanted: object) -> list[Any]:
        attribute = self._p.Attribute
        template = {attribute.CLASS: kind, attribute.KEY_TYPE: self._p.KeyType.RSA}
        return list(session.get_objects(template | {attribute[name]: is_ for name, is_ in wanted.items()}))

    def _handle(self, session: Session, key_name: KeyName) -> Any:
        known, handles = self._handles
        if known is not session:  # handles die with their session
            handles = {}
            self._handles = (session, handles)
        if key_name not in handles:
            label = name_of(key_name)
            found = [key for key in self._private(session) if key.label == label]
            if not found:
                raise KeyStorageUnavailable(f"the key {key_name.kid} was removed")
            handles[key_name] = found[0]
        return handles[key_name]


def _reached(work: Callable[[], T]) -> T:
    """Return the result of `work`; a KeyFault, which stops a start, is KeyStorageUnavailable later."""
    try:
        return work()
    except KeyFault as fault:
        raise KeyStorageUnavailable(str(fault)) from None


def _fault(key_name: KeyName, key: RSAPublicKey, *, has_signer: bool) -> str | None:
    if key.key_size < KEY_BITS:
        return f"is not an RSA key of at least {KEY_BITS} bits"
    if thumbprint(key) != key_name.kid:
        return "is another one than its label says"
    return None if has_signer else "has no private half that signs and cannot be read"
