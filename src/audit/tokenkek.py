"""A tenant's KEK in a PKCS#11 token, which it never leaves: an `audit.kms.Kms`. The one door to `pkcs11`.

A key of the token is ours if its CKA_ID is the one in the reference file and its label says tenant and epoch:
two deployments may share a token, and neither takes, or destroys, the other's. The file is made by `create`
and never changes after; it is no secret.

What wraps is CKM_AES_GCM inside the token, nonce and associated data from us, so that a wrapped key looks the
same and is bound to the same as under a KEK in a file (PKCS#11 v2.40 current mechanisms, 2.12.3).
"""

import hashlib
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

import pkcs11
from pkcs11 import Attribute, GCMParams, KeyType, MechanismFlag, ObjectClass, TokenFlag
from pkcs11 import Mechanism as Ways
from pkcs11.types import SecretKey, Session, Token

from audit import durable, secretfile
from audit.canonical import Json
from audit.errors import Unready
from audit.ids import Entropy
from audit.keys import KeyMalformed
from audit.kms import NONCE_SIZE, TAG_SIZE, KekMismatch, bound_to
from audit.secretfile import KeyExists, KeyMissing
from audit.tokenuri import TokenUri

Thing = TypeVar("Thing")
_FILE = re.compile(rb"consentry/kek/pkcs11/v1 ([0-9a-f]{32})\n")
_ID_SIZE = 16
_PROBE = bytes(32)

_CALLS = threading.RLock()
"""One call of a module at a time: `pkcs11` initialises it for one thread (C_Initialize without arguments),
and lets go of the interpreter's lock meanwhile."""
_SESSIONS: dict[TokenUri, Session] = {}
"""A login is the whole process's (PKCS#11 v2.40, 5.6), not a session's: one of each token, as long as it
lives. To close a session logs everybody else of this process out, and then private keys are not found."""
_REFUSED: set[tuple[TokenUri, bytes]] = set()
"""PINs, hashed, that a token refused: not shown to it again."""


class TokenAway(Unready):
    """The token that keeps the KEK does not answer."""

    code = "TOKEN_AWAY"
    zh = "保管主密钥（KEK）的令牌无法访问。"
    hint = "Connect the token; check token, serial and module-path of the setting `kek`. Nothing was changed."
    hint_zh = "请连接令牌，并检查配置项 `kek` 中的 token、serial 与 module-path。未作任何更改。"


class TokenPinRefused(Unready):
    """The token refused the PIN, or would lock if another wrong one were tried."""

    code = "TOKEN_PIN_REFUSED"
    zh = "令牌拒绝了 PIN，或再次输错将被锁定。"
    hint = "Mend the PIN file, log in once with the token's own tool (it resets the count), then start again."
    hint_zh = "请更正 PIN 文件，用令牌自带工具成功登录一次（以重置计数），然后重新启动。"


class TokenUnfit(Unready):
    """The token can't keep a KEK as it has to be kept."""

    code = "TOKEN_UNFIT"
    zh = "该令牌不满足保管主密钥（KEK）的要求。"
    hint = "Use a token with AES-256 keys, CKM_AES_GCM with associated data, and keys that can be destroyed."
    hint_zh = "请使用支持 AES-256、CKM_AES_GCM（含附加数据）且允许销毁对象的令牌。"


class TokenKekMissing(KeyMissing):
    """The token answers and does not hold this deployment's KEK."""

    code = "TOKEN_KEK_MISSING"
    zh = "令牌中没有本部署的主密钥（KEK）。"
    hint = "Check that token and `private/kek` are this deployment's; if they are, restore the token."
    hint_zh = "请确认令牌无误且 `private/kek` 属于本部署；否则请恢复令牌。"


@dataclass(frozen=True, slots=True)
class TokenKek:
    """The KEKs of one tenant in a token."""

    uri: TokenUri
    reference: Path
    """The file that names them."""
    tenant: str

    def create(self, entropy: Entropy) -> None:
        """As promised; a token that can't wrap is refused (`TokenUnfit`), and nothing is left in it."""
        if durable.exists(self.reference):
            raise KeyExists(f"{self.reference.name} exists")
        id_ = entropy(_ID_SIZE)
        kek = self._generate(id_, 1)
        try:
            kek.prove()
            # The key before the file that names it. Dying in between leaves a key that wraps nothing.
            secretfile.write(self.reference, b"consentry/kek/pkcs11/v1 %s\n" % id_.hex().encode())
        except BaseException:
            kek.destroy()
            raise

    def current(self) -> "TokenWrapping":
        return self._keks()[0]

    def next(self) -> "TokenWrapping | None":
        keks = self._keks()
        return keks[1] if len(keks) == 2 else None

    def begin(self, epoch: int, entropy: Entropy) -> "TokenWrapping":
        del entropy  # the token has its own
        if self.next() is not None:
            raise KeyExists(f"a KEK of epoch {epoch} is in the token")
        return self._generate(self._id(), epoch)

    def adopt(self) -> None:
        old, new = self._pair()
        # The new one must be there and work: after this it alone opens anything.
        new.prove()
        old.destroy()

    def abandon(self) -> None:
        self._pair()[1].destroy()

    def _pair(self) -> tuple["TokenWrapping", "TokenWrapping"]:
        keks = self._keks()
        if len(keks) != 2:
            raise TokenKekMissing(f"one KEK in the token, of epoch {keks[0].epoch}, and no next")
        return keks[0], keks[1]

    def _keks(self) -> list["TokenWrapping"]:
        """One, or one and the next. Raises `TokenKekMissing`, and `KekMismatch` for anything else."""
        found = _call(self.uri, lambda session: _find(session, self._id()))
        ours = re.compile(re.escape(f"consentry/kek/v1 {self.tenant} ") + "([1-9][0-9]{0,8})")
        labels = [ours.fullmatch(label) for label, _ in found]
        epochs = sorted(int(label[1]) for label in labels if label)
        if not found:
            raise TokenKekMissing(f"no KEK of tenant {self.tenant} in the token")
        if None in labels or len(epochs) > 2 or epochs[-1] - epochs[0] != len(epochs) - 1:
            # Never guessed: what is taken for the old one would be destroyed.
            raise KekMismatch(f"KEKs of epochs {epochs} in the token, and {labels.count(None)} of others")
        return [TokenWrapping(self.uri, self._id(), self.tenant, epoch) for epoch in epochs]

    def _generate(self, id_: bytes, epoch: int) -> "TokenWrapping":
        kek = TokenWrapping(self.uri, id_, self.tenant, epoch)
        _call(
            self.uri,
            lambda session: session.generate_key(
                KeyType.AES,
                256,
                id=id_,
                label=kek.label,
                store=True,
                capabilities=MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT,
                template={
                    Attribute.PRIVATE: True,
                    Attribute.SENSITIVE: True,
                    Attribute.EXTRACTABLE: False,
                    Attribute.MODIFIABLE: False,
                },
            ),
            again=False,
        )
        return kek

    def _id(self) -> bytes:
        found = _FILE.fullmatch(secretfile.read(self.reference))
        if not found:
            raise KeyMalformed(f"{self.reference.name} names no KEK in a token, as the setting `kek` says")
        return bytes.fromhex(found[1].decode())


@dataclass(slots=True)
class TokenWrapping:
    """The KEK of one epoch, in a token: an `audit.kms.Wrapping`."""

    uri: TokenUri
    id: bytes
    tenant: str
    epoch: int
    _kept: tuple[Session, SecretKey] | None = field(default=None, repr=False, compare=False)

    @property
    def label(self) -> str:
        """CKA_LABEL: whose it is, and of when."""
        return f"consentry/kek/v1 {self.tenant} {self.epoch}"

    def wrap(self, key: bytes, owner: Json, entropy: Entropy) -> bytes:
        nonce, bound = entropy(NONCE_SIZE), bound_to(owner, self.epoch)
        return nonce + self._use(lambda kek: _encrypt(kek, nonce, bound, key))

    def unwrap(self, wrapped: bytes, owner: Json) -> bytes:
        nonce, rest, bound = wrapped[:NONCE_SIZE], wrapped[NONCE_SIZE:], bound_to(owner, self.epoch)
        if len(rest) < TAG_SIZE:
            raise KekMismatch(f"a wrapped key of {len(wrapped)} bytes")
        try:
            return self._use(lambda kek: _decrypt(kek, nonce, bound, rest))
        except TokenAway as refused:
            # Tokens have no word of their own for a tag that does not fit: SoftHSM says CKR_GENERAL_ERROR, as
            # for anything. A key must not pass for damaged because the token is: it is asked if it works.
            self.prove()
            raise KekMismatch(f"a wrapped key does not open under epoch {self.epoch}") from refused

    def prove(self) -> None:
        """Raise `TokenAway` or `TokenUnfit` unless this KEK wraps and unwraps."""
        # One nonce, and always the same under it: that tells nothing, however often. It is kept nowhere.
        nonce, bound = bytes(NONCE_SIZE), b"probe"
        sealed = self._use(lambda kek: _encrypt(kek, nonce, bound, _PROBE))
        if len(sealed) != len(_PROBE) + TAG_SIZE or _PROBE in sealed:
            raise TokenUnfit("the token's CKM_AES_GCM gave no ciphertext with 16 bytes of tag")
        if self._use(lambda kek: _decrypt(kek, nonce, bound, sealed)) != _PROBE:
            raise TokenUnfit("the token's CKM_AES_GCM does not open what it sealed")

    def destroy(self) -> None:
        """C_DestroyObject: after it nothing opens what this KEK wrapped."""
        _call(self.uri, lambda session: self._found(session).destroy(), again=False)

    def _use(self, act: Callable[[SecretKey], bytes]) -> bytes:
        def once(session: Session) -> bytes:
            kept, self._kept = self._kept, None
            # Kept only by a call that went well: after any other it is looked for anew.
            kept = kept if kept and kept[0] is session else (session, self._found(session))
            done = act(kept[1])
            self._kept = kept
            return done

        return _call(self.uri, once)

    def _found(self, session: Session) -> SecretKey:
        found = [key for label, key in _find(session, self.id) if label == self.label]
        if len(found) != 1:
            raise TokenKekMissing(f"{len(found)} KEKs of epoch {self.epoch} in the token")
        if found[0][Attribute.EXTRACTABLE] or not found[0][Attribute.SENSITIVE]:
            raise TokenUnfit(f"the KEK of epoch {self.epoch} can be read out of the token")
        return found[0]


def _find(session: Session, id_: bytes) -> list[tuple[str, SecretKey]]:
    """Every secret key with this CKA_ID, by label."""
    wanted = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.KEY_TYPE: KeyType.AES, Attribute.ID: id_}
    return [(key[Attribute.LABEL], cast("SecretKey", key)) for key in list(session.get_objects(wanted))]


def _encrypt(kek: Any, nonce: bytes, bound: bytes, plain: bytes) -> bytes:
    way = GCMParams(nonce, bound, 8 * TAG_SIZE)
    return bytes(kek.encrypt(plain, mechanism=Ways.AES_GCM, mechanism_param=way))


def _decrypt(kek: Any, nonce: bytes, bound: bytes, sealed: bytes) -> bytes:
    way = GCMParams(nonce, bound, 8 * TAG_SIZE)
    return bytes(kek.decrypt(sealed, mechanism=Ways.AES_GCM, mechanism_param=way))


def _call(uri: TokenUri, act: Callable[[Session], Thing], *, again: bool = True) -> Thing:
    """Do it with a session that is logged in, and once `again`, where doing it twice does no harm."""
    with _CALLS:
        try:
            return act(_session(uri))
        except _UNFIT as error:
            raise TokenUnfit(f"the token answers {type(error).__name__}") from error
        except pkcs11.PKCS11Error as error:
            if isinstance(error, _LOST):
                # Not closed: it is gone, and to close one that is not would log the process out.
                _SESSIONS.pop(uri, None)
            if not again:
                raise TokenAway(f"the token answers {type(error).__name__}") from error
        return _call(uri, act, again=False)


def _session(uri: TokenUri) -> Session:
    if uri not in _SESSIONS:
        _SESSIONS[uri] = _login(_token(uri), uri)
    return _SESSIONS[uri]


def _login(token: Token, uri: TokenUri) -> Session:
    pin = _pin(uri.pin)
    shown = (uri, hashlib.sha256(pin.encode()).digest())
    if shown in _REFUSED or token.flags & _WARY:
        # Not once more: a worker that is started again and again would lock the token. Whether a wrong PIN
        # was given since the last right one the token says (CKF_USER_PIN_COUNT_LOW), whoever gave it.
        raise TokenPinRefused("a wrong PIN was given since the last right one; this one was not tried")
    try:
        return token.open(rw=True, user_pin=pin)
    except pkcs11.UserAlreadyLoggedIn:
        return token.open(rw=True)
    except _PIN_REFUSED as error:
        _REFUSED.add(shown)
        raise TokenPinRefused(f"the token answers {type(error).__name__}") from error


def _pin(path: Path) -> str:
    try:
        pin = secretfile.read(path).removesuffix(b"\n").decode()
    except UnicodeDecodeError:
        pin = ""
    if not pin:
        raise KeyMalformed(f"{path.name} holds no PIN in UTF-8")
    return pin


def _token(uri: TokenUri) -> Token:
    try:
        module = pkcs11.lib(str(uri.module))
        found = _named(module, uri)
        if not found and not any(each.module == uri.module for each in _SESSIONS):
            # Many modules look for tokens when they are initialised, and never again.
            module.reinitialize()
            found = _named(module, uri)
    except pkcs11.PKCS11Error as error:
        raise TokenAway(f"{uri.module.name} can't be used: {type(error).__name__}") from error
    if len(found) != 1:
        raise TokenAway(f"{len(found)} tokens of this name through {uri.module.name}")
    return found[0]


def _named(module: Any, uri: TokenUri) -> list[Token]:
    serial = None if uri.serial is None else uri.serial.encode()
    return list(module.get_tokens(token_label=uri.token, token_serial=serial))


_WARY = TokenFlag.USER_PIN_COUNT_LOW | TokenFlag.USER_PIN_FINAL_TRY | TokenFlag.USER_PIN_LOCKED
_PIN_REFUSED = (
    pkcs11.PinIncorrect,
    pkcs11.PinInvalid,
    pkcs11.PinLenRange,
    pkcs11.PinExpired,
    pkcs11.PinLocked,
    # Not UserPinNotInitialized: no PIN was tried, and a token in files says so too while another process
    # writes it.
)
_LOST = (
    pkcs11.DeviceError,
    pkcs11.DeviceRemoved,
    pkcs11.TokenNotPresent,
    pkcs11.SessionClosed,
    pkcs11.SessionHandleInvalid,
    pkcs11.UserNotLoggedIn,
)
_UNFIT = (
    pkcs11.MechanismInvalid,
    pkcs11.MechanismParamInvalid,
    pkcs11.KeySizeRange,
    pkcs11.TemplateInconsistent,
    pkcs11.AttributeTypeInvalid,
    pkcs11.AttributeValueInvalid,
    pkcs11.FunctionNotSupported,
    pkcs11.TokenWriteProtected,
    pkcs11.SessionReadOnly,
)
