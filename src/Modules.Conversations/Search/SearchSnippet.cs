using System.Text;

namespace LlmRing.Modules.Conversations.Search;

/// <summary>Makes the HTML snippet of a hit: at most two fragments of a text, escaped, with the matches in <c>mark</c>.</summary>
internal sealed class SearchSnippet
{
    private const int FragmentWords = 30;

    /// <summary>A fragment of very long words has fewer of them.</summary>
    private const int FragmentCharacters = 600;

    /// <summary>The words of a fragment before its first match.</summary>
    private const int LeadingWords = 8;

    private readonly IReadOnlyList<IReadOnlyList<SearchTerm>> _phrases;
    private readonly Dictionary<string, List<(int Phrase, int Term)>> _terms = new(StringComparer.Ordinal);
    private readonly List<(int Phrase, int Term)> _prefixes = [];
    private readonly List<Span> _words = [];
    private readonly List<Span> _marks = [];
    private readonly List<(int First, int Match)> _fragments = [];

    private SearchSnippet(IReadOnlyList<IReadOnlyList<SearchTerm>> phrases)
    {
        _phrases = phrases;
        for (var phrase = 0; phrase < phrases.Count; phrase++)
        {
            for (var term = 0; term < phrases[phrase].Count; term++)
            {
                var (lexeme, _, isPrefix) = phrases[phrase][term];
                if (isPrefix)
                    _prefixes.Add((phrase, term));
                else if (_terms.TryGetValue(lexeme, out var others))
                    others.Add((phrase, term));
                else
                    _terms.Add(lexeme, [(phrase, term)]);
            }
        }
    }

    /// <summary>The snippet; the beginning of the text when it has no match.</summary>
    public static string Of(string text, SearchQuery query)
    {
        var snippet = new SearchSnippet(query.Phrases);
        snippet.Read(text);
        return snippet.Write(text);
    }

    private void Read(string text)
    {
        // The matches that have begun, by phrase and by the position of its first word: terms matched so far, and where they stand.
        var begun = new Dictionary<(int Phrase, int Position), (int Terms, Span Span)>();
        foreach (var token in SearchTokenizer.Tokenize(text))
        {
            if (_fragments.Count == 2 && token.Position >= _fragments[1].First + FragmentWords)
                return;

            var span = new Span(token.Start, token.End);
            if (token.Position == _words.Count)
                _words.Add(span);
            else
                _words[^1] = new Span(Math.Min(_words[^1].Start, span.Start), Math.Max(_words[^1].End, span.End));

            if (_terms.TryGetValue(token.Lexeme, out var terms))
            {
                foreach (var (phrase, term) in terms)
                    Match(phrase, term);
            }

            foreach (var (phrase, term) in _prefixes)
            {
                if (_phrases[phrase][term].Matches(token.Lexeme))
                    Match(phrase, term);
            }

            void Match(int phrase, int term)
            {
                var key = (phrase, Position: token.Position - _phrases[phrase][term].Offset);
                var match = term == 0 ? (Terms: 0, Span: span) : begun.GetValueOrDefault(key);
                if (match.Terms != term)
                    return;

                match = (term + 1, new Span(match.Span.Start, span.End));
                if (match.Terms == _phrases[phrase].Count)
                    AddMark(match.Span, key.Position);
                else
                    begun[key] = match;
            }
        }
    }

    private void AddMark(Span span, int position)
    {
        _marks.Add(span);
        var next = _fragments.Count == 0 ? 0 : _fragments[^1].First + FragmentWords;
        if (_fragments.Count < 2 && (position >= next || _fragments.Count == 0))
            _fragments.Add((Math.Max(next, position - LeadingWords), position));
    }

    private string Write(string text)
    {
        if (_words.Count == 0)
            return Escape(text.AsSpan(0, Math.Min(text.Length, FragmentCharacters)));
        if (_fragments.Count == 0)
            _fragments.Add((0, 0));

        _marks.Sort((one, other) => one.Start.CompareTo(other.Start));
        var html = new StringBuilder();
        foreach (var (from, match) in _fragments)
        {
            var (first, last) = (from, Math.Min(from + FragmentWords, _words.Count) - 1);
            while (_words[last].End - _words[first].Start > FragmentCharacters && first < last)
                (first, last) = first < match ? (first + 1, last) : (first, last - 1);
            html.Append(html.Length > 0 ? " ... " : "");
            WriteFragment(html, text, new Span(_words[first].Start, _words[last].End));
        }

        return html.ToString();
    }

    private void WriteFragment(StringBuilder html, string text, Span fragment)
    {
        var written = fragment.Start;
        for (var index = 0; index < _marks.Count; index++)
        {
            var start = Math.Max(_marks[index].Start, written);
            var end = Math.Min(_marks[index].End, fragment.End);
            if (start >= end)
                continue;

            // Matches that overlap or touch, as those of one word's parts do, become one.
            while (index + 1 < _marks.Count && _marks[index + 1].Start <= end)
                end = Math.Max(end, Math.Min(_marks[++index].End, fragment.End));
            html.Append(Escape(text.AsSpan(written, start - written)))
                .Append("<mark>").Append(Escape(text.AsSpan(start, end - start))).Append("</mark>");
            written = end;
        }

        html.Append(Escape(text.AsSpan(written, fragment.End - written)));
    }

    private static string Escape(ReadOnlySpan<char> text) =>
        text.ToString().Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal)
            .Replace(">", "&gt;", StringComparison.Ordinal);

    private readonly record struct Span(int Start, int End);
}
