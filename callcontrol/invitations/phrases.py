"""The words of invitations in German, English and French. No word is put together from parts of sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

_DAYS = {
    "de": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
}
_MONTHS = {
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "en": "January February March April May June July August September October November December",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
}
_DATES = {
    "de": "{day}, {number}. {month} {year}",
    "en": "{day}, {number} {month} {year}",
    "fr": "{day} {number} {month} {year}",
}
_TIMES = {"de": "{date}, {time} Uhr", "en": "{date}, {time}", "fr": "{date}, {time}"}


@dataclass(frozen=True, slots=True)
class Phrases:
    """One language. Names in braces are filled in by callcontrol/invitations/invitation.py."""

    colon: str
    subject: str
    for_moderator: str
    when: str
    anytime: str
    daily: str
    weekdays: str
    weekly: str
    monthly: str
    lasts: str
    early: str
    called: str
    numbers: str
    languages: Mapping[str, str]
    pin: str
    moderator_pin: str
    guests_pin: str
    no_pin: str
    listed_only: str
    listed_too: str
    tap: str
    wait: str
    admitted: str
    keys: str
    mute: str
    hand: str
    help: str


PHRASES: Mapping[str, Phrases] = {
    "de": Phrases(
        colon=":",
        subject="Telefonkonferenz {room} ({tenant})",
        for_moderator="Diese Einladung ist für die Moderation. Bitte nicht weitergeben: sie enthält deren PIN.",
        when="Wann",
        anytime="Jederzeit, die Konferenz ist immer offen.",
        daily="Täglich um {time} Uhr",
        weekdays="Montag bis Freitag um {time} Uhr",
        weekly="Jeden {day} um {time} Uhr",
        monthly="Am {number}. jedes Monats um {time} Uhr",
        lasts="Dauer {minutes} Minuten, Zeitzone {zone}",
        early="Sie können 15 Minuten vor Beginn anrufen.",
        called="Wer auf der Liste des Raums steht, wird zu Beginn angerufen.",
        numbers="Einwahl",
        languages={"de": "Deutsch", "en": "Englisch", "fr": "Französisch"},
        pin="PIN: {pin}#",
        moderator_pin="PIN der Moderation: {pin}#",
        guests_pin="PIN der Gäste: {pin}#",
        no_pin="Eine PIN ist nicht nötig.",
        listed_only="Nur Anrufe von eingetragenen Nummern werden angenommen; eine PIN ist nicht nötig.",
        listed_too="Wer von einer eingetragenen Nummer anruft, braucht keine PIN.",
        tap="Mit dem Mobiltelefon antippen (wählt Nummer und PIN)",
        wait="Bis die Moderation da ist, hören Sie Musik.",
        admitted="Die Moderation lässt Sie ein; bis dahin hören Sie Musik.",
        keys="Tasten während der Konferenz",
        mute="Mikrofon aus und ein",
        hand="Hand heben und senken",
        help="Hilfe",
    ),
    "en": Phrases(
        colon=":",
        subject="Conference call {room} ({tenant})",
        for_moderator="This invitation is for the moderator. Please do not pass it on: it holds the moderator's PIN.",
        when="When",
        anytime="At any time, the conference is always open.",
        daily="Every day at {time}",
        weekdays="Monday to Friday at {time}",
        weekly="Every {day} at {time}",
        monthly="On day {number} of each month at {time}",
        lasts="{minutes} minutes, timezone {zone}",
        early="You can call from 15 minutes before the start.",
        called="Those on the room's list are called at the start.",
        numbers="Dial in",
        languages={"de": "German", "en": "English", "fr": "French"},
        pin="PIN: {pin}#",
        moderator_pin="Moderator's PIN: {pin}#",
        guests_pin="Guests' PIN: {pin}#",
        no_pin="No PIN is needed.",
        listed_only="Only calls from listed numbers are accepted; no PIN is needed.",
        listed_too="Callers from a listed number need no PIN.",
        tap="One tap on a mobile phone (dials number and PIN)",
        wait="You hear music until the moderator is there.",
        admitted="The moderator lets you in; until then you hear music.",
        keys="Keys during the conference",
        mute="microphone off and on",
        hand="raise and lower your hand",
        help="help",
    ),
    "fr": Phrases(
        colon=" :",
        subject="Conférence téléphonique {room} ({tenant})",
        for_moderator="Cette invitation est pour l'animateur. Merci de ne pas la transmettre : elle contient son code.",
        when="Quand",
        anytime="À tout moment, la conférence est toujours ouverte.",
        daily="Tous les jours à {time}",
        weekdays="Du lundi au vendredi à {time}",
        weekly="Tous les {day}s à {time}",
        monthly="Le {number} de chaque mois à {time}",
        lasts="{minutes} minutes, fuseau horaire {zone}",
        early="Vous pouvez appeler dès 15 minutes avant le début.",
        called="Les personnes de la liste de la salle sont appelées au début.",
        numbers="Numéros d'accès",
        languages={"de": "allemand", "en": "anglais", "fr": "français"},
        pin="Code : {pin}#",
        moderator_pin="Code de l'animateur : {pin}#",
        guests_pin="Code des invités : {pin}#",
        no_pin="Aucun code n'est nécessaire.",
        listed_only="Seuls les appels de numéros enregistrés sont acceptés ; aucun code n'est nécessaire.",
        listed_too="Depuis un numéro enregistré, aucun code n'est nécessaire.",
        tap="Sur un téléphone mobile, touchez (compose le numéro et le code)",
        wait="Vous entendez de la musique jusqu'à l'arrivée de l'animateur.",
        admitted="L'animateur vous fait entrer ; d'ici là, vous entendez de la musique.",
        keys="Touches pendant la conférence",
        mute="couper et remettre le micro",
        hand="lever et baisser la main",
        help="aide",
    ),
}


def day_name(moment: datetime, language: str) -> str:
    """The day of the week."""
    return _DAYS[language].split()[moment.weekday()]


def day_number(moment: datetime, language: str) -> str:
    """The day of the month, as it stands in a sentence."""
    return "1er" if language == "fr" and moment.day == 1 else str(moment.day)


def moment_in_words(moment: datetime, language: str) -> str:
    """``Dienstag, 1. Dezember 2026, 10:00 Uhr``."""
    number = day_number(moment, language)
    month = _MONTHS[language].split()[moment.month - 1]
    day = day_name(moment, language)
    date = _DATES[language].format(day=day, number=number, month=month, year=moment.year)
    return _TIMES[language].format(date=date, time=f"{moment:%H:%M}")
