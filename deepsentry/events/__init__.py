"""The values that flow, in the order in which they are born.

Times are Unix seconds as floats where there is one for every line, and aware datetimes (RFC 3339 on the wire) where a
person reads them. Every field name is stable: removing or renaming one is a new topic version.
"""

from deepsentry.events.alerts import Alert, AlertStatus, Judgement, Receipt, Silence, SilenceSource, Verdict
from deepsentry.events.anomalies import (
    Anomaly,
    Expectation,
    Explanation,
    Line,
    ModelReference,
    Neighbour,
    Severity,
    Shape,
    View,
    ViewScore,
)
from deepsentry.events.context import Context, Past, Surrounding
from deepsentry.events.lines import CleanEntry, Cut, Entry, Level, Position, Reason, Rejected, Replay, SequenceKind
from deepsentry.events.versions import Comparison, Disagreement, Moments, Promotion, ScoreCounts
from deepsentry.events.work import Job, JobKind, JobReport, JobState, WorkerStatus

__all__ = [
    "Alert",
    "AlertStatus",
    "Anomaly",
    "CleanEntry",
    "Comparison",
    "Context",
    "Cut",
    "Disagreement",
    "Entry",
    "Expectation",
    "Explanation",
    "Job",
    "JobKind",
    "JobReport",
    "JobState",
    "Judgement",
    "Level",
    "Line",
    "ModelReference",
    "Moments",
    "Neighbour",
    "Past",
    "Position",
    "Promotion",
    "Reason",
    "Receipt",
    "Rejected",
    "Replay",
    "ScoreCounts",
    "SequenceKind",
    "Severity",
    "Shape",
    "Silence",
    "SilenceSource",
    "Surrounding",
    "Verdict",
    "View",
    "ViewScore",
    "WorkerStatus",
]
