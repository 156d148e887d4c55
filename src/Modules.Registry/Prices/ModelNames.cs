using System.Globalization;
using System.Text.RegularExpressions;

namespace LlmRing.Modules.Registry.Prices;

/// <summary>
/// Removes the known decoration that routes put around a model's name: prefixes of hosts, regions and vendors, versions of
/// Bedrock, dates. Nothing else is ever removed, so a model is never taken for another model whose name begins alike.
/// </summary>
/// <param name="vendors">The providers of the price lists that develop models, in lower case.</param>
internal sealed partial class ModelNames(IReadOnlyList<string> vendors)
{
    /// <summary>Longer names have no decoration: the longest model of a usage.</summary>
    private const int MaxLength = 255;

    /// <summary>Prefixes that are removed at most; real names have up to three.</summary>
    private const int MaxPrefixes = 6;

    private const string Latest = "-latest";

    /// <summary>The synonym of providers that serve the models of several vendors.</summary>
    private const string AnyVendor = "*";

    /// <summary>The names to look a model up by, all in lower case, those with the least removed first.</summary>
    public IEnumerable<UndecoratedName> Undecorate(string provider, string model)
    {
        if (model.Length > MaxLength)
            yield break;

        var route = new Route(VendorsOf(provider.ToLowerInvariant()), model.ToLowerInvariant());
        for (var removed = 0; removed <= MaxPrefixes && route is not null; removed++, route = RemovePrefix(route))
        {
            foreach (var name in RemoveSuffixes(route))
                yield return name;
        }
    }

    /// <summary>The vendor whose models a provider serves under another name; null for a vendor and for an unknown provider.</summary>
    /// <param name="provider">The provider in lower case.</param>
    /// <returns><see cref="AnyVendor"/> where the provider serves the models of several vendors.</returns>
    private static string? SynonymOf(string provider) =>
        provider is "openrouter" or "litellm" || provider.Contains("bedrock", StringComparison.Ordinal)
            || provider.Contains("vertex", StringComparison.Ordinal)
            ? AnyVendor
        : provider.StartsWith("azure", StringComparison.Ordinal) || provider.StartsWith("az.ai.", StringComparison.Ordinal) ? "openai"
        : provider is "gemini" || GoogleService().IsMatch(provider) ? "google"
        : null;

    /// <summary>The providers to look a model up under: the given one first, because an own price list may have prices of a host.</summary>
    private string[] VendorsOf(string provider) => SynonymOf(provider) switch
    {
        null => [provider],
        AnyVendor => [provider, .. vendors.Where(vendor => SynonymOf(vendor) is null)],
        var vendor => [provider, vendor],
    };

    private bool IsVendor(string name) => vendors.Contains(name);

    private static IEnumerable<UndecoratedName> RemoveSuffixes(Route route)
    {
        var plain = ServedVersion().Replace(route.Name, "");
        string[] spellings = [route.Name, plain, NormalizeSpelling(plain)];
        foreach (var name in spellings.Distinct())
            yield return new UndecoratedName(route.Vendors, name, name);

        // Last, because a name whose date is part of a key is a model of its own, which may have other rates.
        var spelled = spellings[^1];
        if (spelled.EndsWith(Latest, StringComparison.Ordinal))
            yield return new UndecoratedName(route.Vendors, spelled[..^Latest.Length], spelled[..^Latest.Length]);
        else if (DateLengthOf(spelled) is var length and > 0)
            yield return new UndecoratedName(route.Vendors, spelled[..^length], spelled);
    }

    /// <summary>
    /// Spells a name as its vendor does: Vertex writes <c>@20250929</c> for a date, OpenRouter <c>4.5</c> for Claude's <c>4-5</c>.
    /// </summary>
    private static string NormalizeSpelling(string name)
    {
        if (name.Length > 9 && name[^9] is '@' && DateLengthOf($"-{name[^8..]}") > 0)
            name = $"{name[..^9]}-{name[^8..]}";
        return name.StartsWith("claude", StringComparison.Ordinal) ? DotBetweenDigits().Replace(name, "-") : name;
    }

    /// <summary>The length of the valid date at the end of a name, including the dash before the date; 0 without one.</summary>
    private static int DateLengthOf(string name)
    {
        foreach (var format in (string[])["-yyyyMMdd", "-yyyy-MM-dd"])
        {
            if (
                name.Length >= format.Length && DateOnly.TryParseExact(
                    name.AsSpan(name.Length - format.Length), format, CultureInfo.InvariantCulture, DateTimeStyles.None, out _))
                return format.Length;
        }

        return 0;
    }

    /// <summary>Removes the outermost prefix; null without a known prefix.</summary>
    private Route? RemovePrefix(Route route)
    {
        var name = route.Name;
        if (name.StartsWith("arn:", StringComparison.Ordinal))
            return name.LastIndexOf('/') is var slash and > 0 ? new Route(VendorsOf("bedrock"), name[(slash + 1)..]) : null;
        if (name.StartsWith("models/", StringComparison.Ordinal))
            return route with { Name = name["models/".Length..] };
        if (Publisher().Match(name) is { Success: true } publisher)
            return new Route(VendorsOf(publisher.Groups["vendor"].Value), name[publisher.Length..]);
        if (Region().Match(name) is { Success: true } region && IsVendor(region.Groups["vendor"].Value))
            return new Route(VendorsOf(region.Groups["vendor"].Value), name[region.Length..]);

        var end = name.IndexOfAny(['/', ':']);
        var prefix = end < 0 ? "" : name[..end];
        return IsVendor(prefix) || SynonymOf(prefix) is not null ? new Route(VendorsOf(prefix), name[(end + 1)..]) : null;
    }

    [GeneratedRegex(@"^(google[-_.]|gcp\.)")]
    private static partial Regex GoogleService();

    /// <summary>Bedrock's version of a model, and the mark that Claude Code adds for the context of a million tokens.</summary>
    [GeneratedRegex(@"(-v[0-9]+:[0-9]+|\[1m\])+\z")]
    private static partial Regex ServedVersion();

    [GeneratedRegex(@"(?<=[0-9])\.(?=[0-9])")]
    private static partial Regex DotBetweenDigits();

    [GeneratedRegex(@"^publishers/(?<vendor>[^/]+)/models/")]
    private static partial Regex Publisher();

    /// <summary>Bedrock's prefixes: the regions of an inference profile, which may be missing, and the vendor.</summary>
    [GeneratedRegex(@"^((us|eu|apac|jp|au|global)\.)?(?<vendor>[^./:]+)\.")]
    private static partial Regex Region();

    private sealed record Route(IReadOnlyList<string> Vendors, string Name);
}

/// <summary>A name without decoration.</summary>
/// <param name="Vendors">The providers to look the model up under, in order.</param>
/// <param name="Name">The name to look up.</param>
/// <param name="Snapshot">The name with its date, by which a snapshot that no list has stays apart from its base model.</param>
internal sealed record UndecoratedName(IReadOnlyList<string> Vendors, string Name, string Snapshot);
