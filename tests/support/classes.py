"""Small user classes to decode into."""

import dataclasses

import attrs


@attrs.frozen
class Frozen:
    x: int
    y: str | None = None


@attrs.define
class Mutable:
    x: int
    y: str | None = None


@attrs.frozen
class Child(Frozen):
    z: int = 3


@attrs.frozen
class Made:
    x: int = 1
    items: list[int] = attrs.Factory(list)
    double: int = attrs.Factory(lambda self: 2 * self.x, takes_self=True)


@attrs.frozen
class Inner:
    a: int = 0


@attrs.frozen
class WithA:
    a: int


@attrs.frozen
class WithB:
    b: int


@attrs.frozen
class Nest:
    inner: "Nest | None" = None


@dataclasses.dataclass
class Data:
    """A dataclass."""

    x: int


@attrs.frozen
class HasData:
    data: list[Data]
