using System.Text.RegularExpressions;

namespace LlmRing.Architecture.Tests;

/// <summary>Rules of style that neither the compiler nor <c>dotnet format</c> checks.</summary>
public sealed partial class SourceStyleTests
{
    private const int Columns = 140;

    [Test]
    public async Task No_line_is_longer_than_140_columns()
    {
        var violations = SourceCode.Lines.Where(line => line.Text.Length > Columns);

        await Assert.That(violations.Select(line => $"{line.Place} has {line.Text.Length} columns")).IsEmpty();
    }

    [Test]
    public async Task Answers_name_their_status_by_a_constant()
    {
        var violations = SourceCode.Lines.Where(line => BareStatus().IsMatch(line.Text));

        await Assert.That(violations.Select(line => $"{line.Place}: {line.Text.Trim()}")).IsEmpty();
    }

    [Test]
    public async Task SQL_parameters_are_named_in_camelCase()
    {
        var violations = SourceCode.Lines.Where(line => PascalCaseParameter().IsMatch(line.Text));

        await Assert.That(violations.Select(line => $"{line.Place}: {line.Text.Trim()}")).IsEmpty();
    }

    [Test]
    public async Task The_request_parameter_of_an_endpoint_is_named_request()
    {
        var violations = SourceCode.Lines.Where(line => AbbreviatedRequest().IsMatch(line.Text));

        await Assert.That(violations.Select(line => $"{line.Place}: {line.Text.Trim()}")).IsEmpty();
    }

    [GeneratedRegex(@"@[A-Z]\w*")]
    private static partial Regex PascalCaseParameter();

    [GeneratedRegex(@"\breq\b")]
    private static partial Regex AbbreviatedRequest();

    // Calls such as Send.StringAsync(…, 404), summary.Response<T>(404, …), StatusCode = 404 and SendErrorAsync(404, …).
    [GeneratedRegex("""
        (\bSend(\.\w+|\w*Async)|\bResponse|\bProduces\w*)(<[^(]*>)?\((.*,\ )?[1-5]\d\d\b
        | \bStatusCode\s*(=|==|is|!=)\s*[1-5]\d\d\b
        | ResponseExamples\[\d
        """, RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex BareStatus();
}
