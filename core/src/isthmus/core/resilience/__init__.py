"""Which calls may go out now, how long may they take, and which may be repeated?"""

from isthmus.core.resilience.backoff import RetryPolicy, RetryTokens, full_jitter
from isthmus.core.resilience.breaker import Admission, Breaker, BreakerRules, Breakers, State
from isthmus.core.resilience.clock import Clock, SystemClock
from isthmus.core.resilience.deadline import Deadline
from isthmus.core.resilience.fault import FaultKind
from isthmus.core.resilience.pushback import http_date, retry_after

__all__ = [
    "Admission",
    "Breaker",
    "BreakerRules",
    "Breakers",
    "Clock",
    "Deadline",
    "FaultKind",
    "RetryPolicy",
    "RetryTokens",
    "State",
    "SystemClock",
    "full_jitter",
    "http_date",
    "retry_after",
]
