"""What kafka-python raises, as errors for people."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from kafka import errors as kafka_errors

from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.diagnosis import connection_problem
from below_the_line.kafka.options import kafka_options
from below_the_line.settings import Settings


@contextmanager
def translated_errors(settings: Settings) -> Iterator[None]:
    """Turn what kafka-python raises in this block into a BelowTheLineError.

    While kafka-python connects it hides every reason, a rejected password too, and raises a
    time-out. The reason is only an argument of a message in its log, and is taken from there. What
    is wrong with TLS is not even there: the brokers are looked at again.
    """
    reasons = _LoggedReasons()
    log = logging.getLogger("kafka")
    log.addHandler(reasons)
    try:
        yield
    except kafka_errors.KafkaError as error:
        if reasons.permanent is None and is_silence(error):
            problem = connection_problem(kafka_options(settings))
            if problem is not None:
                raise problem from error
        raise translate(reasons.permanent or error, settings) from error
    finally:
        log.removeHandler(reasons)


class _LoggedReasons(logging.Handler):
    """Keeps the last exception that kafka-python logs and that another try does not help."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.permanent: Exception | None = None

    def emit(self, record: logging.LogRecord) -> None:
        for argument in record.args if isinstance(record.args, tuple) else ():
            if isinstance(argument, kafka_errors.BrokerResponseError) and not argument.retriable:
                self.permanent = argument


def is_silence(error: Exception) -> bool:
    """Whether an error says no more than that the brokers did not answer."""
    return isinstance(
        error,
        kafka_errors.RetriableError
        | kafka_errors.KafkaConnectionError
        | kafka_errors.KafkaTimeoutError,
    )


def translate(error: Exception, settings: Settings) -> BelowTheLineError:
    """Return one sentence and one hint for a person in place of what kafka-python raised."""
    where = settings.kafka_bootstrap
    if isinstance(error, kafka_errors.SaslAuthenticationFailedError):
        return BelowTheLineError(
            f"The Kafka broker at {where} rejected user {settings.kafka_sasl_username!r}.",
            "Check BTL_KAFKA_SASL_USERNAME and BTL_KAFKA_SASL_PASSWORD.",
        )
    if isinstance(error, kafka_errors.UnsupportedSaslMechanismError):
        return BelowTheLineError(
            f"The Kafka broker at {where} does not offer this SASL mechanism.",
            "Check BTL_KAFKA_SASL_MECHANISM.",
        )
    if isinstance(error, kafka_errors.IllegalSaslStateError):
        return BelowTheLineError(
            f"The Kafka broker at {where} expects no SASL.", "Check BTL_KAFKA_SECURITY_PROTOCOL."
        )
    if isinstance(error, kafka_errors.AuthorizationError):
        return BelowTheLineError(
            f"The Kafka broker at {where} does not allow this: {type(error).__name__}.",
            "Ask its operator for the right to describe, create and write the topics of"
            " schemas/topics.yaml.",
        )
    if isinstance(error, kafka_errors.UnknownTopicOrPartitionError):
        return BelowTheLineError(
            f"A topic does not exist at {where}.",
            "Create the topics with `btl up` or `btl topics create`.",
        )
    if isinstance(
        error, kafka_errors.MessageSizeTooLargeError | kafka_errors.RecordListTooLargeError
    ):
        return BelowTheLineError(
            f"The Kafka broker at {where} takes no record of that size.", "Leave it out."
        )
    if is_silence(error):
        return BelowTheLineError(
            f"The Kafka broker at {where} cannot be reached, or does not answer.",
            "Start it with `btl up` (see `btl status`), or check BTL_KAFKA_BOOTSTRAP and"
            " BTL_KAFKA_SECURITY_PROTOCOL.",
        )
    return BelowTheLineError(
        f"The Kafka broker at {where} rejected this: {type(error).__name__}: {error}.",
        "See its log.",
    )
