using System.ComponentModel.DataAnnotations;
using System.Net;
using LlmRing.Shared.Settings;
using Microsoft.Extensions.Configuration;

namespace LlmRing.Shared.Tests.Settings;

public sealed class SettingsReaderTests
{
    [Test]
    public async Task Absent_and_blank_values_keep_the_defaults()
    {
        var settings = Read(("NUMBER", "  "));

        await Assert.That(settings).IsEquivalentTo(new Sample());
    }

    [Test]
    public async Task Values_of_every_kind_are_read()
    {
        var settings = Read(("NUMBER", "7"), ("FLAG", "1"), ("MODE", "STRICT"), ("NAMES", "a, b"), ("NETWORKS", "10.0.0.0/8,::1"), ("PLACE", "file:///srv/registry"));

        await Assert.That(settings.Number).IsEqualTo(7);
        await Assert.That(settings.Flag).IsTrue();
        await Assert.That(settings.Mode).IsEqualTo(Level.Strict);
        await Assert.That(settings.Names).IsEquivalentTo(["a", "b"]);
        await Assert.That(string.Join(' ', settings.Networks)).IsEqualTo("10.0.0.0/8 ::1/128");
        await Assert.That(settings.Place.IsFile).IsTrue();
    }

    [Test]
    public async Task A_list_may_be_a_json_array()
    {
        await Assert.That(Read(("NAMES", """["a","b"]""")).Names).IsEquivalentTo(["a", "b"]);
    }

    [Test]
    [Arguments("NUMBER", "many")]
    [Arguments("NUMBER", "11")]
    [Arguments("NUMBER", "99999999999")]
    [Arguments("FLAG", "perhaps")]
    [Arguments("MODE", "7")]
    [Arguments("MODE", "0")]
    [Arguments("MODE", "lenient,strict")]
    [Arguments("NAMES", "[broken")]
    [Arguments("NETWORKS", "10.0.0.0/33")]
    [Arguments("PLACE", "nowhere")]
    public async Task A_value_that_does_not_fit_is_named_with_what_is_accepted(string name, string value)
    {
        await Assert.That(() => Read((name, value)))
            .Throws<OperatorErrorException>()
            .WithMessage($"LLMRING_{name} is '{value}'; accepted: something else");
    }

    [Test]
    public async Task A_secret_value_is_not_repeated()
    {
        await Assert.That(() => Read(("SECRET", "hunter2")))
            .Throws<OperatorErrorException>()
            .WithMessage("LLMRING_SECRET is (not shown); accepted: something else");
    }

    private static Sample Read(params (string Name, string Value)[] variables) => new ConfigurationBuilder()
        .AddInMemoryCollection(variables.ToDictionary(variable => variable.Name, variable => (string?)variable.Value))
        .Build()
        .ReadSettings<Sample>();

    private enum Level
    {
        Bridge,
        Strict,
    }

    private sealed record Sample
    {
        [Setting("NUMBER", "something else")]
        [Range(1, 10)]
        public int Number { get; init; } = 5;

        [Setting("FLAG", "something else")]
        public bool Flag { get; init; }

        [Setting("MODE", "something else")]
        public Level Mode { get; init; }

        [Setting("NAMES", "something else")]
        public IReadOnlyList<string> Names { get; init; } = [];

        [Setting("NETWORKS", "something else")]
        public IReadOnlyList<IPNetwork> Networks { get; init; } = [];

        [Setting("PLACE", "something else")]
        public Uri Place { get; init; } = new("https://registry.example/");

        [Setting("SECRET", "something else", Secret = true)]
        [RegularExpression("postgres://.+")]
        public string? Secret { get; init; }
    }
}
