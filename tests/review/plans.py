"""The shipped review plan, and small ones."""

from pathlib import Path

from moderation.review.compile_plan import compile_plan
from moderation.review.plan import Plan
from tests.policy.signals import SPECS

SHIPPED = Path(__file__).resolve().parents[2] / "policies" / "review.yaml"

HEAD = """
version: 1
categories:
  spam: {title: Spam, severity: 20, reasons: [{code: scam, title: Scam}], text: Words.}
  minors:
    {title: Safety of minors, severity: 100, gravest: true, appeals_queue: closed,
     reasons: [{code: depiction, title: Depiction}], text: Words.}
queues:
  spam: {title: Spam, description: Words., service_minutes: 60}
  adult: {title: Adult, description: Words., service_minutes: 30}
  closed: {title: Closed, description: Words., service_minutes: 10, restricted: true, escalates_to: vault}
  vault: {title: Vault, description: Words., service_minutes: 5, restricted: true, lead_only: true}
  escalations: {title: Escalations, description: Words., service_minutes: 30, lead_only: true}
  disagreements: {title: Disagreements, description: Words., service_minutes: 30, lead_only: true}
  appeals: {title: Appeals, description: Words., service_minutes: 30}
  stalled: {title: Stalled, description: Words., service_minutes: 30}
  signal-failure: {title: Not measured, description: Words., service_minutes: 30}
"""


def small_text(routing: str = "") -> str:
    """A valid plan's text; `routing` are the items of its list."""
    return HEAD + (f"routing:\n{routing}" if routing else "")


def small(routing: str = "", *, number: int = 0) -> Plan:
    """The compiled one."""
    return compile_plan(small_text(routing), SPECS, source="small.yaml", number=number)


def rule(name: str, when: str, **effects: object) -> str:
    """One item of the routing list."""
    lines = "".join(f"    {key}: {value}\n" for key, value in effects.items())
    return f"  - name: {name}\n    when: {when}\n{lines}    why: Words.\n"
