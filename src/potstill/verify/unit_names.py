"""Names of units beyond the English ones, and of currencies, by their name in the registry of `units`."""

from __future__ import annotations

CURRENCIES = {
    "franc": "chf franc franken", "ruble": "rub ruble rouble ₽ рубль рублей рубля руб",
    "zloty": "pln zloty złoty złotych zł", "koruna": "czk koruna kč", "krona": "sek krona kronor",
    "krone": "nok dkk krone kroner", "yuan": "cny rmb yuan 元", "won": "krw won ₩ 원", "shekel": "ils shekel ₪",
    "lira": "try lira ₺", "hryvnia": "uah hryvnia ₴", "peso": "mxn peso", "brazilian_real": "brl reais",
    "canadian_dollar": "cad", "australian_dollar": "aud", "rand": "zar rand", "baht": "thb baht ฿",
    "forint": "huf forint", "dong": "vnd ₫", "rupiah": "idr rupiah",
}  # fmt: skip
"""Each is a dimension of its own: nothing converts one currency into another."""
NAMES = {
    "yen": "円", "euro": "euros евро eurós", "dollar": "dólar dólares dolar долларов доллара доллар 美元 ドル 달러",
    "meter": "м метр метра метров metros metri meter 米 メートル 미터",
    "kilometer": "км километр километра километров kilómetros quilômetros chilometri 公里 千米 キロ",
    "centimeter": "см сантиметр сантиметров centímetros centimetri 厘米 センチ", "millimeter": "мм",
    "gram": "г грамм граммов gramm gramos grammi 克 グラム",
    "kilogram": "кг килограмм килограммов kilo kilos quilos chili 千克 公斤",
    "liter": "л литр литра литров litros litri 升 リットル",
    "second": "с секунд секунды sekunde sekunden secondes segundos secondi sekund 秒 초",
    "minute": "мин минут минуты minuten minutos minuti minut 分钟 분",
    "hour": "ч час часа часов stunde stunden std heure heures hora "
    "horas ora ore uur godzina godziny godzin 小时 時間 시간",
    "day": "день дня дней tag tage tagen jour jours día días dia dias giorno giorni dag dagen dzień dni 天",
    "week": "неделя недели недель woche wochen semaine semaines "
    "semana semanas settimana settimane weken tydzień tygodni 周",
    "year": "год года лет jahr jahre jahren an ans année années año años ano anos anno anni jaar rok lat 年",
    "degree": "grad градус градусов degrés grados graus gradi graden stopni", "millibar": "mb", "stone": "stone",
    "dram": "dram",
}  # fmt: skip
WORDS = {word: name for table in (CURRENCIES, NAMES) for name, words in table.items() for word in words.split()}
