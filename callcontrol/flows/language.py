"""In which language the caller is spoken to: asked once, remembered for the caller's number.

Tenant keys: `languages` of the tenant or of one number. Ends with `call.language` set; silence or wrong keys mean the
first language, which is not remembered.
"""

from __future__ import annotations

from callcontrol.flows.visit import Arrival
from callcontrol.switch.call import Accepted, Say


def choose_language(visit: Arrival) -> None:
    """Speak the caller's language; ask for it when the number has several and the caller is new."""
    languages = visit.dialled.languages
    visit.call.language = languages[0]
    if len(languages) == 1:
        return
    known = remembered_language(visit)
    if known is not None:
        visit.call.language = known
        visit.log.info("language remembered", language=known)
        return
    _ask(visit, languages)


def remembered_language(visit: Arrival) -> str | None:
    """What this caller chose before, if the number still speaks it."""
    if not visit.recognised:
        return None
    known = visit.house.state.language_of(visit.tenant.id, visit.key)
    return known if known in visit.dialled.languages else None


def _ask(visit: Arrival, languages: tuple[str, ...]) -> None:
    by_key = {str(key): language for key, language in enumerate(languages, start=1)}
    offer = [Say(f"language-key-{key}", language) for key, language in by_key.items()]
    match visit.call.ask([offer, offer], lengths=[1], complete=by_key.__contains__, judge=by_key.get):
        case Accepted(language):
            visit.call.language = language
            if visit.recognised:
                state = visit.house.state
                state.remember_language(visit.tenant.id, visit.key, language, visit.house.now())
            visit.log.info("language chosen", language=language)
        case _:
            visit.log.info("no language chosen", language=visit.call.language)
