"""Words that say how a text is written or meant, one table a language."""

from __future__ import annotations

COMMA_WORDS = frozenset((
    "der", "die", "das", "und", "ist", "sind", "ein", "eine", "einen", "wir", "lautet", "antwort", "ergebnis",
    "beträgt", "kostet", "also", "daher", "somit", "damit", "le", "les", "une", "est", "sont", "nous", "réponse",
    "résultat", "donc", "vaut", "coûte", "dans", "pour", "avec", "égal", "el", "los", "las", "una", "es", "son",
    "respuesta", "resultado", "entonces", "por", "tanto", "cuesta", "igual", "metros", "litros", "os", "um", "uma",
    "são", "resposta", "portanto", "logo", "custa", "valor", "il", "lo", "gli", "sono", "risposta", "risultato",
    "quindi", "costa", "pari", "het", "een", "zijn", "antwoord", "resultaat", "dus", "daarom", "kost", "bedraagt",
    "jest", "są", "odpowiedź", "wynik", "więc", "zatem", "wynosi", "kosztuje", "je", "jsou", "odpověď", "výsledek",
    "tedy", "är", "och", "svaret", "resultatet", "alltså", "er", "og", "altså", "on", "vastaus", "tulos", "siis",
    "ve", "bir", "cevap", "sonuç", "olarak", "ответ", "результат", "это", "равен", "равна", "составляет",
    "следовательно", "получаем", "значит", "итак",
))  # fmt: skip
"""Words of languages that write decimal commas, and that are none in English."""
