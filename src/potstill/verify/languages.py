"""How answers are stated, denied and left open, one table a language. A language is added here and nowhere else.

`so` and `is_` may be empty. Words are lower case; those of languages that are written without spaces are matched as
they stand, others as whole words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """The words of one language.

    `answer` are the nouns that announce an answer and `of` what may stand between one and its verb; `is_` the verbs and
    `end` what ends a sentence behind the answer; `check` begins what follows a conclusion. `no_value` deny and `affirm`
    are phrases with such a word that deny nothing; `doubt` leaves open what stands in its clause and `unsure` all of
    its sentence; `but` begins a clause that may take back what stands before it; `lost` gives up.
    """

    answer: tuple[str, ...]
    is_: tuple[str, ...]
    no_value: tuple[str, ...]
    or_: tuple[str, ...]
    yes: tuple[str, ...]
    no: tuple[str, ...]
    of: tuple[str, ...] = ()
    end: tuple[str, ...] = ()
    check: tuple[str, ...] = ()
    doubt: tuple[str, ...] = ()
    affirm: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    letters: str = ""
    """Letters that tell a word of it from one of its neighbours'."""
    copula: bool = True
    """Whether a verb or a mark stands between `answer` and the answer: `ответ 5` has none."""
    comma: bool = False
    """Whether decimals are written with a comma."""
    common: tuple[str, ...] = ()
    """Frequent words, by which the language is told; those of English are in none."""


LANGUAGES = {
    "de": Language(
        answer=("antwort", "ergebnis", "lösung", "endergebnis", "resultat", "fazit"),
        is_=("ist", "lautet", "lauten", "beträgt", "sind", "ist gleich", "wäre somit", "muss"),
        no_value=("nicht", "kein", "keine", "keinen", "keinesfalls", "niemals", "falsch", "inkorrekt", "weder",
        "fehler", "irrtum"),
        or_=("oder",), yes=("ja", "richtig", "wahr"), no=("nein", "falsch"), of=("also", "daher", "somit", "demnach"),
        check=("probe", "überprüfung", "kontrolle", "hinweis", "anmerkung"),
        doubt=("vielleicht", "kaum", "möglicherweise", "könnte", "unsicher", "mindestens", "höchstens"), comma=True,
        common=("der", "die", "das", "und", "sind", "ein", "eine", "wir", "kostet", "also", "daher", "mit", "wurde",
        "zusammen"),
        but=("aber", "doch", "jedoch", "allerdings", "wenn", "falls", "obwohl"), unsure=("weiß nicht", "nicht sicher",
        "unklar", "keine ahnung"),
        affirm=("nicht nur",), letters="äöüß",
        lost=("nicht eindeutig", "reichen nicht", "nicht genug", "nicht genügend",
        "nicht bestimmen", "nicht beantworten", "fehlen angaben",),
    ),
    "fr": Language(
        answer=("réponse", "résultat", "solution", "reponse", "conclusion"),
        is_=("est", "vaut", "est donc", "est égale à", "est égal à", "serait donc", "sont", "vaut donc"),
        no_value=("pas", "jamais", "aucun", "aucune", "faux", "fausse", "incorrect", "incorrecte", "ni"),
        or_=("ou",), yes=("oui", "vrai"), no=("non", "faux"), of=("finale", "correcte", "exacte", "définitive"),
        check=("vérification", "remarque", "note", "preuve"),
        doubt=("peut-être", "pourrait", "probablement", "au moins", "au plus"), comma=True,
        common=("le", "les", "une", "nous", "donc", "dans", "pour", "avec", "des", "la", "et", "coûte"),
        but=("mais", "cependant", "pourtant", "si", "bien que"), unsure=("ne sais pas", "sais pas", "pas sûr",
        "pas certain"),
        affirm=("pas seulement",), letters="éèêçàùœâîô",
        lost=("ne permet pas", "ne permettent pas", "pas assez", "impossible de",
        "je ne peux pas", "il manque",),
    ),
    "es": Language(
        answer=("respuesta", "resultado", "solución", "conclusión"), is_=("es", "son", "sería", "es igual a", "vale",
        "es entonces"),
        no_value=("no", "nunca", "ningún", "ninguna", "incorrecto", "incorrecta", "falso", "falsa", "tampoco"),
        or_=("o",), yes=("sí", "verdadero"), no=("no", "falso"), of=("final", "correcta", "correcto"),
        check=("verificación", "comprobación", "nota"), doubt=("quizás", "tal vez", "podría", "al menos",
        "como máximo"),
        comma=True, common=("el", "los", "las", "una", "por", "paso", "y", "que", "entonces", "cuesta", "para",
        "del", "la"),
        but=("pero", "aunque", "sin embargo", "si"), unsure=("no sé", "no estoy seguro", "no sabemos"),
        affirm=("no solo", "no sólo"), letters="ñ¿¡áíóú",
        lost=("no se puede", "no puedo", "no es posible", "falta información",
        "no hay suficiente",),
    ),
    "pt": Language(
        answer=("resposta", "resultado", "solução", "conclusão"), is_=("é", "são", "seria", "é igual a", "vale",
        "será"),
        no_value=("não", "nunca", "nenhum", "nenhuma", "errado", "errada", "incorreto", "falso"),
        or_=("ou",), yes=("sim", "verdadeiro"), no=("não", "falso"), of=("final", "correta", "correto", "certa"),
        check=("verificação", "nota", "observação"), doubt=("talvez", "poderia", "pelo menos", "no máximo"),
        comma=True,
        common=("o", "os", "um", "uma", "portanto", "logo", "custa", "para", "do", "da", "que"),
        but=("mas", "porém", "contudo", "se"), unsure=("não sei", "não tenho certeza", "não sabemos"),
        affirm=("não só", "não apenas"), letters="ãõçáéêâ",
        lost=("não é possível", "não posso", "não consigo", "falta informação",
        "não há informação",),
    ),
    "it": Language(
        answer=("risposta", "risultato", "soluzione", "conclusione"), is_=("è", "sono", "sarebbe", "è uguale a",
        "vale", "è pari a"),
        no_value=("non", "mai", "nessun", "nessuna", "sbagliato", "sbagliata", "errato", "errata", "falso"),
        or_=("o", "oppure"), yes=("sì", "vero"), no=("no", "falso"), of=("finale", "corretta", "corretto", "giusta"),
        check=("verifica", "nota"), doubt=("forse", "potrebbe", "almeno", "al massimo"), comma=True,
        common=("il", "lo", "gli", "una", "di", "che", "e", "un", "abbiamo", "otteniamo", "quindi", "costa", "per",
        "della", "con", "pertanto"),
        but=("ma", "però", "tuttavia", "se"), unsure=("non so", "non sono sicuro", "non saprei"), affirm=("non solo",),
        letters="àèìòù",
        lost=("non posso", "non è possibile", "non si può", "mancano", "non bastano",),
    ),
    "nl": Language(
        answer=("antwoord", "resultaat", "oplossing", "uitkomst", "conclusie", "eindantwoord"), is_=("is", "zijn",
        "luidt", "bedraagt", "is dus"),
        no_value=("niet", "geen", "nooit", "fout", "onjuist", "verkeerd", "noch"), or_=("of",), yes=("ja", "waar"),
        no=("nee", "onwaar"), of=("dus", "daarom"), check=("controle", "opmerking"),
        doubt=("misschien", "mogelijk", "minstens", "hoogstens", "zou"), comma=True,
        common=("het", "een", "zijn", "en", "te", "gaan", "dus", "daarom", "kost", "van", "voor", "met"),
        but=("maar", "echter", "als", "hoewel"), unsure=("weet niet", "weet ik niet", "niet zeker"),
        affirm=("niet alleen",),
        lost=("weet ik niet", "niet te bepalen", "niet bepalen", "niet genoeg", "onvoldoende",),
    ),
    "pl": Language(
        answer=("odpowiedź", "odpowiedzią", "wynik", "wynikiem", "rozwiązanie", "rozwiązaniem", "wniosek"),
        is_=("to", "jest", "brzmi", "wynosi", "to jest", "są"),
        no_value=("nie", "nigdy", "żaden", "błędne", "błędna", "błędny", "niepoprawne", "fałsz", "błąd", "błędem",
        "nieprawda"), or_=("lub", "albo"),
        yes=("tak", "prawda"), no=("nie", "fałsz"), of=("zatem", "więc"), check=("sprawdzenie", "uwaga"),
        doubt=("może", "być może", "prawdopodobnie", "co najmniej", "co najwyżej"), comma=True,
        common=("jest", "są", "więc", "zatem", "kosztuje", "się", "oraz", "dla"),
        but=("ale", "lecz", "jednak"), unsure=("nie wiem", "nie jestem pewien", "nie wiadomo"),
        affirm=("nie tylko",), letters="ąćęłńśźż",
        lost=("nie wiem", "nie mogę", "nie da się", "nie można", "za mało",),
    ),
    "ru": Language(
        answer=("ответ", "ответом", "результат", "решение", "итог", "вывод"),
        is_=("это", "равен", "равна", "равно", "равняется", "составляет", "будет", "является"),
        no_value=("не", "ни", "нет", "никогда", "неверно", "неправильно", "ошибочно", "ошибка", "нельзя"), or_=("или",
        "либо"),
        yes=("да", "верно", "истина"), no=("нет", "неверно", "ложь"), of=("таким образом", "следовательно"),
        check=("проверка", "примечание"), doubt=("возможно", "вряд ли", "едва ли", "может быть", "наверное",
        "как минимум", "не менее"),
        comma=True, common=("это", "равен", "равна", "составляет", "следовательно", "получаем", "значит", "и", "на"),
        but=("но", "однако"), unsure=("не знаю", "не уверен", "неизвестно"), affirm=("не только",), copula=False,
        lost=("не могу", "невозможно", "недостаточно", "нельзя определить",),
    ),
    "zh": Language(
        answer=("答案", "结果", "結果", "答", "解", "结论"), is_=("是", "为", "為", "应为", "等于", "就是", "应该是"),
        no_value=("不是", "不可能", "不为", "并非", "不对", "错误", "错的", "不正确", "没有", "不能"),
        or_=("或", "或者"),
        yes=("是", "对", "正确", "是的"), no=("否", "不是", "不对", "错误"), end=("。",), check=("验证",
        "检验", "验算", "注意", "注"),
        doubt=("可能", "也许", "大概", "至少", "至多", "不确定"),
        but=("但", "可是", "不过", "然而", "却"), unsure=("不知道", "不确定", "不清楚", "说不准"),
        affirm=("不得不", "毫无疑问", "没有问题"),
        lost=("无法", "信息不足", "不能确定", "無法",),
    ),
    "ja": Language(
        answer=("答え", "答", "解答", "回答", "正解", "結果", "解", "結論", "最終回答"), is_=("は", "が", "とは"),
        no_value=("ではない", "ではありません", "じゃない", "でない", "間違い", "誤り", "はずがない", "ません", "違う",
        "ありえない", "違います", "不正解"),
        or_=("または", "もしくは", "か"), yes=("はい", "正しい", "真"), no=("いいえ", "誤り", "偽"),
        end=("です", "である", "だ", "になります", "となります", "です。", "。"), check=("検算", "確認",
        "注意", "注"),
        doubt=("かもしれ", "おそらく", "たぶん", "少なくとも", "多くとも"),
        but=("が、", "しかし", "でも", "けど", "ただし"), unsure=("わかりません", "分かりません", "わからない",
        "分からない", "不明"),
        affirm=("なければなりません", "なければならない", "にほかなりません", "間違いありません", "間違いなく"),
        lost=("できません", "不足して", "求められません", "わかりません", "分かりません",),
    ),
    "ko": Language(
        answer=("정답", "답", "답안", "답변", "결과", "해답", "해", "결론"), is_=("은", "는", "이", "가"),
        no_value=("아닙니다", "아니다", "아니에요", "아니라", "아닌", "틀렸", "틀린", "수 없", "오답", "않"),
        or_=("또는", "혹은"),
        yes=("예", "네", "참", "맞습니다"), no=("아니요", "아니오", "거짓", "아닙니다"),
        end=("입니다", "이다", "이에요", "예요", "가 됩니다", "이 됩니다", "다"), check=("검산", "확인", "참고"),
        doubt=("아마", "수도 있", "적어도", "최소"),
        but=("하지만", "그러나", "지만"), unsure=("모르", "확실하지"), affirm=("아닐 수 없",),
        lost=("알 수 없", "할 수 없", "구할 수 없", "부족",),
    ),
    "ar": Language(
        answer=("الإجابة", "الاجابة", "الجواب", "الناتج", "النتيجة", "الحل", "الخلاصة"), is_=("هي", "هو", "تساوي",
        "يساوي", "تكون"),
        no_value=("ليس", "ليست", "لا", "خطأ", "خاطئ", "خاطئة", "غير", "لن"), or_=("أو", "او"), yes=("نعم", "صحيح"),
        no=("لا", "خطأ"), of=("النهائية", "النهائي", "الصحيحة", "الصحيح"), check=("تحقق", "التحقق", "ملاحظة"),
        doubt=("ربما", "قد", "على الأقل", "على الأكثر"),
        but=("لكن", "ولكن"), unsure=("لا أعرف", "لا أدري", "لست متأكد"),
        lost=("لا يمكن", "لا أستطيع", "غير كافية", "لا تكفي",),
    ),
    "hi": Language(
        answer=("उत्तर", "परिणाम", "जवाब", "हल", "निष्कर्ष"), is_=("है", "होगा"),
        no_value=("नहीं", "गलत", "ग़लत", "कभी"), or_=("या", "अथवा"), yes=("हाँ", "हां", "सही", "सत्य"),
        no=("नहीं", "गलत", "असत्य"),
        of=("सही", "अंतिम"), end=("है", "हैं", "होगा", "होगी", "।"), check=("जाँच", "सत्यापन", "नोट"),
        doubt=("शायद", "संभवतः", "कम से कम", "अधिक से अधिक"),
        but=("लेकिन", "परंतु", "किंतु", "मगर"), unsure=("नहीं पता", "पता नहीं", "निश्चित नहीं", "यकीन नहीं"),
        copula=False,
        lost=("पर्याप्त नहीं", "नहीं कर सकत", "नहीं बता", "संभव नहीं",),
    ),
}  # fmt: skip
"""Languages beside English, whose cues are in the rooms that read English sentences."""
UNREAD_DENIALS = (
    "değil", "yok", "inte", "ej", "ikke", "ikkje", "ei", "eivät", "není", "nejsou", "ne", "nem", "nu", "δεν",
    "όχι", "не",
    "không", "bukan", "tidak", "ไม่", "לא", "אינו", "نیست", "نه", "নয়", "না", "இல்லை", "కాదు", "hindi", "sio",
    "siyo",
)  # fmt: skip
"""Words that deny in languages of which nothing more is known here: what a sentence with one says is never right."""
SPACELESS = ("zh", "ja", "ko")


def alternatives(words: tuple[str, ...]) -> str:
    """Return a pattern for any of the words, the longest first."""
    return "|".join(re.escape(word).replace(r"\ ", r"\s") for word in sorted(set(words), key=len, reverse=True))


NO_SOLUTION = frozenset((
    "keine lösung", "keine lösungen", "unlösbar", "aucune solution", "pas de solution", "sin solución",
    "no hay solución", "no tiene solución", "sem solução", "não há solução", "nessuna soluzione", "geen oplossing",
    "brak rozwiązań", "brak rozwiązania", "нет решений", "нет решения", "решений нет", "无解", "無解",
    "没有解", "方程无解", "解なし", "解はない", "해 없음", "해가 없다", "해가 없습니다", "لا يوجد حل", "لا حل",
    "कोई हल नहीं", "हल नहीं है",
))  # fmt: skip


def said_none(text: str) -> bool:
    """Whether a bare answer says that there is no solution: `无解`, `keine Lösung`."""
    return text.strip(" .。!！").casefold() in NO_SOLUTION
