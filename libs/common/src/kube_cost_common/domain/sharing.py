"""Who pays for what nobody has by itself: idle, system, the control plane, namespaces that serve all others."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

How = Literal["none", "weighted", "even"]


@dataclass(frozen=True, kw_only=True)
class SharingRules:
    """What is shared and how: by line (a namespace, or a pseudo-namespace such as `__idle__`).

    `weighted` is by what the others cost themselves, `even` the same for each. Who is shared takes no part of others,
    nor does a pseudo-namespace.
    """

    lines: Mapping[str, How]
    pseudo: Collection[str]

    @property
    def any(self) -> bool:
        """Whether anything is shared."""
        return any(how != "none" for how in self.lines.values())

    def moved(self, own: Mapping[str, int], given: Mapping[str, int]) -> dict[str, int]:
        """Return what each line has more or less by sharing: 0 in all.

        `own` is what each line costs itself, by which is weighted; `given` what is to be shared now of those lines that
        are: all of it, or what has come since it was shared last. Where nobody else costs anything nothing is moved.
        """
        takers = {
            name: cost
            for name, cost in own.items()
            if cost > 0 and name not in self.pseudo and self.lines.get(name, "none") == "none"
        }
        moved: dict[str, int] = {}
        if not takers:
            return moved
        for line in sorted(given):
            how, amount = self.lines.get(line, "none"), given[line]
            if how == "none" or not amount:
                continue
            weights = takers if how == "weighted" else dict.fromkeys(takers, 1)
            for name, part in divided(amount, weights).items():
                moved[name] = moved.get(name, 0) + part
            moved[line] = moved.get(line, 0) - amount
        return moved


NOTHING_SHARED = SharingRules(lines={}, pseudo=())


def divided(amount: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Return whole parts of `amount` by weights of at least 0, one of them more: together exactly the amount.

    What rounding leaves goes by the largest remainders, of equal ones to the first by name. A negative amount is
    divided as its opposite.
    """
    sign, whole = (-1, -amount) if amount < 0 else (1, amount)
    total = sum(weights.values())
    parts = {name: whole * weight // total for name, weight in weights.items()}
    left = whole - sum(parts.values())
    by_remainder = sorted(weights, key=lambda name: (-(whole * weights[name] % total), name))
    for name in by_remainder[:left]:
        parts[name] += 1
    return {name: sign * part for name, part in parts.items()}
