using System.ComponentModel.DataAnnotations;
using LlmRing.Shared.Settings;

namespace LlmRing.Host.Pipeline.RequestBodies;

/// <summary>The memory that request bodies may take.</summary>
internal sealed record RequestBodySettings
{
    /// <summary>The limit of a body whose route declares no other, bytes.</summary>
    public const int DefaultLimit = 1024 * 1024;

    /// <summary>Megabytes that all bodies of more than 16 KiB under way on this host may have together, after decompression.</summary>
    [Setting("REQUEST_BODY_MEMORY", "a number of megabytes from 32 to 65536")]
    [Range(32, 65_536)]
    public int RequestBodyMemory { get; init; } = 64;
}
