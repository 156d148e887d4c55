using LlmRing.Shared.Settings;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace LlmRing.Modules.Registry.Prices;

/// <summary>
/// Holds the operator's own prices (<c>LLMRING_PRICES</c>) and reads the file again when it changes. A fault in the file keeps the
/// last good prices in force.
/// </summary>
internal sealed partial class OwnPrices : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly string? _path;
    private readonly TimeProvider _time;
    private readonly ILogger<OwnPrices> _logger;

    private FileState? _seen;
    private string? _hash;
    private volatile PriceList _current = PriceList.Empty;
    private volatile bool _isFaulty;

    /// <summary>Reads the file for the first time.</summary>
    /// <exception cref="OperatorErrorException">The file cannot be read, or is not a price list.</exception>
    public OwnPrices(RegistrySettings settings, TimeProvider time, ILogger<OwnPrices> logger)
    {
        (_path, _time, _logger) = (settings.Prices, time, logger);
        if (_path is not null && ReadIfChanged() is { } reason)
            throw new OperatorErrorException($"LLMRING_PRICES is '{_path}'; {reason}; accepted: {RegistrySettings.AcceptedPrices}");
    }

    /// <summary>Raised after other prices came into force.</summary>
    public event Action? Changed;

    /// <summary>The prices in force; empty without a file.</summary>
    public PriceList Current => _current;

    /// <summary>Whether the file has a fault, so that earlier prices are in force.</summary>
    public bool IsFaulty => _isFaulty;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (_path is null)
            return;

        using var timer = new PeriodicTimer(Interval, _time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            if (ReadIfChanged() is { } reason)
                LogFailed(_path, reason);
        }
    }

    /// <summary>Reads the file if it is not as it was at the last look.</summary>
    /// <returns>The fault of a changed file; null for a good file and for one that has not changed.</returns>
    private string? ReadIfChanged()
    {
        var state = default(FileState);
        try
        {
            // Its state is that of the opened file, so a file that is replaced in between is read at the next look.
            using var file = File.OpenHandle(_path!, options: FileOptions.SequentialScan);
            state = new FileState(File.GetLastWriteTimeUtc(file), RandomAccess.GetLength(file), Fault: null);
            if (state == _seen)
                return null;

            Use(OwnPriceFile.Read(file));
            _seen = state;
            return null;
        }
        catch (Exception exception) when (
            exception is IOException or UnauthorizedAccessException or InvalidDataException or NotSupportedException)
        {
            var reason = exception.Message.ReplaceLineEndings(" ");
            // A file that could not be opened has no time of change: its fault tells one look from the next.
            state ??= new FileState(default, 0, reason);
            var isKnown = state == _seen;
            _seen = state;
            _isFaulty = true;
            return isKnown ? null : reason;
        }
    }

    private void Use(OwnPriceFile file)
    {
        var (isFirst, isChanged, wasFaulty) = (_hash is null, file.Hash != _hash, _isFaulty);
        (_hash, _isFaulty) = (file.Hash, false);
        if (isChanged)
            _current = file.Prices;
        if (isFirst)
            return;

        if (isChanged || wasFaulty)
            LogLoaded(_path!);
        if (isChanged)
            Changed?.Invoke();
    }

    [LoggerMessage(LogLevel.Information, "The own prices of {Path} were read again and are in force", EventName = "OwnPricesLoaded")]
    private partial void LogLoaded(string path);

    [LoggerMessage(
        LogLevel.Warning,
        "The own prices of {Path} cannot be read: {Reason}. The last good prices stay in force",
        EventName = "OwnPricesRefused")]
    private partial void LogFailed(string path, string reason);

    /// <summary>The state of the file at a look; of a file that could not be opened its fault.</summary>
    private sealed record FileState(DateTime ModifiedAt, long Length, string? Fault);
}
