using LlmRing.Shared.Modules;

namespace LlmRing.Host.Migrations;

/// <summary>A migration that a module embeds under <c>Migrations/</c>.</summary>
/// <param name="Name">
/// File name: <c>V001__usage.sql</c> is applied once; <c>R__functions.sql</c> is applied after all versions, and again whenever
/// its text changes.
/// </param>
/// <param name="Text">The SQL, with the placeholder <c>${schema}</c>.</param>
internal sealed record MigrationScript(string Name, string Text)
{
    private const string ReplacesMark = "-- replaces:";

    /// <summary>
    /// Scripts that this one stands for. A first line <c>-- replaces: V001__a.sql, V002__b.sql</c> says that a database which
    /// has them all is in the state that this script makes, so that old scripts can be squashed into one.
    /// </summary>
    public IReadOnlyList<string> Replaces { get; } = Text.StartsWith(ReplacesMark, StringComparison.Ordinal)
        ? Text[ReplacesMark.Length..Text.IndexOf('\n', StringComparison.Ordinal)].Split(',', StringSplitOptions.TrimEntries)
        : [];

    private bool IsRepeatable => Name.StartsWith("R__", StringComparison.Ordinal);

    /// <summary>The scripts of a module in the order in which they are applied.</summary>
    public static async Task<IReadOnlyList<MigrationScript>> ReadAsync(IModule module, CancellationToken cancellationToken)
    {
        var scripts = new List<MigrationScript>();
        var prefix = ResourcePrefix(module);
        foreach (var resource in module.Assembly.GetManifestResourceNames())
        {
            if (!resource.StartsWith(prefix, StringComparison.Ordinal) || !resource.EndsWith(".sql", StringComparison.Ordinal))
                continue;
            using var reader = new StreamReader(module.Assembly.GetManifestResourceStream(resource)!);
            scripts.Add(new MigrationScript(resource[prefix.Length..], await reader.ReadToEndAsync(cancellationToken)));
        }

        return [.. scripts.OrderBy(script => script.IsRepeatable).ThenBy(script => script.Name, StringComparer.Ordinal)];
    }

    /// <summary>Where the scripts of a module lie among the resources of its assembly.</summary>
    public static string ResourcePrefix(IModule module) => $"{module.Assembly.GetName().Name}.Migrations.";
}
