"""Small classes of a user's, to decode into."""

import dataclasses

import attrs


@attrs.frozen
class Frozen:
    """A frozen class."""

    x: int
    y: str | None = None


@attrs.define
class Mutable:
    """A class whose fields can be set."""

    x: int
    y: str | None = None


@attrs.frozen
class Child(Frozen):
    """A class that inherits its fields."""

    z: int = 3


@attrs.frozen
class Made:
    """A class whose defaults are made."""

    x: int = 1
    items: list[int] = attrs.Factory(list)
    double: int = attrs.Factory(lambda self: 2 * self.x, takes_self=True)


@attrs.frozen
class Inner:
    """A class whose only field has a default."""

    a: int = 0


@attrs.frozen
class WithA:
    """The member of a union that requires `a`."""

    a: int


@attrs.frozen
class WithB:
    """The member of a union that requires `b`."""

    b: int


@attrs.frozen
class Nest:
    """A class inside itself."""

    inner: "Nest | None" = None


@dataclasses.dataclass
class Data:
    """A dataclass, which is refused unless a hook reads it."""

    x: int


@attrs.frozen
class HasData:
    """A class with a dataclass in a field."""

    data: list[Data]
