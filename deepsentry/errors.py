"""What can go wrong, by domain; edges translate to exit codes, statuses and header values.

DeepSentryError
|- SettingsError        a setting is unknown, missing or out of range; names the key and the remedy
|- DataError            input that was named by the caller cannot be read (a file, a folder, a column)
|- WireError            bytes on an internal topic are not the event they should be
|- KafkaError           the broker cannot be reached, or refused
|  `- TopicMissing      a topic that must exist does not
|- LocalServerError     an embedded server cannot be installed, verified or started
|- RuleError            a redaction rule cannot be loaded; names the rule and the offending line
|- ModelError
|  |- TrainingError     the data cannot be learned from; says what is missing
|  |- VersionRefused    a version is half-written, tampered with or not ours; the old one keeps working
|  `- VersionMissing    no such model, version or alias
|- FederationError      a job, a site or the aggregator cannot go on; says which and why
|- NotFound             an anomaly, an alert or another thing that was named does not exist
|- LinkRefused          a signed link is forged, changed or over
`- DeliveryError        an alert target refused or did not answer
   `- TargetAway       it did not answer, or asked to wait: that may pass
"""


class DeepSentryError(Exception):
    """Any failure that DeepSentry can name; its text is one line for a person and never quotes log text."""


class SettingsError(DeepSentryError):
    """A setting is unknown, missing or out of range."""


class DataError(DeepSentryError):
    """Input that the caller named cannot be read."""


class WireError(DeepSentryError):
    """Bytes on an internal topic are not the event they should be."""


class KafkaError(DeepSentryError):
    """The broker cannot be reached, or refused."""


class TopicMissing(KafkaError):
    """A topic that must exist does not."""


class LocalServerError(DeepSentryError):
    """An embedded server cannot be installed, verified or started."""


class RuleError(DeepSentryError):
    """A redaction rule cannot be loaded."""


class ModelError(DeepSentryError):
    """Training or loading of a model failed."""


class TrainingError(ModelError):
    """The data cannot be learned from."""


class VersionRefused(ModelError):
    """A version is half-written, tampered with or not ours."""


class VersionMissing(ModelError):
    """No such model, version or alias."""


class FederationError(DeepSentryError):
    """A job, a site or the aggregator cannot go on."""


class NotFound(DeepSentryError):
    """A thing that was named does not exist."""


class LinkRefused(DeepSentryError):
    """A signed link is forged, changed or over."""


class DeliveryError(DeepSentryError):
    """An alert target refused or did not answer."""


class TargetAway(DeliveryError):
    """An alert target did not answer, or asked to wait; it may take the same thing after `wait` seconds."""

    def __init__(self, message: str, wait: float) -> None:
        super().__init__(message)
        self.wait = wait
