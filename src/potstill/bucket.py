"""Objects below an address such as `s3://bucket/prefix`: conditional writes, bounded patience, one line a refusal.

What a store or its client says is never shown, since requests, answers and addresses may hold keys: of an answer only
its status and the word in its `<Code>` are.
"""

from __future__ import annotations

import os
import random
import re
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple, TypeVar

from potstill.errors import MissingExtraError, PotstillError, StoreError

T = TypeVar("T")
KINDS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
"""Schemes of addresses, and the variables that most often say who asks."""
PATIENCE = 60.0
"""Seconds for which a request is tried again that a store cannot serve now."""
FIRST_PAUSE, LAST_PAUSE = 0.2, 10.0
"""Seconds between tries: twice as long each time, up to the last one."""
SKEW = 900.0
"""Seconds that a clock may be apart from the store's; S3 refuses what is signed at another time than that."""
_AGAIN = 60.0
"""Seconds after which the store's clock is looked at again."""
_STATUS = re.compile(r"status code: (\d{3})")  # ... returned non-2xx status code: 503 Service Unavailable: <?xml
_CODE = re.compile(r"<Code>([A-Za-z]{1,40})</Code>")  # <Error><Code>SlowDown</Code>
# Generic S3 error: Error performing PUT http://169.254.169.254/latest/api/token in ...
_ASKED_FOR_KEYS = re.compile(r"/latest/api/token|/latest/meta-data|/metadata/identity|computeMetadata|MissingAccount")
_LATER = {"408", "425", "429", "500", "502", "503", "504"}
_TAKEN = {"409", "412"}


class BucketError(StoreError):
    """An object store that does not serve: names the address, what it answered and what to do."""


class StoredObject(NamedTuple):
    """An object as it is now; `version` is what a conditional write names, `modified` the store's time in seconds."""

    data: bytes
    modified: float
    version: Mapping[str, str]


@dataclass(frozen=True)
class ListedObject:
    """An object in a listing: `mark` changes with its contents, `modified` is the store's time in seconds."""

    mark: str
    modified: float


def is_address(text: str) -> bool:
    """Return whether a text is an address rather than a path."""
    return "://" in text


def this_process() -> str:
    """Return how a process is named in what others see: its machine and its number."""
    return f"{socket.gethostname()}:{os.getpid()}"


class ObjectStore:
    """The objects below an address; names are relative to it. Who asks is said by environment variables.

    Raises:
        PotstillError: no address of a kind that has conditional writes, or one with a key in it.
        MissingExtraError: obstore is not installed.
        BucketError: from every method, where the store refuses or is not there for `PATIENCE` seconds.
    """

    def __init__(self, address: str) -> None:
        kind, _, place = address.partition("://")
        if "@" in place or "?" in place:
            raise PotstillError("an address of a store holds no key: write s3://bucket/prefix, and set the variables")
        if kind not in KINDS or not place.partition("/")[0]:
            raise PotstillError(
                f"{address} is no address of an object store: write s3://bucket/prefix, or gs://, az://"
            )
        try:
            import obstore
            from obstore import exceptions, store
        except ImportError as error:
            raise MissingExtraError(address, "obstore", "store") from error
        self.address, self._kind = address.rstrip("/"), kind
        self._obstore: Any = obstore
        self._errors: Any = exceptions
        self._clock: tuple[float, float] | None = None
        opened: Any = store.from_url
        try:
            self._store = opened(
                self.address,
                # Every request is tried again here, writes too: whoever writes reads what is there where it is refused.
                retry_config={"max_retries": 0},
                client_options={
                    "timeout": timedelta(seconds=120),
                    "connect_timeout": timedelta(seconds=5),
                    "allow_http": os.environ.get("AWS_ALLOW_HTTP", "").lower() in ("1", "true"),  # else not looked at
                },
            )
        except (exceptions.BaseError, ValueError) as error:
            raise self._refused(str(error), "opened") from None

    def get(self, name: str) -> StoredObject | None:
        """Return an object, None where there is none of that name."""

        def got() -> StoredObject | None:
            found = self._obstore.get(self._store, name)
            data = bytes(found.bytes())
            version = {key: found.meta[key] for key in ("e_tag", "version") if found.meta.get(key)}
            return StoredObject(data, found.meta["last_modified"].timestamp(), version)

        return self._tried(got, "read", none=True)

    def has(self, name: str) -> bool:
        """Return whether there is an object of that name."""
        return self._tried(lambda: self._obstore.head(self._store, name), "read", none=True) is not None

    def put(self, name: str, data: bytes) -> None:
        """Write an object, whatever was there."""
        self._write(name, data, "overwrite")

    def create(self, name: str, data: bytes) -> bool:
        """Write an object unless there is one; return whether it was written.

        An answer that was lost looks as if somebody else had been first: compare what is there.
        """
        return self._write(name, data, "create")

    def replace(self, name: str, data: bytes, version: Mapping[str, str]) -> bool:
        """Write an object unless it changed since it had that version; return whether it was written, as `create`."""
        return self._write(name, data, dict(version))

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects; those that are not there are no error."""
        for name in names:
            self._tried(partial(self._obstore.delete, self._store, name), "written", none=True)

    def names(self, folder: str = "") -> dict[str, ListedObject]:
        """Return the objects below a folder of names, by their names in it."""

        def listed() -> dict[str, ListedObject]:
            found = self._obstore.list(self._store, folder or None)
            return {
                entry["path"].removeprefix(f"{folder}/"): ListedObject(
                    str(entry["e_tag"] or entry["version"]), entry["last_modified"].timestamp()
                )
                for batch in found for entry in batch
            }  # fmt: skip

        return self._tried(listed, "read") or {}

    def now(self) -> float:
        """Return the store's time in seconds, told by an object that is written for it."""
        if self._clock is None or time.monotonic() - self._clock[1] > _AGAIN:
            self.put("clock", this_process().encode())
            found, here = self.get("clock"), time.time()
            theirs = here if found is None else found.modified  # removed meanwhile
            if abs(theirs - here) > SKEW:
                raise self._skewed(f"{abs(theirs - here) / 60:.0f} minutes {'behind' if theirs > here else 'ahead of'}")
            self._clock = theirs, time.monotonic()
        return self._clock[0] + time.monotonic() - self._clock[1]

    def _write(self, name: str, data: bytes, mode: Any) -> bool:  # noqa: ANN401 - as obstore has it
        put = self._obstore.put
        # In one request: an object of several is not there at once, and not conditional everywhere.
        return self._tried(lambda: put(self._store, name, data, mode=mode, use_multipart=False), "written") is not None

    def _tried(self, call: Callable[[], T], what: str, *, none: bool = False) -> T | None:
        """Return what a request gives, tried again while the store cannot serve; None where others were first.

        With `none` that also stands for an object that is not there.
        """
        until, pause = time.monotonic() + PATIENCE, FIRST_PAUSE
        while True:
            try:
                return call()
            except (self._errors.AlreadyExistsError, self._errors.PreconditionError):
                return None
            except (self._errors.BaseError, OSError, ValueError) as error:
                told = str(error)
                status, code = _found(_STATUS, told), _found(_CODE, told)
                missing = isinstance(error, FileNotFoundError) and code != "NoSuchBucket"
                if status in _TAKEN or (missing and none):
                    return None
                keys = _ASKED_FOR_KEYS.search(told) and not status
                final = keys or "BadScheme" in told or (status and status not in _LATER)
                if final or time.monotonic() + pause > until:
                    raise self._refused(told, what) from None
            time.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, LAST_PAUSE)

    def _refused(self, told: str, what: str) -> BucketError:
        """Return one line for what a store or its client said."""
        status, code = _found(_STATUS, told), _found(_CODE, told)
        answer = f"{status} {code}".strip()
        if code == "RequestTimeTooSkewed":
            return self._skewed("too far from")
        if code == "NoSuchBucket" or status == "404":
            return BucketError(f"{self.address}: there is no such bucket ({answer}): make it, or name another")
        if status in ("401", "403"):
            return BucketError(
                f"{self.address} cannot be {what} by this process ({answer}): give it a key that may read and write "
                f"there ({KINDS[self._kind]})"
            )
        if "BadScheme" in told:
            return BucketError(
                f"{self.address}: its endpoint is http, not https: set AWS_ALLOW_HTTP=true to allow that"
            )
        if not status and _ASKED_FOR_KEYS.search(told):
            return BucketError(f"{self.address}: no credentials are found here: set {KINDS[self._kind]}")
        if status and status not in _LATER:
            return BucketError(f"{self.address} cannot be {what}: the store answered {answer}")
        answer = answer or ("no answer in time" if "imed" in told else "no connection")
        return BucketError(
            f"{self.address} did not serve for {PATIENCE:.0f} s (last: {answer}): nothing committed is lost; run again"
        )

    def _skewed(self, apart: str) -> BucketError:
        return BucketError(f"{self.address}: the clock of this machine is {apart} the store's: set it")


def _found(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""
