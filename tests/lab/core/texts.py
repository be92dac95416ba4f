# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts that a Windows shows in its display language: faults and captions, in the lab's own words.

Names and descriptions of products are not here: they are never localised. A client that reads these texts instead of
codes fails on the machines of the lab that speak German or Japanese.
"""

from __future__ import annotations

_FAULTS: dict[str, dict[str, str]] = {
    "en-US": {
        "prefix": "The WS-Management service cannot process the request.",
        "unknown_error": "The WMI service or the WMI provider returned an unknown error: HRESULT {code}",
        "not_found": "The service cannot find the resource identified by the resource URI and selectors.",
        "missing_selectors": "The class has more than one instance, so selectors are required.",
        "bad_selectors": "The selectors of the request are not valid for the resource.",
        "bad_filter": "The filter or the class is not valid.",
        "bad_class": "The class does not exist in the namespace.",
        "wql_uri": "A WQL filter requires a resource URI that ends with *.",
        "bad_context": "The enumeration context is not valid.",
        "access_denied": "Access is denied.",
        "timed_out": "The operation did not complete within the time specified in OperationTimeout.",
        "not_supported": "The action is not supported by the resource.",
        "schema": "The message does not conform to the schema.",
        "locale": "The mustUnderstand attribute is not supported on the Locale element.",
        "reply_to": "A required addressing header is missing.",
        "addressing_mode": "This addressing mode is not supported.",
        "envelope_size": "The value of MaxEnvelopeSize is too small.",
        "not_understood": "A header with mustUnderstand was not understood.",
        "quota": "The maximum number of concurrent operations for this user has been exceeded.",
        "bad_parameters": "The parameters of the method are not valid.",
        "bad_method": "The class has no such method.",
    },
    "de-DE": {
        "prefix": "Der WS-Verwaltungsdienst kann die Anforderung nicht verarbeiten.",
        "unknown_error": "Der WMI-Dienst oder der WMI-Anbieter hat einen unbekannten Fehler gemeldet: HRESULT {code}",
        "not_found": "Die angegebene Ressource wurde anhand von Ressourcen-URI und Selektoren nicht gefunden.",
        "missing_selectors": "Die Klasse hat mehr als eine Instanz, daher sind Selektoren n\u00f6tig.",
        "bad_selectors": "Die Selektoren der Anforderung sind f\u00fcr die Ressource ung\u00fcltig.",
        "bad_filter": "Der Filter oder die Klasse ist ung\u00fcltig.",
        "bad_class": "Die Klasse ist im Namensraum nicht vorhanden.",
        "wql_uri": "Ein WQL-Filter verlangt einen Ressourcen-URI, der auf * endet.",
        "bad_context": "Der Enumerationskontext ist ung\u00fcltig.",
        "access_denied": "Zugriff verweigert.",
        "timed_out": "Der Vorgang wurde nicht innerhalb der in OperationTimeout angegebenen Zeit abgeschlossen.",
        "not_supported": "Die Aktion wird von der Ressource nicht unterst\u00fctzt.",
        "schema": "Die Nachricht entspricht nicht dem Schema.",
        "locale": "Das Attribut mustUnderstand ist f\u00fcr das Element Locale nicht zul\u00e4ssig.",
        "reply_to": "Ein erforderlicher Adressierungsheader fehlt.",
        "addressing_mode": "Dieser Adressierungsmodus wird nicht unterst\u00fctzt.",
        "envelope_size": "Der Wert von MaxEnvelopeSize ist zu klein.",
        "not_understood": "Ein Header mit mustUnderstand wurde nicht verstanden.",
        "quota": "Die maximale Anzahl gleichzeitiger Vorg\u00e4nge f\u00fcr diesen Benutzer wurde \u00fcberschritten.",
        "bad_parameters": "Die Parameter der Methode sind ung\u00fcltig.",
        "bad_method": "Die Methode ist in der Klasse nicht vorhanden.",
    },
    "ja-JP": {
        "prefix": (
            "WS-Management \u30b5\u30fc\u30d3\u30b9\u306f\u8981\u6c42\u3092\u51e6\u7406\u3067\u304d\u307e\u305b"
            "\u3093\u3002"
        ),
        "unknown_error": (
            "WMI \u30b5\u30fc\u30d3\u30b9\u307e\u305f\u306f WMI \u30d7\u30ed\u30d0\u30a4\u30c0\u30fc\u304b\u3089"
            "\u4e0d\u660e\u306a\u30a8\u30e9\u30fc\u304c\u8fd4\u3055\u308c\u307e\u3057\u305f: HRESULT {code}"
        ),
        "not_found": (
            "\u30ea\u30bd\u30fc\u30b9 URI \u3068\u30bb\u30ec\u30af\u30bf\u30fc\u3067\u793a\u3055\u308c\u305f"
            "\u30ea\u30bd\u30fc\u30b9\u304c\u898b\u3064\u304b\u308a\u307e\u305b\u3093\u3002"
        ),
        "missing_selectors": (
            "\u30af\u30e9\u30b9\u306b\u8907\u6570\u306e\u30a4\u30f3\u30b9\u30bf\u30f3\u30b9\u304c\u3042\u308b"
            "\u305f\u3081\u3001\u30bb\u30ec\u30af\u30bf\u30fc\u304c\u5fc5\u8981\u3067\u3059\u3002"
        ),
        "bad_selectors": (
            "\u8981\u6c42\u306e\u30bb\u30ec\u30af\u30bf\u30fc\u306f\u3053\u306e\u30ea\u30bd\u30fc\u30b9\u3067"
            "\u306f\u7121\u52b9\u3067\u3059\u3002"
        ),
        "bad_filter": (
            "\u30d5\u30a3\u30eb\u30bf\u30fc\u307e\u305f\u306f\u30af\u30e9\u30b9\u304c\u7121\u52b9\u3067\u3059\u3002"
        ),
        "bad_class": "\u540d\u524d\u7a7a\u9593\u306b\u30af\u30e9\u30b9\u304c\u3042\u308a\u307e\u305b\u3093\u3002",
        "wql_uri": (
            "WQL \u30d5\u30a3\u30eb\u30bf\u30fc\u306b\u306f * \u3067\u7d42\u308f\u308b\u30ea\u30bd\u30fc\u30b9 UR"
            "I \u304c\u5fc5\u8981\u3067\u3059\u3002"
        ),
        "bad_context": "\u5217\u6319\u30b3\u30f3\u30c6\u30ad\u30b9\u30c8\u304c\u7121\u52b9\u3067\u3059\u3002",
        "access_denied": "\u30a2\u30af\u30bb\u30b9\u304c\u62d2\u5426\u3055\u308c\u307e\u3057\u305f\u3002",
        "timed_out": (
            "OperationTimeout \u3067\u6307\u5b9a\u3055\u308c\u305f\u6642\u9593\u5185\u306b\u64cd\u4f5c\u304c"
            "\u5b8c\u4e86\u3057\u307e\u305b\u3093\u3067\u3057\u305f\u3002"
        ),
        "not_supported": (
            "\u3053\u306e\u64cd\u4f5c\u306f\u30ea\u30bd\u30fc\u30b9\u3067\u30b5\u30dd\u30fc\u30c8\u3055\u308c"
            "\u3066\u3044\u307e\u305b\u3093\u3002"
        ),
        "schema": (
            "\u30e1\u30c3\u30bb\u30fc\u30b8\u304c\u30b9\u30ad\u30fc\u30de\u306b\u6e96\u62e0\u3057\u3066\u3044"
            "\u307e\u305b\u3093\u3002"
        ),
        "locale": (
            "Locale \u8981\u7d20\u306e mustUnderstand \u5c5e\u6027\u306f\u30b5\u30dd\u30fc\u30c8\u3055\u308c"
            "\u3066\u3044\u307e\u305b\u3093\u3002"
        ),
        "reply_to": (
            "\u5fc5\u8981\u306a\u30a2\u30c9\u30ec\u30b9\u6307\u5b9a\u30d8\u30c3\u30c0\u30fc\u304c\u3042\u308a"
            "\u307e\u305b\u3093\u3002"
        ),
        "addressing_mode": (
            "\u3053\u306e\u30a2\u30c9\u30ec\u30b9\u6307\u5b9a\u30e2\u30fc\u30c9\u306f\u30b5\u30dd\u30fc\u30c8"
            "\u3055\u308c\u3066\u3044\u307e\u305b\u3093\u3002"
        ),
        "envelope_size": "MaxEnvelopeSize \u306e\u5024\u304c\u5c0f\u3055\u3059\u304e\u307e\u3059\u3002",
        "not_understood": (
            "mustUnderstand \u304c\u6307\u5b9a\u3055\u308c\u305f\u30d8\u30c3\u30c0\u30fc\u3092\u7406\u89e3\u3067"
            "\u304d\u307e\u305b\u3093\u3002"
        ),
        "quota": (
            "\u3053\u306e\u30e6\u30fc\u30b6\u30fc\u306e\u540c\u6642\u64cd\u4f5c\u306e\u6700\u5927\u6570\u3092"
            "\u8d85\u3048\u307e\u3057\u305f\u3002"
        ),
        "bad_parameters": (
            "\u30e1\u30bd\u30c3\u30c9\u306e\u30d1\u30e9\u30e1\u30fc\u30bf\u30fc\u304c\u7121\u52b9\u3067\u3059\u3002"
        ),
        "bad_method": "\u30af\u30e9\u30b9\u306b\u30e1\u30bd\u30c3\u30c9\u304c\u3042\u308a\u307e\u305b\u3093\u3002",
    },
    "fr-FR": {
        "prefix": "Le service WS-Management ne peut pas traiter la demande.",
        "unknown_error": "Le service WMI ou le fournisseur WMI a renvoy\u00e9 une erreur inconnue : HRESULT {code}",
        "not_found": (
            "Le service ne trouve pas la ressource identifi\u00e9e par l'URI de ressource et les s\u00e9lecteurs."
        ),
        "missing_selectors": "La classe a plusieurs instances, des s\u00e9lecteurs sont donc n\u00e9cessaires.",
        "bad_selectors": "Les s\u00e9lecteurs de la demande ne sont pas valides pour la ressource.",
        "bad_filter": "Le filtre ou la classe n'est pas valide.",
        "bad_class": "La classe n'existe pas dans l'espace de noms.",
        "wql_uri": "Un filtre WQL exige un URI de ressource qui se termine par *.",
        "bad_context": "Le contexte d'\u00e9num\u00e9ration n'est pas valide.",
        "access_denied": "Acc\u00e8s refus\u00e9.",
        "timed_out": (
            "L'op\u00e9ration ne s'est pas termin\u00e9e dans le d\u00e9lai indiqu\u00e9 par OperationTimeout."
        ),
        "not_supported": "La ressource ne prend pas en charge cette action.",
        "schema": "Le message n'est pas conforme au sch\u00e9ma.",
        "locale": "L'attribut mustUnderstand n'est pas pris en charge pour l'\u00e9l\u00e9ment Locale.",
        "reply_to": "Un en-t\u00eate d'adressage requis est absent.",
        "addressing_mode": "Ce mode d'adressage n'est pas pris en charge.",
        "envelope_size": "La valeur de MaxEnvelopeSize est trop petite.",
        "not_understood": "Un en-t\u00eate avec mustUnderstand n'a pas \u00e9t\u00e9 compris.",
        "quota": (
            "Le nombre maximal d'op\u00e9rations simultan\u00e9es pour cet utilisateur a \u00e9t\u00e9 d\u00e9pass"
            "\u00e9."
        ),
        "bad_parameters": "Les param\u00e8tres de la m\u00e9thode ne sont pas valides.",
        "bad_method": "La classe n'a pas de m\u00e9thode de ce nom.",
    },
    "ru-RU": {
        "prefix": (
            "\u0421\u043b\u0443\u0436\u0431\u0430 WS-Management \u043d\u0435 \u043c\u043e\u0436\u0435\u0442 \u043e"
            "\u0431\u0440\u0430\u0431\u043e\u0442\u0430\u0442\u044c \u0437\u0430\u043f\u0440\u043e\u0441."
        ),
        "unknown_error": (
            "\u0421\u043b\u0443\u0436\u0431\u0430 WMI \u0438\u043b\u0438 \u043f\u043e\u0441\u0442\u0430\u0432\u0449"
            "\u0438\u043a WMI \u0432\u0435\u0440\u043d\u0443\u043b\u0438 \u043d\u0435\u0438\u0437\u0432\u0435\u0441"
            "\u0442\u043d\u0443\u044e \u043e\u0448\u0438\u0431\u043a\u0443: HRESULT {code}"
        ),
        "not_found": (
            "\u0421\u043b\u0443\u0436\u0431\u0430 \u043d\u0435 \u043c\u043e\u0436\u0435\u0442 \u043d\u0430\u0439"
            "\u0442\u0438 \u0440\u0435\u0441\u0443\u0440\u0441, \u043e\u043f\u0440\u0435\u0434\u0435\u043b\u044f"
            "\u0435\u043c\u044b\u0439 URI \u0440\u0435\u0441\u0443\u0440\u0441\u0430 \u0438 \u0441\u0435\u043b\u0435"
            "\u043a\u0442\u043e\u0440\u0430\u043c\u0438."
        ),
        "missing_selectors": (
            "\u041a\u043b\u0430\u0441\u0441 \u0438\u043c\u0435\u0435\u0442 \u043d\u0435\u0441\u043a\u043e\u043b\u044c"
            "\u043a\u043e \u044d\u043a\u0437\u0435\u043c\u043f\u043b\u044f\u0440\u043e\u0432, \u043f\u043e\u044d"
            "\u0442\u043e\u043c\u0443 \u0442\u0440\u0435\u0431\u0443\u044e\u0442\u0441\u044f \u0441\u0435\u043b\u0435"
            "\u043a\u0442\u043e\u0440\u044b."
        ),
        "bad_selectors": (
            "\u0421\u0435\u043b\u0435\u043a\u0442\u043e\u0440\u044b \u0437\u0430\u043f\u0440\u043e\u0441\u0430 \u043d"
            "\u0435\u0434\u043e\u043f\u0443\u0441\u0442\u0438\u043c\u044b \u0434\u043b\u044f \u0440\u0435\u0441\u0443"
            "\u0440\u0441\u0430."
        ),
        "bad_filter": (
            "\u041d\u0435\u0434\u043e\u043f\u0443\u0441\u0442\u0438\u043c\u044b\u0439 \u0444\u0438\u043b\u044c\u0442"
            "\u0440 \u0438\u043b\u0438 \u043a\u043b\u0430\u0441\u0441."
        ),
        "bad_class": (
            "\u041a\u043b\u0430\u0441\u0441 \u043e\u0442\u0441\u0443\u0442\u0441\u0442\u0432\u0443\u0435\u0442 \u0432"
            " \u043f\u0440\u043e\u0441\u0442\u0440\u0430\u043d\u0441\u0442\u0432\u0435 \u0438\u043c\u0435\u043d."
        ),
        "wql_uri": (
            "\u0414\u043b\u044f \u0444\u0438\u043b\u044c\u0442\u0440\u0430 WQL \u0442\u0440\u0435\u0431\u0443\u0435"
            "\u0442\u0441\u044f URI \u0440\u0435\u0441\u0443\u0440\u0441\u0430, \u043a\u043e\u0442\u043e\u0440\u044b"
            "\u0439 \u0437\u0430\u043a\u0430\u043d\u0447\u0438\u0432\u0430\u0435\u0442\u0441\u044f \u043d\u0430 *."
        ),
        "bad_context": (
            "\u041d\u0435\u0434\u043e\u043f\u0443\u0441\u0442\u0438\u043c\u044b\u0439 \u043a\u043e\u043d\u0442\u0435"
            "\u043a\u0441\u0442 \u043f\u0435\u0440\u0435\u0447\u0438\u0441\u043b\u0435\u043d\u0438\u044f."
        ),
        "access_denied": (
            "\u041e\u0442\u043a\u0430\u0437\u0430\u043d\u043e \u0432 \u0434\u043e\u0441\u0442\u0443\u043f\u0435."
        ),
        "timed_out": (
            "\u041e\u043f\u0435\u0440\u0430\u0446\u0438\u044f \u043d\u0435 \u0437\u0430\u0432\u0435\u0440\u0448\u0435"
            "\u043d\u0430 \u0437\u0430 \u0432\u0440\u0435\u043c\u044f, \u0443\u043a\u0430\u0437\u0430\u043d\u043d"
            "\u043e\u0435 \u0432 OperationTimeout."
        ),
        "not_supported": (
            "\u0420\u0435\u0441\u0443\u0440\u0441 \u043d\u0435 \u043f\u043e\u0434\u0434\u0435\u0440\u0436\u0438\u0432"
            "\u0430\u0435\u0442 \u044d\u0442\u043e \u0434\u0435\u0439\u0441\u0442\u0432\u0438\u0435."
        ),
        "schema": (
            "\u0421\u043e\u043e\u0431\u0449\u0435\u043d\u0438\u0435 \u043d\u0435 \u0441\u043e\u043e\u0442\u0432\u0435"
            "\u0442\u0441\u0442\u0432\u0443\u0435\u0442 \u0441\u0445\u0435\u043c\u0435."
        ),
        "locale": (
            "\u0410\u0442\u0440\u0438\u0431\u0443\u0442 mustUnderstand \u043d\u0435 \u043f\u043e\u0434\u0434\u0435"
            "\u0440\u0436\u0438\u0432\u0430\u0435\u0442\u0441\u044f \u0434\u043b\u044f \u044d\u043b\u0435\u043c\u0435"
            "\u043d\u0442\u0430 Locale."
        ),
        "reply_to": (
            "\u041e\u0442\u0441\u0443\u0442\u0441\u0442\u0432\u0443\u0435\u0442 \u043e\u0431\u044f\u0437\u0430\u0442"
            "\u0435\u043b\u044c\u043d\u044b\u0439 \u0437\u0430\u0433\u043e\u043b\u043e\u0432\u043e\u043a \u0430\u0434"
            "\u0440\u0435\u0441\u0430\u0446\u0438\u0438."
        ),
        "addressing_mode": (
            "\u042d\u0442\u043e\u0442 \u0440\u0435\u0436\u0438\u043c \u0430\u0434\u0440\u0435\u0441\u0430\u0446\u0438"
            "\u0438 \u043d\u0435 \u043f\u043e\u0434\u0434\u0435\u0440\u0436\u0438\u0432\u0430\u0435\u0442\u0441\u044f"
            "."
        ),
        "envelope_size": (
            "\u0421\u043b\u0438\u0448\u043a\u043e\u043c \u043c\u0430\u043b\u043e\u0435 \u0437\u043d\u0430\u0447\u0435"
            "\u043d\u0438\u0435 MaxEnvelopeSize."
        ),
        "not_understood": (
            "\u0417\u0430\u0433\u043e\u043b\u043e\u0432\u043e\u043a \u0441 mustUnderstand \u043d\u0435 \u0440\u0430"
            "\u0441\u043f\u043e\u0437\u043d\u0430\u043d."
        ),
        "quota": (
            "\u041f\u0440\u0435\u0432\u044b\u0448\u0435\u043d\u043e \u043c\u0430\u043a\u0441\u0438\u043c\u0430\u043b"
            "\u044c\u043d\u043e\u0435 \u0447\u0438\u0441\u043b\u043e \u043e\u0434\u043d\u043e\u0432\u0440\u0435\u043c"
            "\u0435\u043d\u043d\u044b\u0445 \u043e\u043f\u0435\u0440\u0430\u0446\u0438\u0439 \u0434\u043b\u044f "
            "\u044d\u0442\u043e\u0433\u043e \u043f\u043e\u043b\u044c\u0437\u043e\u0432\u0430\u0442\u0435\u043b\u044f."
        ),
        "bad_parameters": (
            "\u041d\u0435\u0434\u043e\u043f\u0443\u0441\u0442\u0438\u043c\u044b\u0435 \u043f\u0430\u0440\u0430\u043c"
            "\u0435\u0442\u0440\u044b \u043c\u0435\u0442\u043e\u0434\u0430."
        ),
        "bad_method": (
            "\u0412 \u043a\u043b\u0430\u0441\u0441\u0435 \u043d\u0435\u0442 \u0442\u0430\u043a\u043e\u0433\u043e "
            "\u043c\u0435\u0442\u043e\u0434\u0430."
        ),
    },
}

_CAPTIONS: dict[str, dict[str, str]] = {
    "de-DE": {
        "Software Protection": "Softwareschutz",
        "Key Management Service": "Schl\u00fcsselverwaltungsdienst",
        "Key Management Service (TCP-In)": "Schl\u00fcsselverwaltungsdienst (TCP eingehend)",
        "64-bit": "64-Bit",
    },
    "ja-JP": {
        "Software Protection": "\u30bd\u30d5\u30c8\u30a6\u30a7\u30a2\u4fdd\u8b77",
        "Key Management Service": "\u30ad\u30fc\u7ba1\u7406\u30b5\u30fc\u30d3\u30b9",
        "Key Management Service (TCP-In)": "\u30ad\u30fc\u7ba1\u7406\u30b5\u30fc\u30d3\u30b9 (TCP \u53d7\u4fe1)",
        "64-bit": "64 \u30d3\u30c3\u30c8",
    },
    "fr-FR": {
        "Software Protection": "Protection logicielle",
        "Key Management Service": "Service de gestion de cl\u00e9s",
        "Key Management Service (TCP-In)": "Service de gestion de cl\u00e9s (TCP-Entrant)",
        "64-bit": "64 bits",
    },
    "ru-RU": {
        "Software Protection": (
            "\u0417\u0430\u0449\u0438\u0442\u0430 \u043f\u0440\u043e\u0433\u0440\u0430\u043c\u043c\u043d\u043e\u0433"
            "\u043e \u043e\u0431\u0435\u0441\u043f\u0435\u0447\u0435\u043d\u0438\u044f"
        ),
        "Key Management Service": (
            "\u0421\u043b\u0443\u0436\u0431\u0430 \u0443\u043f\u0440\u0430\u0432\u043b\u0435\u043d\u0438\u044f \u043a"
            "\u043b\u044e\u0447\u0430\u043c\u0438"
        ),
        "Key Management Service (TCP-In)": (
            "\u0421\u043b\u0443\u0436\u0431\u0430 \u0443\u043f\u0440\u0430\u0432\u043b\u0435\u043d\u0438\u044f \u043a"
            "\u043b\u044e\u0447\u0430\u043c\u0438 (\u0432\u0445\u043e\u0434\u044f\u0449\u0438\u0439 \u0442\u0440"
            "\u0430\u0444\u0438\u043a TCP)"
        ),
        "64-bit": "64-\u0440\u0430\u0437\u0440\u044f\u0434\u043d\u0430\u044f",
    },
}

#: What Russian Windows translates in its own name: even the word Microsoft. In the other languages it stays English.
#: Source: small_facts.yaml, localized_text, captions (fr-FR: not seen, unverified).
_RUSSIAN_NAMES = (
    (" Home", " \u0414\u043e\u043c\u0430\u0448\u043d\u044f\u044f"),
    (
        " Enterprise 2016 LTSB",
        (
            " \u041a\u043e\u0440\u043f\u043e\u0440\u0430\u0442\u0438\u0432\u043d\u0430\u044f 2016 \u0441 \u0434\u043e"
            "\u043b\u0433\u043e\u0441\u0440\u043e\u0447\u043d\u044b\u043c \u043e\u0431\u0441\u043b\u0443\u0436\u0438"
            "\u0432\u0430\u043d\u0438\u0435\u043c"
        ),
    ),
    (
        " Professional",
        (" \u041f\u0440\u043e\u0444\u0435\u0441\u0441\u0438\u043e\u043d\u0430\u043b\u044c\u043d\u0430\u044f"),
    ),
    (" Enterprise", " \u041a\u043e\u0440\u043f\u043e\u0440\u0430\u0442\u0438\u0432\u043d\u0430\u044f"),
    ("Microsoft ", "\u041c\u0430\u0439\u043a\u0440\u043e\u0441\u043e\u0444\u0442 "),
)


def fault_text(language: str, message: str, **values: str) -> str:
    """The sentence of a fault: what every fault of the service begins with, then what is wrong."""
    texts = _FAULTS[language]
    return f"{texts['prefix']} {texts[message].format(**values)} "


def caption(language: str, english: str) -> str:
    """A caption in the display language; English where the lab knows no other."""
    return _CAPTIONS.get(language, {}).get(english, english)


def system_caption(language: str, english: str) -> str:
    """Win32_OperatingSystem.Caption in the display language; Windows Server keeps its edition words."""
    if language != "ru-RU":
        return english
    names = _RUSSIAN_NAMES if "Server" not in english else _RUSSIAN_NAMES[-1:]
    for word, russian in names:
        english = english.replace(word, russian, 1)
    return english
