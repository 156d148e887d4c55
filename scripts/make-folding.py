#!/usr/bin/env python3
"""Writes the folding table of the search (src/Modules.Conversations/Search/folding.txt) from Python's Unicode data.

A line is a character (or a kana and its voicing mark), a tab and its folding: compatibility forms replaced, lower case, accents of
Latin, Greek, Cyrillic, Hebrew and Arabic letters removed, decimal digits in ASCII. Characters that only change their case are left out.
Usage: scripts/make-folding.py > src/Modules.Conversations/Search/folding.txt
"""
import unicodedata

# Letters that Unicode does not decompose.
LETTERS = {"ß": "ss", "ẞ": "ss", "æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "ø": "o", "Ø": "o", "đ": "d", "Đ": "d", "ħ": "h", "Ħ": "h",
           "ł": "l", "Ł": "l", "ŧ": "t", "Ŧ": "t", "ı": "i", "ð": "d", "Ð": "d", "þ": "th", "Þ": "th", "ς": "σ", "ى": "ي", "ی": "ي", "ک": "ك"}
VOICING = ("\u3099", "\u309A")


def is_kana(character):
    return "\u3040" <= character <= "\u30FF" or "\uFF66" <= character <= "\uFF9D"


def fold(character):
    if character in LETTERS:
        return LETTERS[character]
    if unicodedata.category(character) == "Nd":
        return str(unicodedata.digit(character))
    folded = unicodedata.normalize("NFKC" if is_kana(character) else "NFKD", character).lower()
    if folded and folded[0] < "\u0900":
        folded = "".join(c for c in unicodedata.normalize("NFKD", folded) if unicodedata.category(c) != "Mn")
    folded = "".join(LETTERS.get(c, c) for c in folded)
    return "".join(c for c in folded if unicodedata.category(c)[0] in "LMN")


for code in range(0x80, 0x110000):
    character = chr(code)
    category = unicodedata.category(character)
    if category[0] not in "LMN" or 0xAC00 <= code <= 0xD7A3:
        continue
    folding = fold(character)
    if folding and folding != character.lower():
        print(f"{character}\t{folding}")
for code in range(0x3041, 0x30FF):
    for mark in VOICING:
        composed = unicodedata.normalize("NFC", chr(code) + mark)
        if len(composed) == 1:
            print(f"{chr(code)}{mark}\t{composed}")
