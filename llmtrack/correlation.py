"""The ids under which a trace knows a call."""

from __future__ import annotations

import sys
from typing import Final

#: Where nobody has imported this, there is no span.
TRACES: Final = "opentelemetry.trace"


def trace_ids() -> dict[str, str]:
    """
    Return `trace_id` and `span_id` of the current OpenTelemetry span, or nothing.

    They are written as in W3C's Trace Context, section 3.2.2: 32 and 16 lower-case
    hexadecimal digits. OpenTelemetry is not imported for that.
    """
    trace = sys.modules.get(TRACES)
    if trace is None:
        return {}
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
    }
