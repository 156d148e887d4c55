namespace LlmRing.Shared.Postgres;

/// <summary>
/// The PostgreSQL advisory locks that this server takes. They are numbers that all programs of a database share: a module
/// that takes locks of its own chooses other numbers.
/// </summary>
public static class AdvisoryLocks
{
    /// <summary>Held while migrations are applied, so that hosts that start at once take turns.</summary>
    public const long Migrations = 0x11_4D_52_49_4E_47;

    /// <summary>Held while a key is created, so that no two commands create the same project.</summary>
    public const long Keys = 0x4B_45_59_53;

    /// <summary>Held while adopted rows are given to the projects of their keys.</summary>
    public const long ProjectBackfill = 0x50_52_4F_4A;

    /// <summary>Held while the retention policies run.</summary>
    public const long Retention = 0x52_45_54_45_4E_54;

    /// <summary>Held while a step of messages is added to the search index.</summary>
    public const long SearchIndex = 0x53_45_41_52_43_48;
}
