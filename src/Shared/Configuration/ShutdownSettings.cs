using System.ComponentModel.DataAnnotations;

namespace LlmRing.Shared.Configuration;

/// <summary>How the server goes.</summary>
public sealed record ShutdownSettings
{
    /// <summary>Seconds in which a server that was told to stop still serves, so that a proxy can turn to the others.</summary>
    [Setting("DRAIN_SECONDS", "a whole number of seconds from 0 to 300")]
    [Range(0, 300)]
    public int DrainSeconds { get; init; }
}
