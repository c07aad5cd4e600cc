"""The rows of the costs endpoint and their amount of money."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final, Literal

import attrs

from usagewire.models.properties import NO_PROPERTIES

MIN_EXPONENT: Final = -6176
MAX_ADJUSTED: Final = 6144
"""Limits of money and quantities: the smallest exponent and the largest adjusted exponent.

They are those of IEEE 754 decimal128, because the API writes amounts such as `0E-6176`. With these
limits, the exact sum of any amounts has at most about 12,400 digits.
"""


@attrs.frozen(kw_only=True, weakref_slot=False)
class CostsResultAmount:
    """An amount of money: the value of `CostsResult.amount`.

    Source: API specification of 2024-12-04. Both fields are nullable since openai-python 3.54.
    """

    value: Decimal | None = None
    """The exact amount in units of `currency`. Negative for a credit. None if not stated."""
    currency: str | None = None
    """ISO 4217 code, in lower case in the specification (`usd`). None if not stated."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Unknown fields by input key. They are written back and compared, but not hashed."""


@attrs.frozen(kw_only=True, weakref_slot=False)
class CostsResult:
    """Costs of one day, for one combination of group keys.

    Endpoint: `/v1/organization/costs`, whose buckets are always one day wide.
    Source: API specification of 2024-12-04.

    >>> from decimal import Decimal
    >>> amount = CostsResultAmount(value=Decimal("0.06"), currency="usd")
    >>> CostsResult(amount=amount, line_item="web search").amount.value
    Decimal('0.06')
    """

    object: ClassVar[Literal["organization.costs.result"]] = "organization.costs.result"

    amount: CostsResultAmount | None = None
    """The money spent. None if not stated."""
    quantity: Decimal | None = None
    """The quantity billed, in `quantity_unit`. None if not stated. Since 2026-05-13."""
    quantity_unit: str | None = None
    """Unit of `quantity`, such as `tokens`; new units may appear. None if not stated.
    Since 2026-08-21."""
    line_item: str | None = None
    """Free text that names the item billed. None unless grouped by this field."""
    project_id: str | None = None
    """Project that was billed. None unless grouped by this field."""
    api_key_id: str | None = None
    """API key that was billed. None unless grouped by this field. Since 2026-05-13."""
    user_id: str | None = None
    """User that was billed. None unless grouped by this field. Since openai-python 3.54."""
    api_source: str | None = None
    """`agents_api` or `unlabeled`. None unless grouped by this field. Since openai-python 3.54."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Unknown fields by input key. They are written back and compared, but not hashed."""
