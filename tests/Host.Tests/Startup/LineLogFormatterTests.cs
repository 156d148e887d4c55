using LlmRing.Host.Startup;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace LlmRing.Host.Tests.Startup;

public sealed class LineLogFormatterTests
{
    [Test]
    public async Task Control_characters_of_a_message_and_an_exception_are_escaped_and_the_entry_stays_one_line()
    {
        var line = Format("name \u001b[31m\r\nforged\u0007 \u202e\u2028", new InvalidOperationException("reason \u001b]0;title\n\u009b"));

        await Assert.That(line).Contains(@"warn: category[Happened] name \u001B[31m forged\u0007 \u202E");
        await Assert.That(line).Contains(@"reason \u001B]0;title \u009B");
        await Assert.That(line.TrimEnd().Any(char.IsControl)).IsFalse();
    }

    [Test]
    public async Task Letters_of_every_script_are_written_as_they_are() =>
        await Assert.That(Format("Grüße, 世界 🙂", null)).EndsWith("Grüße, 世界 🙂" + Environment.NewLine);

    private static string Format(string message, Exception? exception)
    {
        var output = new StringWriter();
        new LineLogFormatter(TimeProvider.System).Write(
            new LogEntry<string>(LogLevel.Warning, "category", new EventId(1, "Happened"), message, exception, (state, _) => state), null, output);
        return output.ToString();
    }
}
