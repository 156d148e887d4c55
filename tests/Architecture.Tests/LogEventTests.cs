using System.Reflection;
using System.Text.RegularExpressions;
using LlmRing.Modules.Budgets;
using LlmRing.Testing;
using Microsoft.Extensions.Logging;

namespace LlmRing.Architecture.Tests;

/// <summary>Operators alert on event names: each log event has one, which docs/operations.md explains.</summary>
public sealed partial class LogEventTests
{
    private static readonly IReadOnlyList<(MethodInfo Method, LoggerMessageAttribute Event)> Events =
    [
        .. CompiledCode.All.SelectMany(CompiledCode.MethodsOf)
            .Select(method => (method, method.GetCustomAttribute<LoggerMessageAttribute>()!))
            .Where(log => log.Item2 is not null),
    ];

    [Test]
    public async Task Every_log_event_has_a_name()
    {
        var violations = Events.Where(log => !Name().IsMatch(log.Event.EventName ?? ""));

        await Assert.That(Events.Count).IsGreaterThan(30);
        await Assert.That(violations.Select(log => $"{log.Method.DeclaringType}.{log.Method.Name}")).IsEmpty();
    }

    [Test]
    public async Task No_two_log_events_have_the_same_name()
    {
        var duplicates = Events.Where(log => log.Event.EventName is not null)
            .GroupBy(log => log.Event.EventName)
            .Where(group => group.Count() > 1)
            .Select(group => $"{group.Key}: {string.Join(", ", group.Select(log => log.Method.DeclaringType))}");

        await Assert.That(duplicates).IsEmpty();
    }

    // The sample module has a README of its own.
    [Test]
    public async Task The_operations_guide_lists_every_log_event_of_the_server_with_its_level()
    {
        var expected = Events
            .Where(log => log.Method.DeclaringType!.Assembly != typeof(BudgetsModule).Assembly && log.Event.EventName is not null)
            .Select(log => $"{log.Event.EventName} {log.Event.Level}");

        await Assert.That(await ReadListedAsync()).IsEquivalentTo(expected);
    }

    /// <summary>Rows of the tables under "Events of the log": name and level.</summary>
    private static async Task<IEnumerable<string>> ReadListedAsync()
    {
        var guide = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "operations.md"));
        var start = guide.IndexOf("## Events of the log", StringComparison.Ordinal);
        var section = guide[start..guide.IndexOf("\n## ", start, StringComparison.Ordinal)];
        return Row().Matches(section).Select(row => $"{row.Groups[1].Value} {row.Groups[2].Value}");
    }

    [GeneratedRegex("^[A-Z][a-z0-9]+([A-Z][a-z0-9]*)+$")]
    private static partial Regex Name();

    [GeneratedRegex(@"^\| `(\w+)` \| (\w+) \|", RegexOptions.Multiline)]
    private static partial Regex Row();
}
