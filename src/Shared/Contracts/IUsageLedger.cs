using LlmRing.Shared.Pricing;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Shared.Contracts;

/// <summary>
/// Appends usages and withdraws them again, in one transaction with rows of the caller. The Usage module implements it; a module that
/// depends on it names <c>usage</c> in <see cref="Modules.IModule.Requires"/>.
/// </summary>
public interface IUsageLedger
{
    /// <summary>
    /// Changes the usages of a scope and their rollups in one transaction, which is committed on return. The usages are priced first, by
    /// the price lists.
    /// </summary>
    /// <param name="scope">The owner of the usages.</param>
    /// <param name="usages">The usages that may be appended.</param>
    /// <param name="decide">
    /// Runs inside the transaction and returns the changes. It may read and write tables of its module over the connection, and take
    /// locks that end with the transaction. It leaves the transaction alone, and runs again where the transaction has to be repeated.
    /// </param>
    /// <param name="cancellationToken">Cancels the transaction: nothing is stored.</param>
    /// <exception cref="NpgsqlException">PostgreSQL refused or was not available; nothing is stored.</exception>
    Task WriteAsync(
        Scope scope,
        IReadOnlyList<NewUsage> usages,
        Func<NpgsqlConnection, CancellationToken, Task<UsageChanges>> decide,
        CancellationToken cancellationToken);
}

/// <summary>Changes of the usages of a scope.</summary>
/// <param name="Appended">Those of the new usages that are stored, in any order.</param>
/// <param name="Withdrawn">
/// Ids of stored usages that are deleted, and leave the rollups. Ids that no usage of the scope has are ignored. The event
/// <see cref="Events.UsageLogged"/> of a withdrawn usage was published and is not taken back.
/// </param>
public sealed record UsageChanges(IReadOnlyCollection<NewUsage> Appended, IReadOnlyCollection<Guid> Withdrawn);

/// <summary>A usage that a module appends. Texts that are longer than their column, or contain U+0000, fail the transaction.</summary>
public sealed record NewUsage
{
    /// <summary>Its id, by which it can be withdrawn.</summary>
    public required Guid Id { get; init; }

    /// <summary>When the call was made, UTC, in whole microseconds.</summary>
    public required DateTime CreatedAt { get; init; }

    /// <summary>The provider as the source names it, at most 50 characters.</summary>
    public required string Provider { get; init; }

    /// <summary>The model as the source names it, at most 255 characters.</summary>
    public required string Model { get; init; }

    /// <summary>
    /// Further names by which the price is looked up, in this order, when the price lists do not know <see cref="Provider"/> and
    /// <see cref="Model"/>: e.g. the model that was requested, and the model's vendor in place of a host.
    /// </summary>
    public IReadOnlyList<ModelName> FurtherNames { get; init; } = [];

    /// <summary>Inclusive counts.</summary>
    public required TokenCounts Tokens { get; init; }

    /// <summary><c>batch</c>, <c>flex</c>, <c>priority</c>; null: standard.</summary>
    public string? ServiceTier { get; init; }

    /// <summary>The cost in USD that the source computed.</summary>
    public decimal? ReportedCost { get; init; }

    /// <summary>Whether the reported cost wins over the price lists; else it counts only for models that they do not know.</summary>
    public bool PrefersReportedCost { get; init; }

    /// <summary>The alias by which the model was called, at most 128 characters.</summary>
    public string? Alias { get; init; }

    /// <summary>The profile of the caller's lockfile, at most 64 characters.</summary>
    public string Profile { get; init; } = "default";

    /// <summary>The calling program, at most 255 characters.</summary>
    public string? Origin { get; init; }

    /// <summary>The id of the call at its provider, at most 255 characters: a label, not a key.</summary>
    public string? IdAtOrigin { get; init; }

    /// <summary>The conversation of the call.</summary>
    public Guid? ConversationId { get; init; }

    /// <summary>Duration of the call in ms.</summary>
    public int? LatencyMs { get; init; }

    /// <summary>A JSON object without U+0000.</summary>
    public string Metadata { get; init; } = "{}";

    /// <summary>
    /// A name of the call, unique in the scope, under which it is stored once for seven days, at most 255 characters; null: none. A further
    /// usage with the same key is ignored. Begin keys with the module's name.
    /// </summary>
    public string? IdempotencyKey { get; init; }
}
