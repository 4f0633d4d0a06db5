"""Sentences that can be said in English as they stand, and in other languages by a catalogue."""

from typing import Self


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
    def joined(cls, *sentences: str) -> Self:
        """Say several sentences one after the other; empty ones are left out."""
        said = {f"part{number}": text for number, text in enumerate(sentences) if text}
        return cls(" ".join(f"%({name})s" for name in said), **said)
