using ArchUnitNET.Domain.Dependencies;

namespace LlmRing.Architecture.Tests;

/// <summary>
/// The server has one clock, its <see cref="TimeProvider"/>: a test that replaces it lets hours pass without waiting.
/// <para>
/// Exempt are timeouts by <see cref="CancellationTokenSource"/>: they bound sockets, DNS and processes, which run in real time. On a
/// replaced clock such a timeout would cut off healthy I/O when a test lets an hour pass, and never end hanging I/O otherwise.
/// </para>
/// </summary>
public sealed class TimeTests
{
    [Test]
    public async Task The_time_of_day_comes_from_a_TimeProvider()
    {
        var violations = CompiledCode.Calls.Where(call =>
            call.Target.FullName is "System.DateTime" or "System.DateTimeOffset"
            && MethodOf(call) is "get_Now" or "get_UtcNow" or "get_Today");

        await Assert.That(violations.Select(Describe)).IsEmpty();
    }

    [Test]
    public async Task Timers_and_delays_take_a_TimeProvider()
    {
        var violations = CompiledCode.Calls.Where(call => !TakesTimeProvider(call) && (call.Target.FullName, MethodOf(call)) switch
        {
            ("System.Threading.PeriodicTimer" or "System.Threading.Timer" or "System.Timers.Timer", ".ctor") => true,
            ("System.Threading.Tasks.Task", "Delay") => true,
            ("System.Threading.Tasks.Task" or "System.Threading.Tasks.Task`1", "WaitAsync") => TakesTimeSpan(call),
            ("System.Threading.Thread", "Sleep") => true,
            _ => false,
        });

        await Assert.That(violations.Select(Describe)).IsEmpty();
    }

    [Test]
    public async Task Durations_are_measured_by_a_TimeProvider()
    {
        var violations = CompiledCode.Calls.Where(call =>
            call.Target.FullName is "System.Diagnostics.Stopwatch" || MethodOf(call) is "get_TickCount" or "get_TickCount64");

        await Assert.That(violations.Select(Describe)).IsEmpty();
    }

    [Test]
    public async Task The_rules_see_the_calls_of_asynchronous_methods()
    {
        var timers = CompiledCode.Calls.Where(call => call.Target.FullName is "System.Threading.PeriodicTimer");

        await Assert.That(timers.Count(call => MethodOf(call) is ".ctor")).IsGreaterThan(3);
    }

    // Names of members are written with their parameters: "Delay(System.TimeSpan,System.Threading.CancellationToken)".
    private static string MethodOf(MethodCallDependency call) => call.TargetMember.Name.Split('(')[0];

    private static bool TakesTimeProvider(MethodCallDependency call) => Takes(call, "System.TimeProvider");

    private static bool TakesTimeSpan(MethodCallDependency call) => Takes(call, "System.TimeSpan");

    private static bool Takes(MethodCallDependency call, string type) => call.TargetMember.Name.Contains(type, StringComparison.Ordinal);

    private static string Describe(MethodCallDependency call) =>
        $"{call.Origin.FullName} calls {call.Target.FullName}.{call.TargetMember.Name}";
}
