"""A detector that anybody understands: it looks for words."""

from collections.abc import Sequence

from deepsentry.events import Expectation, Explanation, ModelReference, ViewScore
from models.prepare import Observed, Verdict

NEW = 9


class Words:
    """Detects by words: `strange` makes a sequence an anomaly, `new` is a statement never seen."""

    reference = ModelReference("words", 3, "d1")
    budget = 10.0

    def __init__(self, patience: float = 0.0) -> None:
        self.judged: list[Observed] = []
        self._patience = patience

    def template(self, message: str) -> int:
        return 5 if "strange" in message else NEW if "new" in message else 1

    def template_text(self, template: int) -> str:
        return f"template {template}"

    def is_new(self, template: int) -> bool:
        return template == NEW

    def patience(self, template: int) -> float:
        return self._patience if template == 1 else 0.0

    def judge(self, batch: Sequence[Observed]) -> list[Verdict]:
        self.judged += batch
        return [
            Verdict(3.0 if 5 in each.templates or NEW in each.templates else 0.5, (ViewScore("sequence", 3.0),))
            for each in batch
        ]

    def explain(self, observed: Observed, verdict: Verdict) -> Explanation:
        place = next((n for n, template in enumerate(observed.templates) if template != 1), None)
        return Explanation("odd", verdict.views, place, expected=(Expectation("template 1", 0.9),))
