"""Closings of responses in thirteen languages beside English, for the grid; `@` is the answer and `~` another one."""

from dataclasses import dataclass

from verify import grid


@dataclass(frozen=True)
class Language:
    yes: str
    no: str
    comma: bool
    opening: str
    closings: tuple[str, ...]
    denials: tuple[str, ...]


LANGUAGES = {
    "de": Language("Ja", "Nein", True, "Wir gehen Schritt für Schritt vor und vereinfachen.", (
        "Die Antwort ist @.", "Also lautet die Antwort @.", "**Antwort:** @", "Die endgültige Antwort lautet: **@**", "### Ergebnis\n\n@",
        "Das Ergebnis ist @.", "Daher ist die richtige Antwort @.", "Lösung: @\n\nMöchten Sie, dass ich einen der 3 Schritte erkläre?",
    ), ("Die Antwort ist nicht @.", "Die Antwort kann nicht @ sein.", "Es ist keinesfalls @.", "Die Antwort ist @ oder ~.", "@ ist falsch.")),
    "fr": Language("Oui", "Non", True, "On procède étape par étape et on simplifie.", (
        "La réponse est @.", "Donc la réponse est @.", "**Réponse :** @", "La réponse finale est **@**.", "### Réponse finale\n\n@",
        "Le résultat est @.", "Par conséquent, la bonne réponse est @.", "Réponse : @\n\nSouhaitez-vous que j'explique l'une des 3 étapes ?",
    ), ("La réponse n'est pas @.", "La réponse ne peut pas être @.", "Ce n'est pas @.", "La réponse est @ ou ~.", "@ est faux.")),
    "es": Language("Sí", "No", True, "Vamos paso a paso y simplificamos.", (
        "La respuesta es @.", "Por lo tanto, la respuesta es @.", "**Respuesta:** @", "La respuesta final es **@**.", "### Respuesta final\n\n@",
        "El resultado es @.", "Así que la respuesta correcta es @.", "Respuesta: @\n\n¿Quieres que explique alguno de los 3 pasos?",
    ), ("La respuesta no es @.", "La respuesta no puede ser @.", "No es @.", "La respuesta es @ o ~.", "@ es incorrecto.")),
    "pt": Language("Sim", "Não", True, "Vamos passo a passo e simplificamos.", (
        "A resposta é @.", "Portanto, a resposta é @.", "**Resposta:** @", "A resposta final é **@**.", "### Resposta final\n\n@",
        "O resultado é @.", "Logo, a resposta correta é @.", "Resposta: @\n\nQuer que eu explique algum dos 3 passos?",
    ), ("A resposta não é @.", "A resposta não pode ser @.", "Não é @.", "A resposta é @ ou ~.", "@ está errado.")),
    "it": Language("Sì", "No", True, "Procediamo passo per passo e semplifichiamo.", (
        "La risposta è @.", "Quindi la risposta è @.", "**Risposta:** @", "La risposta finale è **@**.", "### Risposta finale\n\n@",
        "Il risultato è @.", "Pertanto la risposta corretta è @.", "Risposta: @\n\nVuoi che spieghi uno dei 3 passaggi?",
    ), ("La risposta non è @.", "La risposta non può essere @.", "Non è @.", "La risposta è @ o ~.", "@ è sbagliato.")),
    "nl": Language("Ja", "Nee", True, "We gaan stap voor stap te werk en vereenvoudigen.", (
        "Het antwoord is @.", "Dus het antwoord is @.", "**Antwoord:** @", "Het uiteindelijke antwoord is **@**.", "### Antwoord\n\n@",
        "Het resultaat is @.", "Daarom is het juiste antwoord @.", "Antwoord: @\n\nWil je dat ik een van de 3 stappen uitleg?",
    ), ("Het antwoord is niet @.", "Het antwoord kan niet @ zijn.", "Het is niet @.", "Het antwoord is @ of ~.", "@ is fout.")),
    "pl": Language("Tak", "Nie", True, "Postępujemy krok po kroku i upraszczamy.", (
        "Odpowiedź to @.", "Zatem odpowiedź to @.", "**Odpowiedź:** @", "Ostateczna odpowiedź to **@**.", "### Odpowiedź\n\n@",
        "Wynik to @.", "Dlatego poprawna odpowiedź to @.", "Odpowiedź: @\n\nCzy chcesz, żebym wyjaśnił któryś z 3 kroków?",
    ), ("Odpowiedź to nie @.", "Odpowiedzią nie może być @.", "To nie jest @.", "Odpowiedź to @ lub ~.", "@ jest błędne.")),
    "ru": Language("Да", "Нет", True, "Решим задачу по шагам и упростим.", (
        "Ответ: @.", "Следовательно, ответ — @.", "**Ответ:** @", "Окончательный ответ: **@**", "### Ответ\n\n@",
        "Результат равен @.", "Таким образом, правильный ответ: @.", "Ответ: @\n\nХотите, чтобы я объяснил один из 3 шагов?",
    ), ("Ответ не @.", "Ответ не может быть @.", "Это не @.", "Ответ: @ или ~.", "@ — неверно.")),
    "zh": Language("是", "否", False, "我们一步一步来,先化简。", (
        "答案是@。", "所以答案是 @。", "**答案:** @", "最终答案是**@**。", "### 最终答案\n\n@", "结果为@。", "因此,正确答案是@。",
        "答案:@\n\n需要我解释这3个步骤中的某一步吗?",
    ), ("答案不是@。", "答案不可能是@。", "不是@。", "答案是@或~。", "@是错误的。")),
    "ja": Language("はい", "いいえ", False, "順を追って考え、式を整理します。", (
        "答えは@です。", "したがって、答えは @ です。", "**答え:** @", "最終的な答えは**@**です。", "### 最終解答\n\n@", "結果は@です。",
        "よって、正解は@です。", "答え:@\n\n3つの手順のどれかを説明しましょうか?",
    ), ("答えは@ではありません。", "答えが@であるはずがない。", "@ではない。", "答えは@または~です。", "@は間違いです。")),
    "ko": Language("예", "아니요", False, "단계별로 풀고 정리해 봅시다.", (
        "답은 @입니다.", "따라서 답은 @ 입니다.", "**답:** @", "최종 답은 **@**입니다.", "### 최종 답\n\n@", "결과는 @입니다.", "그러므로 정답은 @입니다.",
        "정답: @\n\n3단계 중 하나를 설명해 드릴까요?",
    ), ("답은 @가 아닙니다.", "답은 @일 수 없습니다.", "@가 아니다.", "답은 @ 또는 ~입니다.", "@는 틀렸습니다.")),
    "ar": Language("نعم", "لا", False, "نعمل خطوة بخطوة ونبسط.", (
        "الإجابة هي @.", "إذن الإجابة هي @.", "**الإجابة:** @", "الإجابة النهائية هي **@**.", "### الإجابة النهائية\n\n@", "الناتج هو @.",
        "لذلك، الإجابة الصحيحة هي @.", "الجواب: @\n\nهل تريد أن أشرح إحدى الخطوات الثلاث؟",
    ), ("الإجابة ليست @.", "لا يمكن أن تكون الإجابة @.", "ليس @.", "الإجابة هي @ أو ~.", "@ خطأ.")),
    "hi": Language("हाँ", "नहीं", False, "हम चरण दर चरण चलते हैं और सरल करते हैं।", (
        "उत्तर @ है।", "इसलिए उत्तर @ है।", "**उत्तर:** @", "अंतिम उत्तर **@** है।", "### अंतिम उत्तर\n\n@", "परिणाम @ है।", "अतः सही उत्तर @ है।",
        "उत्तर: @\n\nक्या मैं 3 चरणों में से कोई समझाऊँ?",
    ), ("उत्तर @ नहीं है।", "उत्तर @ नहीं हो सकता।", "यह @ नहीं है।", "उत्तर @ या ~ है।", "@ गलत है।")),
}  # fmt: skip


def written(language, answer, kind):
    """Return an answer as the language writes it: its yes and no, its decimal comma."""
    plain, latex = answer
    if kind == "yes_no":
        return grid.same(language.yes if plain == "Yes" else language.no)
    if kind == "decimal" and language.comma:
        return grid.same(plain.replace(".", ","))
    return plain, latex


def cases(name, seed=grid.SEED):
    """Yield the grid of one language: every kind in every closing, right and wrong, and the denials."""
    language, dice = LANGUAGES[name], grid.random.Random(f"{seed} {name}")
    for kind in grid.KINDS:
        for text in (*language.closings, *language.denials):
            item = kind(dice)
            how = (grid.PLAIN if text in language.denials or dice.random() < 0.5 else grid.MATH, text)
            right, wrong = (written(language, answer, item.kind) for answer in (item.right, item.wrong))
            for answer, other, want in ((right, wrong, "right"), (wrong, right, "wrong")):
                end = text.replace("@", grid.dressed(how[0], answer)).replace("~", grid.dressed(how[0], other))
                response = f"{language.opening}\n\n{end}"
                if text not in language.denials:
                    yield grid.Case(item, f"{name}: {text}", response, want)
                elif want == "right" and item.kind != "yes_no":
                    yield grid.Case(item, f"{name}: {text}", response, "not right")
