"""Sentences that can be said in English as they stand, and in other languages by a catalogue."""

from typing import Self


class Figure(float):
    """A number that knows how it is written in English.

    Parameters
    ----------
    value
        A share is 0 to 1.
    form
        ``,.0f``, or with another count of decimals; ``.0%`` for a share; ``+.2f`` with its sign.
    """

    form: str

    __slots__ = ("form",)

    def __new__(cls, value: float, /, form: str) -> Self:
        """Keep both."""
        made = super().__new__(cls, value)
        made.form = form
        return made

    def __reduce__(self) -> tuple[type[Self], tuple[float, str]]:
        """Let errors that carry figures come from other processes."""
        return type(self), (float(self), self.form)

    def __str__(self) -> str:
        """Write it in English."""
        return format(float(self), self.form)


class Sentence(str):
    """A sentence in English that knows how it was made.

    It is the English text wherever a text is wanted. The pages look its pattern up in the
    reader's catalogue; translators' tools find patterns by this class's name.

    Parameters
    ----------
    pattern
        With ``%(name)s`` where values stand; a percent sign is written twice.
    values
        Numbers are given as such, so that each language can write them in its own way; a value
        may be another sentence.
    """

    pattern: str
    values: dict[str, object]

    __slots__ = ("pattern", "values")

    def __new__(cls, pattern: str, /, **values: object) -> Self:
        """Say it in English."""
        made = super().__new__(cls, pattern % values)
        made.pattern = pattern
        made.values = values
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, object]]:
        """Let errors that carry sentences come from other processes."""
        return (self.pattern,), self.values

    @classmethod
    def joined(cls, *sentences: str, between: str = " ", end: str = "") -> Self:
        """Say several sentences one after the other; empty ones are left out."""
        said = {f"part{number}": text for number, text in enumerate(sentences) if text}
        return cls(between.join(f"%({name})s" for name in said) + end, **said)
