"""A browser that signs in as somebody: it follows the address it is shown, and brings the answer to loopback."""

import threading
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import httpx2


@dataclass
class Browser:
    """Opens addresses in a thread of its own, as another process would; `join` before looking at what came of it.

    `first` are addresses to be asked for before the true one, below where the browser is sent back to; `change` are
    parameters of the answer that somebody changed on the way.
    """

    login: str
    first: tuple[str, ...] = ()
    change: dict[str, str] = field(default_factory=dict)
    seen: list[httpx2.Response] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    def __call__(self, address: str) -> bool:
        self.shown.append(address)
        thread = threading.Thread(target=self._try, args=(address,))
        self.threads.append(thread)
        thread.start()
        return True

    def join(self) -> None:
        for one in self.threads:
            one.join(10)
        assert self.failures == []

    def sent_back(self, address: str) -> str:
        """Sign in and return where the browser is sent."""
        answer = httpx2.get(f"{address}&{urlencode({'login_hint': self.login})}")
        self.seen.append(answer)
        parts = urlsplit(answer.headers["location"])
        told = dict(parse_qsl(parts.query)) | self.change
        return urlunsplit(parts._replace(query=urlencode({name: one for name, one in told.items() if one})))

    def _try(self, address: str) -> None:
        try:
            target = self.sent_back(address)
            base = target.partition("?")[0]
            for before in self.first:
                self.seen.append(httpx2.get(base + before if before.startswith("?") else httpx2.URL(base).join(before)))
            self.seen.append(httpx2.get(target))
        except Exception as error:
            self.failures.append(error)
