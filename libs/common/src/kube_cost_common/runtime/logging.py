"""structlog, as every service has it: JSON, or readable lines on a terminal. Events are phrases, facts fields."""

import logging
import sys
from typing import Literal

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import FilteringBoundLogger, Processor

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "json", "console"]


def configure(*, service: str, level: Level, output_format: Format) -> FilteringBoundLogger:
    """Set up logging for the process and return its logger. Lines go to standard error."""
    readable = output_format == "console" or (output_format == "auto" and sys.stderr.isatty())
    # Tracebacks without the values of variables, which structlog and rich would show: tokens are among them.
    finish: list[Processor] = (
        [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)]
        if readable
        else [
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ]
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *finish,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # What libraries say goes the same way; their chatter below warnings doesn't.
    logging.basicConfig(level=logging.WARNING, format=f"%(levelname)s {service} %(name)s: %(message)s", force=True)
    logger: FilteringBoundLogger = structlog.get_logger(service=service)
    return logger
