using System.Globalization;
using System.Text;

namespace LlmRing.Modules.Conversations.Search;

/// <summary>A lexeme of a text.</summary>
/// <param name="Lexeme">Folded letters and digits only, so it needs no escaping in a tsvector or tsquery.</param>
/// <param name="Position">The number of its word in the text, from 0. Lexemes of one word have the same position.</param>
/// <param name="Start">The index of its first character in the text.</param>
/// <param name="End">The index after its last character in the text.</param>
/// <param name="IsQueried">Whether a query for this text asks for this lexeme; others are only stored in documents.</param>
/// <param name="IsCharacter">Whether a query asks for the lexeme as a prefix: a single character of a script without blanks.</param>
internal readonly record struct SearchToken(string Lexeme, int Position, int Start, int End, bool IsQueried, bool IsCharacter);

/// <summary>
/// Splits texts into lexemes, for documents and queries alike. A word is a run of letters, digits and underscores; its parts
/// begin where case, script or kind changes (<c>maxRetries</c>, <c>max_retries</c>, <c>utf8</c>). A document has every
/// sequence of adjoining parts as one lexeme, so a query for some of them is a single lexeme, too. A run in a script without
/// blanks yields each pair of adjoining characters, and its last character.
/// </summary>
internal sealed class SearchTokenizer
{
    /// <summary>PostgreSQL refuses lexemes of 2 KB; a longer word is cut.</summary>
    private const int MaximumLexeme = 128;

    /// <summary>The longest sequence of parts that is a lexeme; the whole word is one in any case.</summary>
    private const int MaximumSequence = 5;

    /// <summary>A word of more parts yields its parts and itself, without sequences.</summary>
    private const int MaximumParts = 16;

    /// <summary>More changes between letters and digits are taken for a hash, which is not split.</summary>
    private const int MaximumDigitChanges = 4;

    private readonly List<Rune> _folded = [];
    private readonly List<Element> _elements = [];
    private readonly List<SearchToken> _tokens = [];
    private bool _joined;
    private int _position;

    private SearchTokenizer()
    {
    }

    private enum Kind
    {
        Separator,
        Ignored,
        Joiner,
        Mark,
        Digit,
        Upper,
        Letter,
        Character,
    }

    private enum Script
    {
        Other,
        Latin,
        Greek,
        Cyrillic,
    }

    /// <summary>The lexemes of a text, by position. They are computed while they are enumerated.</summary>
    public static IEnumerable<SearchToken> Tokenize(string text)
    {
        var tokenizer = new SearchTokenizer();
        for (var index = 0; index < text.Length;)
        {
            Rune.DecodeFromUtf16(text.AsSpan(index), out var rune, out var length);
            if (!tokenizer.TryAdd(rune, text.AsSpan(index, length), index))
            {
                tokenizer.EndRun();
                foreach (var token in tokenizer._tokens)
                    yield return token;
                tokenizer.Clear();
                tokenizer.TryAdd(rune, text.AsSpan(index, length), index);
            }

            index += length;
        }

        tokenizer.EndRun();
        foreach (var token in tokenizer._tokens)
            yield return token;
    }

    /// <summary>Adds a character to the current run.</summary>
    /// <returns>False when the run ends before the character.</returns>
    private bool TryAdd(Rune rune, ReadOnlySpan<char> text, int start)
    {
        var kind = KindOf(rune);
        var end = start + text.Length;
        switch (kind)
        {
            case Kind.Ignored:
                return true;
            case Kind.Separator:
                return _elements.Count == 0;
            case Kind.Joiner:
                _joined = true;
                return _elements.Count == 0 || _elements[^1].Kind is not Kind.Character;
            case Kind.Mark when _elements.Count == 0:
                return true;
        }

        if (rune.IsAscii)
        {
            if (_elements.Count > 0 && _elements[^1].Kind is Kind.Character)
                return false;
            Append(kind, Script.Latin, new Rune(char.ToLowerInvariant((char)rune.Value)), start, end);
            return true;
        }

        var folding = Folding.Fold(text);
        Rune.DecodeFromUtf16(folding, out var first, out _);
        if (_elements.Count > 0)
        {
            // Accents of Latin, Greek, Cyrillic, Hebrew and Arabic letters are dropped; other scripts write vowels as marks.
            if (kind is Kind.Mark && _folded[^1].Value < 0x0900)
            {
                _elements[^1] = _elements[^1] with { End = end };
                return true;
            }

            if (Folding.Compose(_folded[^1], first) is { } composed)
            {
                _folded[^1] = composed;
                _elements[^1] = _elements[^1] with { End = end };
                return true;
            }
        }

        var isCharacter = IsWithoutBlanks(first.Value);
        if (_elements.Count > 0 && isCharacter != _elements[^1].Kind is Kind.Character)
            return false;

        // Circled numbers and superscripts fold to digits, ligatures to several letters.
        var foldedKind = isCharacter ? Kind.Character : Rune.IsDigit(first) ? Kind.Digit : kind is Kind.Upper ? Kind.Upper : Kind.Letter;
        foreach (var character in folding.EnumerateRunes())
        {
            Append(foldedKind, ScriptOf(first.Value), character, start, end);
            if (foldedKind is Kind.Upper)
                foldedKind = Kind.Letter;
        }

        return true;
    }

    private void Append(Kind kind, Script script, Rune folded, int start, int end)
    {
        _elements.Add(new Element(kind, script, start, end, _joined && _elements.Count > 0));
        _folded.Add(folded);
        _joined = false;
    }

    private void Clear()
    {
        _elements.Clear();
        _folded.Clear();
        _tokens.Clear();
        _joined = false;
    }

    private void EndRun()
    {
        if (_elements.Count == 0)
            return;

        if (_elements[0].Kind is Kind.Character)
            EndCharacters();
        else
            EndWord();
    }

    private void EndCharacters()
    {
        for (var index = 0; index < _elements.Count; index++)
        {
            var isLast = index == _elements.Count - 1;
            AddToken(index, isLast ? index : index + 1, isQueried: !isLast || index == 0, isCharacter: isLast);
            _position++;
        }
    }

    private void EndWord()
    {
        var starts = PartStarts();
        var sequence = starts.Count > MaximumParts ? 1 : MaximumSequence;
        for (var first = 0; first < starts.Count; first++)
        {
            for (var next = first + 1; next <= Math.Min(first + sequence, starts.Count); next++)
            {
                if (first > 0 || next < starts.Count)
                    AddToken(starts[first], LastOf(next), isQueried: false);
            }
        }

        AddToken(0, _elements.Count - 1, isQueried: true);
        _position++;

        int LastOf(int nextPart) => (nextPart == starts.Count ? _elements.Count : starts[nextPart]) - 1;
    }

    private List<int> PartStarts()
    {
        List<int> starts = [0];
        var segment = 0;
        for (var index = 1; index <= _elements.Count; index++)
        {
            if (index < _elements.Count && !_elements[index].IsJoined)
                continue;

            if (segment > 0)
                starts.Add(segment);
            AddBoundaries(starts, segment, index);
            segment = index;
        }

        return starts;
    }

    private void AddBoundaries(List<int> starts, int segment, int end)
    {
        var digitChanges = 0;
        var before = starts.Count;
        for (var index = segment + 1; index < end; index++)
        {
            var (previous, current) = (_elements[index - 1], _elements[index]);
            if (previous.Kind is Kind.Digit != current.Kind is Kind.Digit)
            {
                digitChanges++;
                starts.Add(index);
            }
            else if (current.Kind is not Kind.Digit && IsBoundary(previous, current, index + 1 < end ? _elements[index + 1] : null))
            {
                starts.Add(index);
            }
        }

        if (digitChanges > MaximumDigitChanges)
            starts.RemoveRange(before, starts.Count - before);
    }

    /// <summary>In <c>HTTPServer</c> the second word begins at the last of several capital letters.</summary>
    private static bool IsBoundary(Element previous, Element current, Element? next) =>
        previous.Script != current.Script
        || (current.Kind is Kind.Upper && (previous.Kind is Kind.Letter || next is { Kind: Kind.Letter }));

    private void AddToken(int first, int last, bool isQueried, bool isCharacter = false)
    {
        Span<char> lexeme = stackalloc char[2 * MaximumLexeme];
        var length = 0;
        for (var index = first; index <= last && index - first < MaximumLexeme; index++)
            length += _folded[index].EncodeToUtf16(lexeme[length..]);
        _tokens.Add(new SearchToken(
            lexeme[..length].ToString(), _position, _elements[first].Start, _elements[last].End, isQueried, isCharacter));
    }

    private static Kind KindOf(Rune rune)
    {
        if (rune.IsAscii)
        {
            var character = (char)rune.Value;
            return char.IsAsciiLetterLower(character) ? Kind.Letter
                : char.IsAsciiLetterUpper(character) ? Kind.Upper
                : char.IsAsciiDigit(character) ? Kind.Digit
                : character == '_' ? Kind.Joiner
                : Kind.Separator;
        }

        return Rune.GetUnicodeCategory(rune) switch
        {
            // The Arabic tatweel lengthens a word, a variation selector chooses among shapes of a character.
            UnicodeCategory.ModifierLetter when rune.Value == 0x0640 => Kind.Ignored,
            UnicodeCategory.NonSpacingMark when rune.Value is (>= 0xFE00 and <= 0xFE0F) or >= 0xE0100 => Kind.Ignored,
            UnicodeCategory.UppercaseLetter or UnicodeCategory.TitlecaseLetter => Kind.Upper,
            UnicodeCategory.LowercaseLetter or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => Kind.Letter,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Kind.Digit,
            UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark => Kind.Mark,
            // Joiners and soft hyphens stand inside of words.
            UnicodeCategory.Format => Kind.Ignored,
            _ => Kind.Separator,
        };
    }

    private static Script ScriptOf(int folded) => folded switch
    {
        < 0x0250 or (>= 0x1E00 and < 0x1F00) => Script.Latin,
        (>= 0x0370 and < 0x0400) or (>= 0x1F00 and < 0x2000) => Script.Greek,
        >= 0x0400 and < 0x0530 => Script.Cyrillic,
        _ => Script.Other,
    };

    /// <summary>
    /// Whether the character's script has no blanks between words: Thai, Lao, Myanmar, Khmer, Tai scripts, kana and Han. Korean has
    /// blanks, but a word between blanks includes endings.
    /// </summary>
    private static bool IsWithoutBlanks(int folded) => folded
        is (>= 0x0E00 and < 0x0F00) or (>= 0x1000 and < 0x10A0) or (>= 0x1100 and < 0x1200) or (>= 0x1780 and < 0x1800)
        or (>= 0x1950 and < 0x1AB0) or (>= 0x3005 and < 0x3008) or (>= 0x3031 and < 0x3200) or (>= 0x3400 and < 0xA000)
        or (>= 0xAC00 and < 0xD7A4) or (>= 0xF900 and < 0xFB00) or (>= 0x20000 and < 0x40000);

    /// <summary>A folded character.</summary>
    /// <param name="Kind">Digit, Upper, Letter or Character.</param>
    /// <param name="Script">The script of a letter.</param>
    /// <param name="Start">The index of its original in the text.</param>
    /// <param name="End">The index after its original.</param>
    /// <param name="IsJoined">Whether an underscore precedes.</param>
    private readonly record struct Element(Kind Kind, Script Script, int Start, int End, bool IsJoined);
}
