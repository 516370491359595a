"""Closings of responses in thirteen languages, 15 that state an answer and 6 that do not assert it.

Written before the code that they measure was looked at; on first sight 96.8% were as wanted, with 67 false accepts.
"""

import random

from verify.grid import Case, Item, tex
from verify.replies import fill, items

LANGUAGES = {
"de": (["Die Antwort lautet {p}.", "**Antwort:** {p}", "Antwort: **{p}**", "Also ist die Antwort **{p}**.", "Das Ergebnis ist {p}.", "### Endergebnis\n\n**{p}**", "Somit erhalten wir **{p}**.", "Die Lösung ist ${l}$.", "Die richtige Antwort ist {p}.", "Daraus folgt: **{p}**", "✅ **Ergebnis: {p}**", "Die endgültige Antwort ist {p}.", "**Antwort: {p}**\n\n**Probe:** Einsetzen liefert 6 = 6. ✓", "Die Antwort ist **{p}**. Möchtest du, dass ich einen der 3 Schritte genauer erkläre?", "$\\boxed{{{l}}}$\n\nDas ist die gesuchte Lösung."],
 ["Die Antwort ist nicht {p}.", "Die Antwort ist {o}, nicht {p}.", "Viele würden {p} sagen, aber das ist falsch.", "Ich weiß nicht, ob es {p} ist.", "Die Antwort kann nicht {p} sein.", "**{p}** ist leider falsch."]),
"fr": (["La réponse est {p}.", "**Réponse :** {p}", "Réponse finale : **{p}**", "Donc la réponse est **{p}**.", "Le résultat est {p}.", "### Réponse finale\n\n**{p}**", "On obtient donc **{p}**.", "La solution est ${l}$.", "La bonne réponse est {p}.", "Par conséquent : **{p}**", "✅ **Résultat : {p}**", "**Conclusion :** la réponse est {p}.", "**Réponse : {p}**\n\n**Vérification :** en remplaçant, on trouve 6 = 6. ✓", "La réponse est **{p}**. Souhaitez-vous que je détaille l'une des 3 étapes ?", "Ainsi, $\\boxed{{{l}}}$."],
 ["La réponse n'est pas {p}.", "La réponse est {o}, et non {p}.", "Beaucoup diraient {p}, mais c'est faux.", "Je ne sais pas si c'est {p}.", "La réponse ne peut pas être {p}.", "**{p}** est incorrect."]),
"es": (["La respuesta es {p}.", "**Respuesta:** {p}", "Respuesta final: **{p}**", "Por lo tanto, la respuesta es **{p}**.", "El resultado es {p}.", "### Respuesta final\n\n**{p}**", "Así, obtenemos **{p}**.", "La solución es ${l}$.", "La respuesta correcta es {p}.", "En conclusión: **{p}**", "✅ **Resultado: {p}**", "Entonces la respuesta es {p}.", "**Respuesta: {p}**\n\n**Comprobación:** sustituyendo, 6 = 6. ✓", "La respuesta es **{p}**. ¿Quieres que explique alguno de los 3 pasos?", "Luego $\\boxed{{{l}}}$."],
 ["La respuesta no es {p}.", "La respuesta es {o}, no {p}.", "Muchos dirían {p}, pero eso es incorrecto.", "No sé si es {p}.", "La respuesta no puede ser {p}.", "**{p}** es incorrecto."]),
"pt": (["A resposta é {p}.", "**Resposta:** {p}", "Resposta final: **{p}**", "Portanto, a resposta é **{p}**.", "O resultado é {p}.", "### Resposta final\n\n**{p}**", "Assim, obtemos **{p}**.", "A solução é ${l}$.", "A resposta correta é {p}.", "Conclusão: **{p}**", "✅ **Resultado: {p}**", "Logo, a resposta é {p}.", "**Resposta: {p}**\n\n**Verificação:** substituindo, 6 = 6. ✓", "A resposta é **{p}**. Quer que eu explique algum dos 3 passos?", "Logo $\\boxed{{{l}}}$."],
 ["A resposta não é {p}.", "A resposta é {o}, não {p}.", "Muitos diriam {p}, mas isso está errado.", "Não sei se é {p}.", "A resposta não pode ser {p}.", "**{p}** está incorreto."]),
"it": (["La risposta è {p}.", "**Risposta:** {p}", "Risposta finale: **{p}**", "Quindi la risposta è **{p}**.", "Il risultato è {p}.", "### Risposta finale\n\n**{p}**", "Pertanto otteniamo **{p}**.", "La soluzione è ${l}$.", "La risposta corretta è {p}.", "In conclusione: **{p}**", "✅ **Risultato: {p}**", "Dunque la risposta è {p}.", "**Risposta: {p}**\n\n**Verifica:** sostituendo, 6 = 6. ✓", "La risposta è **{p}**. Vuoi che spieghi uno dei 3 passaggi?", "Quindi $\\boxed{{{l}}}$."],
 ["La risposta non è {p}.", "La risposta è {o}, non {p}.", "Molti direbbero {p}, ma è sbagliato.", "Non so se sia {p}.", "La risposta non può essere {p}.", "**{p}** è errato."]),
"nl": (["Het antwoord is {p}.", "**Antwoord:** {p}", "Eindantwoord: **{p}**", "Dus het antwoord is **{p}**.", "Het resultaat is {p}.", "### Eindantwoord\n\n**{p}**", "We krijgen dus **{p}**.", "De oplossing is ${l}$.", "Het juiste antwoord is {p}.", "Conclusie: **{p}**", "✅ **Resultaat: {p}**", "Daarom is het antwoord {p}.", "**Antwoord: {p}**\n\n**Controle:** invullen geeft 6 = 6. ✓", "Het antwoord is **{p}**. Wil je dat ik een van de 3 stappen uitleg?", "Dus $\\boxed{{{l}}}$."],
 ["Het antwoord is niet {p}.", "Het antwoord is {o}, niet {p}.", "Velen zouden {p} zeggen, maar dat is fout.", "Ik weet niet of het {p} is.", "Het antwoord kan niet {p} zijn.", "**{p}** is onjuist."]),
"pl": (["Odpowiedź to {p}.", "**Odpowiedź:** {p}", "Odpowiedź końcowa: **{p}**", "Zatem odpowiedzią jest **{p}**.", "Wynik to {p}.", "### Ostateczna odpowiedź\n\n**{p}**", "Otrzymujemy więc **{p}**.", "Rozwiązaniem jest ${l}$.", "Prawidłowa odpowiedź to {p}.", "Wniosek: **{p}**", "✅ **Wynik: {p}**", "Dlatego odpowiedź to {p}.", "**Odpowiedź: {p}**\n\n**Sprawdzenie:** po podstawieniu 6 = 6. ✓", "Odpowiedź to **{p}**. Czy chcesz, żebym wyjaśnił któryś z 3 kroków?", "Zatem $\\boxed{{{l}}}$."],
 ["Odpowiedź to nie {p}.", "Odpowiedź to {o}, a nie {p}.", "Wielu powiedziałoby {p}, ale to błąd.", "Nie wiem, czy to {p}.", "Odpowiedzią nie może być {p}.", "**{p}** jest niepoprawne."]),
"ru": (["Ответ: {p}.", "**Ответ:** {p}", "Окончательный ответ: **{p}**", "Таким образом, ответ — **{p}**.", "Результат равен {p}.", "### Ответ\n\n**{p}**", "Следовательно, получаем **{p}**.", "Решение: ${l}$.", "Правильный ответ: {p}.", "Итак, ответ: **{p}**", "✅ **Результат: {p}**", "Значит, ответ {p}.", "**Ответ: {p}**\n\n**Проверка:** при подстановке 6 = 6. ✓", "Ответ: **{p}**. Хотите, я объясню один из 3 шагов подробнее?", "Итого $\\boxed{{{l}}}$."],
 ["Ответ не {p}.", "Ответ {o}, а не {p}.", "Многие сказали бы {p}, но это неверно.", "Я не знаю, {p} ли это.", "Ответ не может быть {p}.", "**{p}** — неправильно."]),
"zh": (["答案是{p}。", "**答案：**{p}", "最终答案：**{p}**", "所以答案是 **{p}**。", "结果是{p}。", "### 最终答案\n\n**{p}**", "因此我们得到 **{p}**。", "解为 ${l}$。", "正确答案是{p}。", "综上所述，答案为 **{p}**", "✅ **结果：{p}**", "故答案为：{p}", "**答案：{p}**\n\n**验证：** 代入得 6 = 6。✓", "答案是 **{p}**。需要我详细解释这 3 个步骤中的某一步吗？", "所以 $\\boxed{{{l}}}$。"],
 ["答案不是{p}。", "答案是{o}，而不是{p}。", "很多人会说{p}，但这是错的。", "我不知道是不是{p}。", "答案不可能是{p}。", "**{p}** 是错误的。"]),
"ja": (["答えは{p}です。", "**答え：** {p}", "最終的な答え：**{p}**", "したがって、答えは **{p}** です。", "結果は{p}です。", "### 最終回答\n\n**{p}**", "よって **{p}** となります。", "解は ${l}$ です。", "正解は{p}です。", "結論：**{p}**", "✅ **結果：{p}**", "ゆえに答えは{p}である。", "**答え：{p}**\n\n**検算：** 代入すると 6 = 6。✓", "答えは **{p}** です。3つのステップのどれかを詳しく説明しましょうか？", "よって $\\boxed{{{l}}}$。"],
 ["答えは{p}ではありません。", "答えは{o}であり、{p}ではない。", "多くの人は{p}と言いますが、それは間違いです。", "{p}かどうかわかりません。", "答えが{p}であるはずがありません。", "**{p}** は不正解です。"]),
"ko": (["답은 {p}입니다.", "**답:** {p}", "최종 답: **{p}**", "따라서 답은 **{p}**입니다.", "결과는 {p}입니다.", "### 최종 답변\n\n**{p}**", "그러므로 **{p}**를 얻습니다.", "해는 ${l}$입니다.", "정답은 {p}입니다.", "결론: **{p}**", "✅ **결과: {p}**", "그래서 정답은 {p}이다.", "**답: {p}**\n\n**검산:** 대입하면 6 = 6. ✓", "답은 **{p}**입니다. 3단계 중 하나를 더 자세히 설명해 드릴까요?", "따라서 $\\boxed{{{l}}}$."],
 ["답은 {p}이 아닙니다.", "답은 {p}이 아니라 {o}입니다.", "많은 사람들이 {p}라고 하지만 틀렸습니다.", "{p}인지 모르겠습니다.", "답은 {p}일 수 없습니다.", "**{p}**는 오답입니다."]),
"ar": (["الجواب هو {p}.", "**الإجابة:** {p}", "الإجابة النهائية: **{p}**", "إذن الجواب هو **{p}**.", "النتيجة هي {p}.", "### الإجابة النهائية\n\n**{p}**", "وبالتالي نحصل على **{p}**.", "الحل هو ${l}$.", "الإجابة الصحيحة هي {p}.", "الخلاصة: **{p}**", "✅ **النتيجة: {p}**", "لذلك فإن الإجابة هي {p}.", "**الإجابة: {p}**\n\n**التحقق:** بالتعويض نجد 6 = 6. ✓", "الإجابة هي **{p}**. هل تريد أن أشرح إحدى الخطوات الـ 3؟", "إذن $\\boxed{{{l}}}$."],
 ["الجواب ليس {p}.", "الجواب هو {o} وليس {p}.", "قد يقول كثيرون {p} لكن هذا خطأ.", "لا أعرف إن كان {p}.", "لا يمكن أن يكون الجواب {p}.", "**{p}** غير صحيح."]),
"hi": (["उत्तर {p} है।", "**उत्तर:** {p}", "अंतिम उत्तर: **{p}**", "इसलिए उत्तर **{p}** है।", "परिणाम {p} है।", "### अंतिम उत्तर\n\n**{p}**", "अतः हमें **{p}** मिलता है।", "हल ${l}$ है।", "सही उत्तर {p} है।", "निष्कर्ष: **{p}**", "✅ **परिणाम: {p}**", "तो जवाब {p} है।", "**उत्तर: {p}**\n\n**जाँच:** रखने पर 6 = 6। ✓", "उत्तर **{p}** है। क्या आप चाहेंगे कि मैं 3 चरणों में से किसी को समझाऊँ?", "अतः $\\boxed{{{l}}}$।"],
 ["उत्तर {p} नहीं है।", "उत्तर {o} है, {p} नहीं।", "कई लोग {p} कहेंगे, लेकिन यह गलत है।", "मुझे नहीं पता कि यह {p} है या नहीं।", "उत्तर {p} नहीं हो सकता।", "**{p}** गलत है।"]),
}  # fmt: skip
LEADS = {
"de": "Wir rechnen Schritt für Schritt. Zuerst betrachten wir die 3 Angaben und stellen eine Gleichung auf.", "fr": "Procédons étape par étape. On considère d'abord les 3 données et on pose une équation.", "es": "Vamos paso a paso. Primero consideramos los 3 datos y planteamos una ecuación.", "pt": "Vamos passo a passo. Primeiro consideramos os 3 dados e montamos uma equação.", "it": "Procediamo passo dopo passo. Prima consideriamo i 3 dati e impostiamo un'equazione.", "nl": "We werken stap voor stap. Eerst bekijken we de 3 gegevens en stellen een vergelijking op.", "pl": "Rozwiążmy to krok po kroku. Najpierw bierzemy 3 dane i układamy równanie.", "ru": "Решим по шагам. Сначала рассмотрим 3 условия и составим уравнение.", "zh": "我们一步一步来。首先考虑3个已知条件并列出方程。", "ja": "順を追って考えます。まず3つの条件から方程式を立てます。", "ko": "단계별로 풀어 봅시다. 먼저 3가지 조건으로 방정식을 세웁니다.", "ar": "لنحل المسألة خطوة بخطوة. نأخذ أولا المعطيات الـ 3 ونكتب معادلة.", "hi": "आइए चरण दर चरण हल करें। पहले हम 3 तथ्यों से एक समीकरण बनाते हैं।",
}  # fmt: skip
YES_NO = {"de": ("Ja", "Nein"), "fr": ("Oui", "Non"), "es": ("Sí", "No"), "pt": ("Sim", "Não"), "it": ("Sì", "No"), "nl": ("Ja", "Nee"), "pl": ("Tak", "Nie"), "ru": ("Да", "Нет"), "zh": ("是", "否"), "ja": ("はい", "いいえ"), "ko": ("예", "아니요"), "ar": ("نعم", "لا"), "hi": ("हाँ", "नहीं")}  # fmt: skip
QUESTIONS = {"de": "Berechne den gesuchten Wert der Aufgabe.", "fr": "Calculez la valeur demandée dans l'exercice.", "es": "Calcula el valor pedido en el ejercicio.", "pt": "Calcule o valor pedido no exercício.", "it": "Calcola il valore richiesto nell'esercizio.", "nl": "Bereken de gevraagde waarde van de opgave.", "pl": "Oblicz szukaną wartość w zadaniu.", "ru": "Вычислите искомое значение в задаче.", "zh": "计算题目中所求的值。", "ja": "問題で求められている値を計算しなさい。", "ko": "문제에서 요구하는 값을 계산하시오.", "ar": "احسب القيمة المطلوبة في المسألة.", "hi": "प्रश्न में माँगा गया मान ज्ञात कीजिए।"}  # fmt: skip
COMMA = ("de", "fr", "es", "pt", "it", "nl", "pl", "ru")
KINDS = (
    "integer", "negative", "fraction", "decimal", "surd", "point", "interval", "roots", "polynomial", "percent", "letter",
    "letter-bracket", "name", "speed",
)  # fmt: skip


def drawn(name, dice):
    """Return the questions that are asked in a language."""
    question, (yes, no) = QUESTIONS[name], YES_NO[name]
    for item in items(dice):
        if item.kind in KINDS:
            right, wrong = item.right, item.wrong
            if item.kind == "roots":
                right, wrong = (
                    (plain.replace(" or ", ", "), latex.replace(r" \text{ or } ", ", "))
                    for plain, latex in (right, wrong)
                )
            yield Item(item.kind, question, item.gold, right, wrong, item.choices, item.answer_kind)
    yield Item("yes-no", question, yes, tex(yes), tex(no))
    yield Item("yes-no", question, "Yes", tex(yes), tex(no))
    if name in COMMA:
        yield Item("comma", question, "7.25", ("7,25", "7{,}25"), ("7,75", "7{,}75"))


def replies_in(name, seed=11):
    """Yield the cases of one language."""
    closings, denials = LANGUAGES[name]
    for item in drawn(name, random.Random(f"{seed} {name}")):
        for text in closings:
            for want, own, other in (("right", item.right, item.wrong), ("wrong", item.wrong, item.right)):
                yield Case(item, text, f"{LEADS[name]}\n\n{fill(text, own, other)}", want)
        for text in denials if item.kind != "yes-no" else ():
            yield Case(item, text, f"{LEADS[name]}\n\n{fill(text, item.right, item.wrong)}", "not right")
