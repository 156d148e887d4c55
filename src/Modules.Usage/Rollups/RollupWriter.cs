namespace LlmRing.Modules.Usage.Rollups;

/// <summary>
/// Who adds to rollups. The writer is part of <see cref="UsageRollup.DimensionKey"/>: writers that work at the same time have
/// rows of their own, so that none waits for the commit of another. Readers add the rows up.
/// </summary>
internal enum RollupWriter
{
    /// <summary>The batches of POST /api/v1/log.</summary>
    Log,

    /// <summary>POST /api/v1/log/batch.</summary>
    Batch,

    /// <summary>Other modules, by IUsageLedger.</summary>
    Ledger,

    /// <summary>New prices of usages that the rollups count already, and usages that leave the rollups.</summary>
    Reprice,
}
