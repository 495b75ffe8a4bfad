"""How much of an org's quota may be used, by whom and when?"""

from isthmus.core.budgets.budget import Budget
from isthmus.core.budgets.ledger import Rules
from isthmus.core.budgets.permit import UNCOUNTED, Permit, QuotaReading
from isthmus.core.budgets.store import BudgetStore, SqliteBudgetStore, StoreUnavailable

__all__ = [
    "UNCOUNTED",
    "Budget",
    "BudgetStore",
    "Permit",
    "QuotaReading",
    "Rules",
    "SqliteBudgetStore",
    "StoreUnavailable",
]
