"""Words that say how a text is written or meant, one table a language."""

from __future__ import annotations

COMMA_WORDS = frozenset(
    # German, French, Spanish, Portuguese, Italian, Dutch, Polish, Czech, Swedish, Danish, Finnish, Turkish, Russian
    """
    der die das und ist sind ein eine einen wir lautet antwort ergebnis beträgt kostet also daher somit damit
    le les une est sont nous réponse résultat donc vaut coûte dans pour avec égal
    el los las una es son respuesta resultado entonces por tanto cuesta igual metros litros
    os um uma são resposta portanto logo custa valor
    il lo gli una sono risposta risultato quindi costa pari
    het een zijn antwoord resultaat dus daarom kost bedraagt
    jest są odpowiedź wynik więc zatem wynosi kosztuje
    je jsou odpověď výsledek tedy
    är och svaret resultatet alltså
    er og svaret resultatet altså
    on vastaus tulos siis
    ve bir cevap sonuç olarak
    ответ результат это равен равна составляет следовательно получаем значит итак
    """.split()
)
"""Words of languages that write decimal commas, and that are none in English."""
