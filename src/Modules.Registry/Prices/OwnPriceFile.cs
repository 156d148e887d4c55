using System.Collections.Frozen;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using LlmRing.Shared.Pricing;
using Microsoft.Win32.SafeHandles;

namespace LlmRing.Modules.Registry.Prices;

/// <summary>
/// The operator's price list: a file in the layout of the registry's <c>models.json</c> with the models of any provider. It is
/// checked more strictly than the registry, because a slip in it would bill wrongly without a word.
/// </summary>
/// <param name="Prices">The models of the file.</param>
/// <param name="Hash">Hash of the content.</param>
internal sealed record OwnPriceFile(PriceList Prices, string Hash)
{
    private const int MaxBytes = 16 * 1024 * 1024;
    private const int MaxTierLength = 32;

    /// <summary>Reads the file.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    /// <exception cref="InvalidDataException">The content is not a price list; the message is one line.</exception>
    public static OwnPriceFile Read(SafeFileHandle file)
    {
        using var stream = new FileStream(file, FileAccess.Read, bufferSize: 0);
        var bytes = new byte[(int)Math.Min(stream.Length, MaxBytes + 1)];
        var length = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        if (length > MaxBytes)
            throw new InvalidDataException("the file is larger than 16 MiB");

        var content = bytes.AsMemory(0, length);
        var modified = new DateTimeOffset(File.GetLastWriteTimeUtc(file));
        return new OwnPriceFile(
            new PriceList(Parse(content, DateTimeOffset.FromUnixTimeSeconds(modified.ToUnixTimeSeconds()))),
            Convert.ToHexStringLower(SHA256.HashData(content.Span)));
    }

    private static List<PricedModel> Parse(ReadOnlyMemory<byte> content, DateTimeOffset modified)
    {
        try
        {
            using var document = JsonDocument.Parse(content, new JsonDocumentOptions { AllowDuplicateProperties = false });
            var root = document.RootElement;
            if (root.ValueKind is not JsonValueKind.Object
                || !root.TryGetProperty("models", out var models) || models.ValueKind is not JsonValueKind.Object)
                throw new InvalidDataException("the file has no object \"models\"");

            var origin = new PriceListOrigin(PriceSource.Own, PriceListVersion.Read(root), PriceListVersion.ReadDate(root) ?? modified);
            return models.EnumerateObject().Select(model => Parse(model, origin)).ToList();
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // JsonElement throws InvalidOperationException for a text that is not valid UTF-16.
            throw new InvalidDataException(exception.Message, exception);
        }
    }

    private static PricedModel Parse(JsonProperty model, PriceListOrigin origin)
    {
        var (key, members) = (model.Name, model.Value);
        if (!PricedModel.IsKey(key) || key.IndexOf(':', StringComparison.Ordinal) is not (> 0 and var colon) || colon == key.Length - 1)
            throw new InvalidDataException($"the key '{Printable.From(key)}' is not provider:model, with at most 50 and 255 characters");

        var place = $"models.'{Printable.From(key)}'";
        var price = ReadRates(place, key, members, origin);
        var tiers = ReadTiers(place, key, members, origin);
        return price is null && tiers.Count == 0
            ? throw new InvalidDataException($"{place} has no {ModelRates.Prefix}input and {ModelRates.Prefix}output")
            : new PricedModel(key, key[..colon], ReadAliases(place, members), price) { Tiers = tiers };
    }

    private static FrozenDictionary<string, ModelPrice> ReadTiers(string place, string key, JsonElement members, PriceListOrigin origin)
    {
        if (!members.TryGetProperty("tiers", out var tiers) || tiers.ValueKind is JsonValueKind.Null)
            return FrozenDictionary<string, ModelPrice>.Empty;
        if (tiers.ValueKind is not JsonValueKind.Object)
            throw new InvalidDataException($"{place}.tiers is no object");

        var rates = new Dictionary<string, ModelPrice>(StringComparer.Ordinal);
        foreach (var tier in tiers.EnumerateObject())
        {
            var tierPlace = $"{place}.tiers.'{Printable.From(tier.Name)}'";
            if (tier.Name.Length is 0 or > MaxTierLength || ServiceTier.Normalize(tier.Name) is not { } name)
                throw new InvalidDataException($"{tierPlace} is not a tier beside the standard one, of at most {MaxTierLength} characters");
            var price = ReadRates(tierPlace, key, tier.Value, origin)
                ?? throw new InvalidDataException($"{tierPlace} has no {ModelRates.Prefix}input and {ModelRates.Prefix}output");
            if (!rates.TryAdd(name, price with { ServiceTier = name }))
                throw new InvalidDataException($"{tierPlace} is there twice");
        }

        return rates.ToFrozenDictionary(StringComparer.Ordinal);
    }

    private static ModelPrice? ReadRates(string place, string key, JsonElement members, PriceListOrigin origin)
    {
        if (members.ValueKind is not JsonValueKind.Object)
            throw new InvalidDataException($"{place} is no object");

        foreach (
            var member in members.EnumerateObject().Where(member => member.Name.StartsWith(ModelRates.Prefix, StringComparison.Ordinal)))
        {
            if (member.Value.ValueKind is not JsonValueKind.Null && ModelRates.TryParse(member.Value) is null)
            {
                throw new InvalidDataException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{place}.{Printable.From(member.Name)} is {Printable.From(member.Value.GetRawText())}; "
                    + $"accepted: a number from 0 to {ModelRates.Max}"));
            }
        }

        return ModelRates.Read(key, members, origin)
            ?? (Has("input") || Has("output")
                ? throw new InvalidDataException($"{place} has only one of {ModelRates.Prefix}input and {ModelRates.Prefix}output")
                : null);

        bool Has(string name) => members.TryGetProperty(ModelRates.Prefix + name, out var rate) && rate.ValueKind is not JsonValueKind.Null;
    }

    private static List<string> ReadAliases(string place, JsonElement members)
    {
        if (!members.TryGetProperty("model_aliases", out var aliases) || aliases.ValueKind is JsonValueKind.Null)
            return [];
        return aliases.ValueKind is JsonValueKind.Array && aliases.EnumerateArray().All(alias => alias.ValueKind is JsonValueKind.String)
            ? aliases.EnumerateArray().Select(alias => alias.GetString()!).ToList()
            : throw new InvalidDataException($"{place}.model_aliases is no array of texts");
    }
}
