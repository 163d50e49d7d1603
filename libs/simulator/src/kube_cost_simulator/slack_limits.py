"""What Slack refuses in a message, in its own words."""

import json
from collections.abc import Mapping
from typing import Any

MAX_BLOCKS = 50
MAX_HEADER = 150
MAX_SECTION = 3000
MAX_TEXT = 40_000
MAX_BUTTON = 75
MAX_URL = 3000
MAX_ELEMENTS = 25
MAX_CONTEXT_ELEMENTS = 10
MAX_ALL = 13_000
"""Characters of all blocks, measured; documented nowhere."""


def refusal(body: Mapping[str, Any]) -> str:
    """Return Slack's word for what is wrong with a message; empty where it is taken."""
    text, blocks = body.get("text", ""), body.get("blocks", [])
    if not isinstance(text, str) or not isinstance(blocks, list):
        return "invalid_payload"
    if not text and not blocks and not body.get("attachments"):
        return "no_text"
    if len(text) > MAX_TEXT:
        return "msg_too_long"
    if len(json.dumps(blocks, ensure_ascii=False)) > MAX_ALL:
        return "msg_blocks_too_long"
    return "" if len(blocks) <= MAX_BLOCKS and all(_is_valid(block) for block in blocks) else "invalid_blocks"


def _is_valid(block: Any) -> bool:
    match block:
        case {"type": "header", "text": {"type": "plain_text", "text": str(text)}}:
            return 0 < len(text) <= MAX_HEADER
        case {"type": "section", "text": {"type": "plain_text" | "mrkdwn", "text": str(text)}}:
            return 0 < len(text) <= MAX_SECTION
        case {"type": "context", "elements": list(elements)}:
            return 0 < len(elements) <= MAX_CONTEXT_ELEMENTS and all(map(_is_text, elements))
        case {"type": "actions", "elements": list(elements)}:
            identities = [element.get("action_id") for element in elements]
            return (
                0 < len(elements) <= MAX_ELEMENTS
                and len(set(identities)) == len(identities)
                and all(map(_is_button, elements))
            )
        case {"type": "divider"}:
            return True
    return False


def _is_text(element: Any) -> bool:
    return isinstance(element, dict) and element.get("type") in {"plain_text", "mrkdwn"} and bool(element.get("text"))


def _is_button(element: Any) -> bool:
    match element:
        case {"type": "button", "text": {"type": "plain_text", "text": str(text)}, "url": str(url)}:
            return 0 < len(text) <= MAX_BUTTON and 0 < len(url) <= MAX_URL
    return False
