using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization;
using Dapper;
using LlmRing.Shared.Json;
using LlmRing.Shared.Pricing;
using Npgsql;

namespace LlmRing.Modules.Usage.Storage;

/// <summary>
/// Stores each price once; usages refer to it by number. A price list of thousands of models changes seldom, so the numbers of the
/// prices in use stay in memory.
/// </summary>
internal sealed class PriceStore(NpgsqlDataSource database)
{
    // Without nulls, so that a price of before equals the same price after a rate was added to ModelPrice.
    private static readonly JsonSerializerOptions Options =
        new(JsonConventions.Options) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    private readonly ConcurrentDictionary<ModelPrice, int> _ids = new();

    /// <summary>Reads a stored price.</summary>
    /// <param name="json">Value of <c>usage_prices.price</c>.</param>
    public static ModelPrice Parse(string json) => JsonSerializer.Deserialize<ModelPrice>(json, Options)!;

    /// <summary>
    /// Stores the prices that are not stored yet. In a transaction of its own: an id that is rolled back must not stay in memory.
    /// </summary>
    public async ValueTask StoreAsync(IEnumerable<UsageRecord> records, CancellationToken cancellationToken)
    {
        HashSet<ModelPrice>? unknown = null;
        var last = default(ModelPrice);
        foreach (var record in records)
        {
            // The registry hands out the same instance for the same model.
            if (record.Price is not { } price || ReferenceEquals(price, last))
                continue;
            last = price;
            if (!_ids.ContainsKey(price))
                (unknown ??= []).Add(price);
        }

        if (unknown is not null)
            await InsertAsync([.. unknown], cancellationToken);
    }

    /// <summary>The id of a price after <see cref="StoreAsync"/>; null for no price.</summary>
    public int? IdOf(ModelPrice? price) => price is null ? null : _ids[price];

    /// <summary>Reads the names of stored prices, by their ids.</summary>
    public static async Task<Dictionary<int, string>> ReadNamesAsync(
        NpgsqlConnection connection, IEnumerable<int?> ids, CancellationToken cancellationToken)
    {
        var wanted = ids.OfType<int>().Distinct().ToArray();
        if (wanted.Length == 0)
            return [];
        var names = await connection.QueryAsync<(int Id, string Name)>(new CommandDefinition(
            "select id, priced_as from usage_prices where id = any(@wanted)", new { wanted }, cancellationToken: cancellationToken));
        return names.ToDictionary(price => price.Id, price => price.Name);
    }

    private async Task InsertAsync(ModelPrice[] prices, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var parameters = new { prices = Array.ConvertAll(prices, price => JsonSerializer.Serialize(price, Options)) };
        // Two statements: the second sees what another host has inserted meanwhile. Sorted, so that no two hosts wait for each other.
        await connection.ExecuteAsync(new CommandDefinition(
            "insert into usage_prices (price) select price::jsonb from unnest(@prices) as price order by 1 on conflict do nothing",
            parameters,
            cancellationToken: cancellationToken));
        var ids = await connection.QueryAsync<(long Place, int Id)>(new CommandDefinition(
            """
            select wanted.place, stored.id
            from unnest(@prices) with ordinality as wanted (price, place)
            join usage_prices stored on stored.price = wanted.price::jsonb
            """,
            parameters,
            cancellationToken: cancellationToken));
        foreach (var (place, id) in ids)
            _ids[prices[place - 1]] = id;
    }
}
