# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages of events in the display languages, in the lab's own words: a client reads strings, never these.

Source: events.yaml for what an event means; "Managment" is Microsoft's own spelling in 12293.
"""

from __future__ import annotations

_MESSAGES: dict[str, dict[int, str]] = {
    "en-US": {
        12288: "The client has sent an activation request to the key management service machine. Info: {info}",
        12289: "The client has processed an activation response from the key management service machine. Info: {info}",
        12290: "An activation request has been processed. Info: {info}",
        12293: "Publishing the Key Managment Service (KMS) to DNS failed. Info: {info}",
        12308: "The client was activated by an object of Active Directory. Info: {info}",
        12321: "Token-based activation failed. Info: {info}",
        900: "The Software Protection service is starting. Parameters: {info}",
    },
    "de-DE": {
        12288: (
            "Der Client hat eine Aktivierungsanforderung an den Schl\xfcsselverwaltungsdienst gesendet. Info: {info}"
        ),
        12289: "Der Client hat eine Aktivierungsantwort des Schl\xfcsselverwaltungsdiensts verarbeitet. Info: {info}",
        12290: "Eine Aktivierungsanforderung wurde verarbeitet. Info: {info}",
        12293: "Der Schl\xfcsselverwaltungsdienst konnte nicht in DNS ver\xf6ffentlicht werden. Info: {info}",
        12308: "Der Client wurde durch ein Objekt in Active Directory aktiviert. Info: {info}",
        12321: "Fehler bei der tokenbasierten Aktivierung. Info: {info}",
        900: "Der Softwareschutzdienst wird gestartet. Parameter: {info}",
    },
    "fr-FR": {
        12288: "Le client a envoy\xe9 une demande d'activation au service de gestion de cl\xe9s. Informations : {info}",
        12289: (
            "Le client a trait\xe9 une r\xe9ponse d'activation du service de gestion de cl\xe9s. Informations : {info}"
        ),
        12290: "Une demande d'activation a \xe9t\xe9 trait\xe9e. Informations : {info}",
        12293: "\xc9chec de la publication du service de gestion de cl\xe9s dans DNS. Informations : {info}",
        12308: "Le client a \xe9t\xe9 activ\xe9 par un objet Active Directory. Informations : {info}",
        12321: "\xc9chec de l'activation par jeton. Informations : {info}",
        900: "Le service de protection logicielle d\xe9marre. Param\xe8tres : {info}",
    },
    "ja-JP": {
        12288: (
            "\u30af\u30e9\u30a4\u30a2\u30f3\u30c8\u306f\u30ad\u30fc\u7ba1\u7406\u30b5\u30fc\u30d3\u30b9\u306b\u8981"
            "\u6c42\u3092\u9001\u4fe1\u3057\u307e\u3057\u305f\u3002\u60c5\u5831: {info}"
        ),
        12289: (
            "\u30af\u30e9\u30a4\u30a2\u30f3\u30c8\u306f\u30ad\u30fc\u7ba1\u7406\u30b5\u30fc\u30d3\u30b9\u306e\u5fdc"
            "\u7b54\u3092\u51e6\u7406\u3057\u307e\u3057\u305f\u3002\u60c5\u5831: {info}"
        ),
        12290: (
            "\u30e9\u30a4\u30bb\u30f3\u30b9\u8a8d\u8a3c\u306e\u8981\u6c42\u304c\u51e6\u7406\u3055\u308c\u307e\u3057"
            "\u305f\u3002\u60c5\u5831: {info}"
        ),
        12293: (
            "\u30ad\u30fc\u7ba1\u7406\u30b5\u30fc\u30d3\u30b9\u3092 DNS \u306b\u516c\u958b\u3067\u304d\u307e\u305b"
            "\u3093\u3067\u3057\u305f\u3002\u60c5\u5831: {info}"
        ),
        12308: (
            "Active Directory \u306e\u30aa\u30d6\u30b8\u30a7\u30af\u30c8\u3067\u8a8d\u8a3c\u3055\u308c\u307e\u3057"
            "\u305f\u3002\u60c5\u5831: {info}"
        ),
        12321: (
            "\u30c8\u30fc\u30af\u30f3\u306b\u3088\u308b\u8a8d\u8a3c\u306b\u5931\u6557\u3057\u307e\u3057\u305f\u3002"
            "\u60c5\u5831: {info}"
        ),
        900: (
            "\u30bd\u30d5\u30c8\u30a6\u30a7\u30a2\u4fdd\u8b77\u30b5\u30fc\u30d3\u30b9\u3092\u958b\u59cb\u3057\u3066"
            "\u3044\u307e\u3059\u3002{info}"
        ),
    },
    "ru-RU": {
        12288: (
            "\u041a\u043b\u0438\u0435\u043d\u0442 \u043e\u0442\u043f\u0440\u0430\u0432\u0438\u043b \u0437\u0430"
            "\u043f\u0440\u043e\u0441 \u0441\u043b\u0443\u0436\u0431\u0435 \u0443\u043f\u0440\u0430\u0432\u043b"
            "\u0435\u043d\u0438\u044f \u043a\u043b\u044e\u0447\u0430\u043c\u0438. \u0421\u0432\u0435\u0434\u0435"
            "\u043d\u0438\u044f: {info}"
        ),
        12289: (
            "\u041a\u043b\u0438\u0435\u043d\u0442 \u043e\u0431\u0440\u0430\u0431\u043e\u0442\u0430\u043b \u043e"
            "\u0442\u0432\u0435\u0442 \u0441\u043b\u0443\u0436\u0431\u044b \u0443\u043f\u0440\u0430\u0432\u043b"
            "\u0435\u043d\u0438\u044f \u043a\u043b\u044e\u0447\u0430\u043c\u0438. \u0421\u0432\u0435\u0434\u0435"
            "\u043d\u0438\u044f: {info}"
        ),
        12290: (
            "\u0417\u0430\u043f\u0440\u043e\u0441 \u0430\u043a\u0442\u0438\u0432\u0430\u0446\u0438\u0438 \u043e"
            "\u0431\u0440\u0430\u0431\u043e\u0442\u0430\u043d. \u0421\u0432\u0435\u0434\u0435\u043d\u0438\u044f: {in"
            "fo}"
        ),
        12293: (
            "\u041d\u0435 \u0443\u0434\u0430\u043b\u043e\u0441\u044c \u043e\u043f\u0443\u0431\u043b\u0438\u043a"
            "\u043e\u0432\u0430\u0442\u044c \u0441\u043b\u0443\u0436\u0431\u0443 \u0432 DNS. \u0421\u0432\u0435"
            "\u0434\u0435\u043d\u0438\u044f: {info}"
        ),
        12308: (
            "\u041a\u043b\u0438\u0435\u043d\u0442 \u0430\u043a\u0442\u0438\u0432\u0438\u0440\u043e\u0432\u0430\u043d"
            " \u043e\u0431\u044a\u0435\u043a\u0442\u043e\u043c Active Directory. \u0421\u0432\u0435\u0434\u0435"
            "\u043d\u0438\u044f: {info}"
        ),
        12321: (
            "\u0421\u0431\u043e\u0439 \u0430\u043a\u0442\u0438\u0432\u0430\u0446\u0438\u0438 \u043f\u043e \u0442"
            "\u043e\u043a\u0435\u043d\u0443. \u0421\u0432\u0435\u0434\u0435\u043d\u0438\u044f: {info}"
        ),
        900: (
            "\u0417\u0430\u043f\u0443\u0441\u043a \u0441\u043b\u0443\u0436\u0431\u044b \u0437\u0430\u0449\u0438"
            "\u0442\u044b \u043f\u0440\u043e\u0433\u0440\u0430\u043c\u043c\u043d\u043e\u0433\u043e \u043e\u0431"
            "\u0435\u0441\u043f\u0435\u0447\u0435\u043d\u0438\u044f. {info}"
        ),
    },
}

#: Type of an event: error, warning, information.
_LEVELS: dict[str, tuple[str, str, str]] = {
    "en-US": ("Error", "Warning", "Information"),
    "de-DE": ("Fehler", "Warnung", "Informationen"),
    "fr-FR": ("Erreur", "Avertissement", "Information"),
    "ja-JP": ("\u30a8\u30e9\u30fc", "\u8b66\u544a", "\u60c5\u5831"),
    "ru-RU": (
        "\u041e\u0448\u0438\u0431\u043a\u0430",
        "\u041f\u0440\u0435\u0434\u0443\u043f\u0440\u0435\u0436\u0434\u0435\u043d\u0438\u0435",
        "\u0421\u0432\u0435\u0434\u0435\u043d\u0438\u044f",
    ),
}


def event_text(language: str, event: int, info: str) -> str | None:
    """The message of an event with its strings, None for an event that the lab has no words for."""
    text = _MESSAGES[language].get(event)
    return None if text is None else text.format(info=info)


def event_level(language: str, level: int) -> str:
    """Win32_NTLogEvent.Type: the word for EventType 1 to 3."""
    return _LEVELS[language][level - 1]
