"""Rows of the costs endpoint, and the amount of money in them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final, Literal

import attrs

from usagewire.models.properties import NO_PROPERTIES

MIN_EXPONENT: Final = -6176
MAX_ADJUSTED: Final = 6144
"""The least exponent and the greatest adjusted exponent of money and quantities, those of IEEE 754
decimal128, which the API's own amounts show (`0E-6176`). The bound keeps exact sums of any amounts
within about 12,400 digits."""


@attrs.frozen(kw_only=True, weakref_slot=False)
class CostsResultAmount:
    """An amount of money, as it stands in `CostsResult.amount`.

    Source: API specification of 2024-12-04; both fields nullable since openai-python 3.54.
    """

    value: Decimal | None = None
    """Money in units of `currency`, exact; negative for a credit. None when not stated."""
    currency: str | None = None
    """ISO 4217 code, lower case in the specification (`usd`). None when not stated."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Fields this version does not know, by input key; written back; in equality, not in hash."""


@attrs.frozen(kw_only=True, weakref_slot=False)
class CostsResult:
    """Costs of one day, for one combination of group keys.

    Held by the buckets of `/v1/organization/costs`, whose only bucket width is a day.
    Source: API specification of 2024-12-04.
    """

    object: ClassVar[Literal["organization.costs.result"]] = "organization.costs.result"

    amount: CostsResultAmount | None = None
    """What was spent. None when not stated."""
    quantity: Decimal | None = None
    """How much was billed, in `quantity_unit`. None when not stated. Since 2026-05-13."""
    quantity_unit: str | None = None
    """Unit of `quantity`, as `tokens`; an open set. None when not stated. Since 2026-08-21."""
    line_item: str | None = None
    """Free text naming what is billed. None unless grouped by it."""
    project_id: str | None = None
    """Project that was billed. None unless grouped by it."""
    api_key_id: str | None = None
    """API key that was billed. None unless grouped by it. Since 2026-05-13."""
    user_id: str | None = None
    """User that was billed. None unless grouped by it. Since openai-python 3.54."""
    api_source: str | None = None
    """`agents_api` or `unlabeled`. None unless grouped by it. Since openai-python 3.54."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Fields this version does not know, by input key; written back; in equality, not in hash."""
